"""What the screen saved and how often it was wrong, counted from what stands in the attempts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rewardsmith.report.screen import audited, screened
from rewardsmith.screen.records import feedback
from rewardsmith.screen.verdicts import Failed, Passed, Undecided, Verdict
from rewardsmith.types import Attempt, Candidate, Judged, Policy, Rejected, Score, Trained

WRONG = Failed(test="preference", reason="It ranks wrongly.", hint="")
PASSED = Passed(test="preference", words="It ranks rightly.")


def _attempt(name: str, *verdicts: Verdict, fitness: float | None = None, audit: bool = False) -> Attempt:
    """Judged at `fitness`, or rejected by the screen where there is none."""
    candidate = Candidate(id=name, code="", sha256="", origin="offline", model="")
    said = (feedback(verdicts, audited=audit),) if verdicts else ()
    if fitness is None:
        return Attempt(candidate=candidate, outcome=Rejected(stage="screen", reason="", hint=""), feedback=said)
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=(), env_steps=100, seconds=0.0)
    score = Score(
        episodes=(fitness,) * 2, mean=fitness, ci95=0.5, success_rate=None, success_ci95=None, mean_length=1.0
    )
    return Attempt(candidate=candidate, outcome=Judged(trained=trained, score=score), feedback=said)


def test_a_run_in_which_the_screen_said_nothing_says_nothing_of_it() -> None:
    assert screened([_attempt("a", fitness=1.0)], env_steps=100) == []


def test_skipped_trainings_are_counted_by_their_reason() -> None:
    twin = Failed(test="duplicate", reason="It is a.", hint="", numbers={"twin": "a"}, proven=True)
    attempts = [
        _attempt("a", PASSED, fitness=1.0),
        _attempt("b", WRONG),
        _attempt("c", WRONG),
        _attempt("d", twin),
        _attempt("e", Undecided(test="preference", words="0 successes are known."), fitness=2.0),
    ]
    assert screened(attempts, env_steps=100) == [
        "3 trainings skipped, which saved up to 300 env steps",
        "2 ranked known episodes wrongly",
        "1 equal to a reward tried before",
        "1 undecided by the preference test; the last: 0 successes are known.",
    ]


def test_all_that_a_test_left_undecided_is_one_number_whatever_was_known_when() -> None:
    attempts = [
        _attempt(str(i), Undecided(test="preference", words=f"{i // 8} successes are known."), fitness=1.0)
        for i in range(40)
    ]
    assert screened(attempts, env_steps=100)[1:] == [
        "40 undecided by the preference test; the last: 4 successes are known."
    ]


def test_an_audit_counts_who_beat_the_median_of_those_let_through_and_who_beat_them_all() -> None:
    attempts = [
        *(_attempt(f"p{f}", PASSED, fitness=f) for f in (1.0, 2.0, 3.0)),
        _attempt("x", WRONG, fitness=0.0, audit=True),
        _attempt("y", WRONG, fitness=2.5, audit=True),
        _attempt("z", WRONG, fitness=9.0, audit=True),
        _attempt("w", WRONG, fitness=-1.0, audit=True),
    ]
    found = audited(attempts)
    assert found is not None
    assert (found.trained, found.wrong, found.best) == (4, 2, 1)
    # Wilson, 2 of 4: (0.5 + z2/8 +- z sqrt(1/16 + z2/64)) / (1 + z2/4) with z2 = 3.8416 is 0.5 +- 0.35
    assert found.interval == pytest.approx((0.150, 0.850), abs=1e-3)
    told = screened(attempts, env_steps=1)[-1]
    assert "of 4 that it would have skipped and that were trained, 2 did better" in told
    assert "(15% to 85% of all skipped but the same programs, at 95%)" in told


def test_a_duplicate_was_skipped_wrongly_only_if_it_beats_its_twin_by_more_than_chance() -> None:
    shaped = Failed(test="duplicate", reason="It is a.", hint="", numbers={"twin": "a"})
    first = _attempt("a", fitness=5.0)
    close, far = (_attempt(name, shaped, fitness=f, audit=True) for name, f in (("b", 5.9), ("c", 6.1)))
    found = audited([first, close, far])
    assert found is not None
    assert (found.trained, found.wrong) == (2, 1)  # both intervals are 0.5 wide on either side


def test_a_duplicate_of_what_could_not_be_trained_was_skipped_wrongly() -> None:
    shaped = Failed(test="duplicate", reason="It is a.", hint="", numbers={"twin": "a"})
    lost = replace(_attempt("a"), outcome=Rejected(stage="train", reason="NaN.", hint=""))
    found = audited([lost, _attempt("b", shaped, fitness=1.0, audit=True)])
    assert found is not None
    assert (found.trained, found.wrong) == (1, 1)


def test_a_training_that_failed_was_skipped_rightly() -> None:
    failed = replace(_attempt("x", WRONG, audit=True), outcome=Rejected(stage="train", reason="NaN.", hint=""))
    found = audited([failed])
    assert found is not None
    assert (found.trained, found.wrong, found.best) == (1, 0, 0)
