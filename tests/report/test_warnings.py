"""A person is warned when a result should be doubted, and left in peace when not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rewardsmith.report.warnings import flattered, parted_ways, warnings
from rewardsmith.store import Run
from rewardsmith.types import Attempt, Drafted, Final, Judged, Score

RISING = (0.0, 1.0, 2.0, 3.0, 4.0)
FALLING_LATE = (0.0, 2.0, 3.0, 2.0, 1.0)


@pytest.mark.parametrize(
    ("fitness", "reward", "warned"),
    [
        (FALLING_LATE, RISING, True),  # peak 3 in the third fifth, 1 at the end: fell by 2 of a range of 3
        (RISING, RISING, False),
        (FALLING_LATE, FALLING_LATE, False),  # both fell: it forgot, nothing was hacked
        ((0.0, 2.0, 3.0, 3.0, 2.9), RISING, False),  # fell by 0.1 of 3
        ((3.0, 3.0, 3.0, 3.0, 3.0), RISING, False),
        (FALLING_LATE[:4], RISING[:4], False),  # too few points to tell
        ((), RISING, False),
        # Ten points in fifths of two: one bad point at the end does not make the last fifth fall below 30%.
        ((0.0, 0.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 1.4), tuple(map(float, range(10))), False),
    ],
)
def test_a_reward_that_rises_while_fitness_falls_is_told(
    attempt: Callable[..., Attempt],
    judged: Callable[..., Judged],
    fitness: tuple[float, ...],
    reward: tuple[float, ...],
    warned: bool,
) -> None:
    line = parted_ways(attempt("g001-02", judged(1.0, fitness=fitness, reward=reward)))
    assert (line is not None) == warned


def test_the_warning_names_the_candidate_and_the_numbers(
    attempt: Callable[..., Attempt], judged: Callable[..., Judged]
) -> None:
    assert parted_ways(attempt("g001-02", judged(1.0, fitness=FALLING_LATE, reward=RISING))) == (
        "g001-02: its own reward rose from 2 to 4 per step while the fitness fell from 3 to 1: it may pay for "
        "something else than the goal. Watch its policy before using it."
    )
    assert parted_ways(attempt("g001-02", Drafted())) is None


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
