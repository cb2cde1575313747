"""A person is warned when a result should be doubted, and left in peace when not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rewardsmith.config import EvolveConfig
from rewardsmith.report.warnings import flattered, warnings
from rewardsmith.store import Run
from rewardsmith.types import Attempt, Feedback, Final, Judged, Score


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


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ((0.5, 0.0), []),
        ((0.5, None, 0.0), ["The judge scored 2 of 3 attempts (search.rank_by is llm); the others are ranked by"]),
        ((None, None), ["The judge scored 0 of 2 attempts"]),
    ],
)
def test_attempts_that_a_ranking_judge_gave_no_score_are_told(
    empty_run: Run, attempt: Callable[..., Attempt], judged: Callable[..., Judged], tmp_path: Path,
    scores: tuple[float | None, ...], told: list[str],
) -> None:  # fmt: skip
    attempts = [
        replace(attempt(f"g001-0{i}", judged(1.0)), feedback=(Feedback(source="llm_judge", text="", score=score),))
        for i, score in enumerate(scores)
    ]
    assert warnings(empty_run, attempts, None) == ()
    config = EvolveConfig.model_validate({"search": {"rank_by": "llm"}})
    with Run.create(tmp_path / "ranked", task=empty_run.task, config=config, task_text="", allowed={}) as ranked:
        found = warnings(ranked, attempts, None)
    assert len(found) == len(told)
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True))
