"""A person is warned when a result should be doubted, and left in peace when not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rewardsmith.report.warnings import flattered, warnings
from rewardsmith.store import Run
from rewardsmith.types import Attempt, Final, Judged, Score


@pytest.mark.parametrize(("again", "warned"), [(2.9, True), (3.1, False), (9.0, False)])
def test_a_winner_that_was_lucky_is_told(
    attempt: Callable[..., Attempt],
    judged: Callable[..., Judged],
    score: Callable[..., Score],
    again: float,
    warned: bool,
) -> None:
    # Selected at 3.5 +- 0.25: 2.9 + 0.25 lies below 3.25, 3.1 + 0.25 does not.
    line = flattered(attempt("g002-00", judged(3.5)), Final(winner="g002-00", score=score(again)))
    assert (line is not None) == warned


def test_a_run_without_faults_has_no_warnings(empty_run: Run) -> None:
    assert warnings(empty_run, [], None) == ()


def test_a_request_that_was_never_answered_is_told(empty_run: Run) -> None:
    empty_run.replies.sent("k", request={})
    assert warnings(empty_run, [], None) == (
        "Requests that were sent and never answered: 1. The provider may charge for them.",
    )
