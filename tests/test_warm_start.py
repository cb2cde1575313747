"""Warm starts in the loop: children begin from their best parent's judged policy, and a resumed run knows the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from rewardsmith.config import EvolveConfig, method_layer
from rewardsmith.evolve import evolve
from rewardsmith.graph import allowed_inputs
from rewardsmith.interfaces import Parts
from rewardsmith.sim.point import point_task
from rewardsmith.store import Run
from rewardsmith.train import parents_policies
from rewardsmith.types import (
    Attempt,
    Candidate,
    Checkpoint,
    Drafted,
    Generation,
    Judged,
    Policy,
    Score,
    Trained,
)

TASK = point_task(episode_steps=10)


def _attempt(name: str, *, parents: Sequence[str] = (), fitness: float | None = None, peak: bool = False) -> Attempt:
    candidate = Candidate(id=name, code="", sha256="", origin="llm", model="", parents=tuple(parents))
    if fitness is None:
        return Attempt(candidate=candidate, outcome=Drafted())
    trained = Trained(
        verified=None, policy=_policy(name), curves=(), env_steps=100, seconds=1.0,
        peak=Checkpoint(policy=_policy(f"{name} peak"), env_steps=60),
    )  # fmt: skip
    score = Score(episodes=(fitness,), mean=fitness, ci95=0.0, success_rate=None, success_ci95=None, mean_length=1.0)
    checkpoint = "peak" if peak else "last"
    return Attempt(candidate=candidate, outcome=Judged(trained=trained, score=score, checkpoint=checkpoint))


def _policy(name: str) -> Policy:
    return Policy(tensors={name: torch.zeros(1)})


def _whose(start: Checkpoint) -> tuple[list[str], int]:
    return list(start.policy.tensors), start.env_steps


def test_a_child_starts_from_the_judged_policy_of_its_best_parent() -> None:
    known = [_attempt("a", fitness=1.0), _attempt("b", fitness=2.0), _attempt("c", fitness=3.0, peak=True)]
    batch = [_attempt("x", parents=["a", "b"]), _attempt("y", parents=["c", "a"]), _attempt("z", parents=["a"])]
    starts = parents_policies(batch, known)
    assert {name: _whose(start) for name, start in starts.items()} == {
        "x": (["b"], 100),
        "y": (["c peak"], 60),
        "z": (["a"], 100),
    }


def test_whoever_has_no_judged_parent_starts_afresh() -> None:
    known = [_attempt("a"), _attempt("b", fitness=1.0)]
    batch = [_attempt("x"), _attempt("y", parents=["a"]), _attempt("z", parents=["gone"])]
    assert parents_policies(batch, known) == {}


@pytest.fixture
def warm(config: EvolveConfig) -> EvolveConfig:
    """Three generations of two, each child half its parent."""
    search = config.search.model_copy(update={"generations": 3, "restarts": 1})
    return config.model_copy(update={"search": search, "train": config.train.model_copy(update={"warm_start": 0.5})})


def _policies(generations: Sequence[Generation]) -> list[dict[str, list[float]]]:
    judged = [a.outcome for g in generations for a in g.attempts if isinstance(a.outcome, Judged)]
    return [{n: t.flatten().tolist() for n, t in j.trained.policy.tensors.items()} for j in judged]


def test_a_warm_run_resumed_from_any_point_equals_the_unbroken_one(
    parts: Callable[..., Parts], warm: EvolveConfig
) -> None:
    unbroken = list(evolve(TASK, parts(), warm))
    for known in (1, 2, 3):
        rest = list(evolve(TASK, parts(), warm, unbroken[:known]))
        assert _policies([*unbroken[:known], *rest]) == _policies(unbroken)


def test_a_policy_read_back_from_a_runs_folder_is_the_one_a_child_would_have_started_from(
    parts: Callable[..., Parts], warm: EvolveConfig, tmp_path: Path
) -> None:
    loop = evolve(TASK, parts(), warm)
    bred = [next(loop), next(loop)]
    with Run.create(tmp_path / "run", task=TASK, config=warm, task_text="", allowed=allowed_inputs(TASK)) as run:
        for generation in bred:
            run.add_generation(generation)
    [best] = [a.id for a in bred[1].attempts if a.fitness == max(b.fitness or -9.0 for b in bred[1].attempts)]
    child = [_attempt("x", parents=[best])]
    with Run.open(tmp_path / "run", write=False) as run:
        kept = parents_policies(child, [a for g in run.history() for a in g.attempts])["x"]
        meant = parents_policies(child, bred[1].attempts)["x"]
        assert kept.env_steps == meant.env_steps
        assert kept.policy.tensors.keys() == meant.policy.tensors.keys()
        assert all(torch.equal(kept.policy.tensors[name], tensor) for name, tensor in meant.policy.tensors.items())


def test_the_first_generation_of_a_warm_run_is_a_cold_ones_and_the_next_is_not(
    parts: Callable[..., Parts], warm: EvolveConfig
) -> None:
    cold = warm.model_copy(update={"train": warm.train.model_copy(update={"warm_start": 0.0})})
    ours, theirs = (list(evolve(TASK, parts(), c)) for c in (warm, cold))
    assert _policies(ours[:2]) == _policies(theirs[:2])
    assert _policies(ours[2:3]) != _policies(theirs[2:3])


@pytest.mark.parametrize("method", ["default", "eureka", "card", "text2reward", "auto_mc_reward"])
def test_no_shipped_method_warms_up(method: str) -> None:
    """None of the papers did: every candidate's fitness is of a training of its own."""
    train = method_layer(method).get("train", {})
    assert isinstance(train, dict)
    assert "warm_start" not in train
    assert EvolveConfig().train.warm_start == 0.0
