"""A small made-up run, told by its ledger alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from rewardsmith.config import EvolveConfig
from rewardsmith.store import Run
from rewardsmith.types import (
    Attempt,
    Candidate,
    Curve,
    EnvSpec,
    Feedback,
    Final,
    Generation,
    Judged,
    Mark,
    Measure,
    Note,
    Outcome,
    Policy,
    ReferenceResult,
    References,
    Rejected,
    Reply,
    Score,
    Signal,
    Spend,
    Task,
    Trained,
)

CODE = "def compute_reward(speed):\n    return speed, {'speed': speed}\n"
TASK = Task(
    name="cheetah_run",
    goal="Run forward, as fast as you can | without falling over.",
    env=EnvSpec(backend="envpool", id="HalfCheetah-v5"),
    signals=(Signal(name="speed", shape=(), unit="m/s", doc="forward speed", source="info.x_velocity"),),
    fitness=Measure(source="speed", reduce="mean", unit="m/s"),
    success=None,
    references=References(),
    episode_steps=1000,
    control_dt_s=0.05,
)


def score_of(mean: float, ci95: float = 0.25, *, success: float | None = None, episodes: int = 4) -> Score:
    interval = None if success is None else (success - 0.1, success + 0.1)
    return Score(
        episodes=(mean,) * episodes,
        mean=mean,
        ci95=ci95,
        success_rate=success,
        success_ci95=interval,
        mean_length=1000.0,
    )


def judged_of(
    mean: float, *, fitness: tuple[float, ...] = (), reward: tuple[float, ...] = (), success: float | None = None
) -> Judged:
    curves = tuple(
        Curve(name=name, env_steps=tuple(range(len(values))), values=values)
        for name, values in (("fitness", fitness), ("reward", reward))
        if values
    )
    policy = Policy(tensors={"w": torch.full((2,), mean)})
    trained = Trained(verified=None, policy=policy, curves=curves, env_steps=20_000, seconds=90.0)
    return Judged(trained=trained, score=score_of(mean, success=success))


def attempt_of(name: str, outcome: Outcome, parents: tuple[str, ...] = (), *, tokens: int = 600) -> Attempt:
    candidate = Candidate(
        id=name,
        code=CODE,
        sha256=hashlib.sha256(CODE.encode()).hexdigest(),
        origin="llm",
        model="openai/some-model",
        parents=parents,
    )
    steps = 20_000 if isinstance(outcome, Judged) else 0
    spend = Spend(tokens_in=tokens, tokens_out=100, cost_usd=0.01, env_steps=steps, seconds=90.0 if steps else 0.0)
    return Attempt(candidate=candidate, outcome=outcome, spend=spend, feedback=(Feedback(source="curves", text="up"),))


@pytest.fixture
def attempt() -> Callable[..., Attempt]:
    return attempt_of


@pytest.fixture
def judged() -> Callable[..., Judged]:
    return judged_of


@pytest.fixture
def score() -> Callable[..., Score]:
    return score_of


@pytest.fixture
def empty_run(tmp_path: Path) -> Iterator[Run]:
    with Run.create(
        tmp_path / "20261121-062000-cheetah_run",
        task=TASK,
        config=EvolveConfig(model="openai/some-model"),
        task_text="name: cheetah_run\n",
        allowed={"speed": ()},
    ) as run:
        yield run


@pytest.fixture
def run(empty_run: Run) -> Run:
    """Two generations: one rejection, one hacked reward, and a winner with its references."""
    hacked = judged_of(
        1.0, fitness=(0.0, 1.0, 2.0, 3.0, 3.0, 3.0, 2.0, 1.0, 1.0), reward=(0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
    )
    unsafe = Rejected(stage="static", reason="Reward code may not import os | or <sys>.", hint="Use torch.", line=3)
    empty_run.add_generation(Generation(index=0, chain=0, attempts=()))
    empty_run.add_generation(
        Generation(
            index=1,
            chain=0,
            attempts=(
                attempt_of("g001-00", unsafe),
                attempt_of("g001-01", judged_of(2.0, success=0.25)),
                attempt_of("g001-02", hacked),
            ),
        )
    )
    empty_run.say(Note(text="Keep the torso\nlow.", on="g001-01", who="ada", when="2026-11-21T06:21:00Z"))
    empty_run.say(Mark(kind="veto", on="g001-02", who="ada", when="2026-11-21T06:22:00Z"))
    people = empty_run.people.said_before(2)
    second = (attempt_of("g002-00", judged_of(3.5, success=0.75), ("g001-01",)),)
    empty_run.add_generation(Generation(index=2, chain=0, attempts=second, people=people, parents=("g001-01",)))
    empty_run.set_references(
        (
            ReferenceResult(name="expert", outcome=judged_of(5.0)),
            ReferenceResult(
                name="sparse", outcome=Rejected(stage="train", reason="Its weights grew to infinity.", hint="None.")
            ),
        )
    )
    empty_run.set_final(
        Final(
            winner="g002-00",
            score=score_of(2.5, success=0.5, episodes=8),
            references=(("expert", score_of(5.0, episodes=8)),),
            human_normalised_note="Not defined: the expert's and the sparse reward's policies are both needed.",
        )
    )
    for index in range(4):
        empty_run.replies.sent(f"k{index}", request={})
    for index in range(3):
        reply = Reply(text="", finish="stop", model="m", tokens_in=600, tokens_out=100, cost_usd=0.01)
        empty_run.replies.put(f"k{index}", reply)
    empty_run.end("all generations are bred")
    return empty_run
