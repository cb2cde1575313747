"""What racing saved, told in a few lines."""

from __future__ import annotations

from dataclasses import replace

from rewardsmith.report.race import raced
from rewardsmith.types import Attempt, Candidate, Policy, Rejected, Spend, Stop, Trained


def _attempt(name: str, env_steps: int, stop: Stop | None = None) -> Attempt:
    trained = Trained(
        verified=None, policy=Policy(tensors={}), curves=(), env_steps=env_steps, seconds=1.0, stopped=stop
    )
    return Attempt(candidate=Candidate(id=name, code="", sha256="", origin="llm", model=""), outcome=trained)


def test_nothing_is_said_where_nobody_was_stopped() -> None:
    rejected = Attempt(
        candidate=_attempt("g001-01", 0).candidate, outcome=Rejected(stage="probe", reason="Constant.", hint="")
    )
    assert raced([_attempt("g001-00", 100), rejected], env_steps=100) == []
    assert raced([], env_steps=100) == []


def test_steps_saved_are_counted_and_hacking_is_named() -> None:
    attempts = [
        _attempt("g001-00", 100),
        _attempt("g001-01", 20, Stop(kind="raced", env_steps=20, why="Stopped in place 3.")),
        _attempt("g001-02", 40, Stop(kind="raced", env_steps=40, why="Stopped in place 2.")),
        _attempt("g001-03", 60, Stop(kind="hacking", env_steps=20, why="Stopped after 60: fitness fell.")),
    ]
    # 100 + 20 + 40 + 60 = 220 of 400
    assert raced(attempts, env_steps=100) == [
        "3 of 4 trainings were stopped early (2 behind the others, 1 suspected of hacking), which saved 180 of 400 "
        "env steps (45%)",
        "g001-03: Stopped after 60: fitness fell.",
    ]


def test_with_several_seeds_all_trainings_steps_are_counted() -> None:
    behind = Stop(kind="raced", env_steps=20, why="Stopped in place 3.")
    attempts = [
        replace(_attempt("g001-00", 100), spend=Spend(env_steps=300)),
        replace(_attempt("g001-01", 20, behind), spend=Spend(env_steps=140)),
    ]
    assert raced(attempts, env_steps=100, seeds=3) == [
        "1 of 2 median trainings were stopped early (1 behind the others), and stops under all 3 seeds saved 160 of "
        "600 env steps (27%)"
    ]


def test_rounding_up_to_whole_rollouts_saves_nothing_below_zero() -> None:
    attempts = [_attempt("g001-00", 128, Stop(kind="solved", env_steps=128, why="Solved."))]
    assert raced(attempts, env_steps=100)[0].endswith("saved 0 of 100 env steps (0%)")
