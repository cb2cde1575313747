"""A robot arm that reaches, its episodes, and a model that answers from a recording."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from rewardsmith.interfaces import Ask
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.questions import Questions
from rewardsmith.propose.replay import ReplayProposer
from rewardsmith.types import (
    Attempt,
    Candidate,
    EnvSpec,
    Judged,
    Measure,
    Policy,
    References,
    Score,
    Signal,
    Task,
    Trained,
    Trajectory,
)

TASK = Task(
    name="reach",
    goal="Touch the button and stay there.",
    env=EnvSpec(backend="none", id="none"),
    signals=(
        Signal(name="distance", shape=(), unit="m", doc="From the hand to the button.", source="HIDDEN_source"),
        Signal(name="hand", shape=(3,), unit="m", doc="Where the hand is.", source="HIDDEN_source"),
    ),
    fitness=Measure(source="HIDDEN_fitness", reduce="final", unit="m", doc="how close the hand is in the end"),
    success=Measure(source="HIDDEN_success", reduce="any", doc="the button was touched", at_least=0.5),
    references=References(expert="HIDDEN_expert"),
    episode_steps=8,
    control_dt_s=0.05,
)


def episode(
    end: float, *, steps: int = 4, success: bool | None = False, terminated: bool = False, source: str = "g001-00"
) -> Trajectory:
    """The hand goes straight from 1 m to `end` metres away."""
    distance = torch.linspace(1.0, end, steps + 1)
    hand = torch.stack([distance, torch.zeros(steps + 1), torch.full((steps + 1,), 0.5)], dim=1)
    return Trajectory(
        source=source,
        signals={"distance": distance, "hand": hand},
        actions=torch.zeros(steps, 2),
        fitness_steps=torch.full((steps,), -98765.0),
        expert=None,
        fitness=-98765.0,
        success=success,
        terminated=terminated,
    )


def attempt(name: str, *played: Trajectory, code: str = "def compute_reward(): ...\n") -> Attempt:
    """A judged attempt that kept these episodes."""
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=(), env_steps=1, seconds=0.0)
    score = Score(episodes=(1.0, 1.0), mean=1.0, ci95=0.0, success_rate=None, success_ci95=None, mean_length=4.0)
    return Attempt(
        candidate=Candidate(id=name, code=code, sha256=f"sha of {code}", origin="llm", model=""),
        outcome=Judged(trained=trained, score=score, trajectories=played),
    )


@pytest.fixture
def task() -> Task:
    return TASK


@pytest.fixture(name="episode")
def episode_fixture() -> Callable[..., Trajectory]:
    return episode


@pytest.fixture(name="attempt")
def attempt_fixture() -> Callable[..., Attempt]:
    return attempt


@pytest.fixture
def answering(tmp_path: Path) -> Callable[[Mapping[str, str]], Ask]:
    """A way to ask that answers a question by its name, such as `g001-00.critic1`; a reply costs 100 + 10 tokens."""

    def build(said: Mapping[str, str]) -> Ask:
        lines = [
            json.dumps({"candidate": name, "text": text, "tokens_in": 100, "tokens_out": 10, "cost_usd": 0.5})
            for name, text in said.items()
        ]
        (tmp_path / "said.jsonl").write_text("\n".join(lines))
        proposer = ReplayProposer(tmp_path / "said.jsonl")
        return Questions(proposer, store=RepliesInMemory(), task=TASK, seed=0)

    return build


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Holds a text against `tests/golden/advice/<name>`; UPDATE_GOLDEN=1 rewrites it."""
    folder = Path(str(request.config.rootpath)) / "tests" / "golden" / "advice"

    def compare(name: str, text: str) -> None:
        if os.environ.get("UPDATE_GOLDEN"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        assert text == (folder / name).read_text(encoding="utf-8")

    return compare
