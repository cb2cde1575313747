"""One task, states as a random policy might reach them, the corpus, and one warm sandbox for all tests here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rewardsmith.config import VerifySettings
from rewardsmith.graph import allowed_inputs
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.types import Attempt, Candidate, Constant, Drafted, EnvSpec, Measure, References, Signal, Task

CORPUS = Path(__file__).parents[1] / "corpus"

torch.set_num_threads(1)


def _signal(name: str, shape: tuple[int, ...], unit: str) -> Signal:
    return Signal(name=name, shape=shape, unit=unit, doc=name.replace("_", " "), source="obs[0]")


@pytest.fixture(scope="session")
def task() -> Task:
    return Task(
        name="toy_reach",
        goal="Reach the goal upright and fast.",
        env=EnvSpec(backend="envpool", id="Toy-v0"),
        signals=(
            _signal("torso_height", (), "m"),
            _signal("x_velocity", (), "m/s"),
            _signal("torso_quat", (4,), "1"),
            _signal("hand_pos", (3,), "m"),
            _signal("goal_pos", (3,), "m"),
            _signal("hand_to_goal_dist", (), "m"),
            _signal("joint_vel", (6,), "rad/s"),
            _signal("foot_pos", (4, 3), "m"),
            _signal("action", (6,), "1"),
        ),
        fitness=Measure(source="x_velocity", reduce="mean"),
        success=None,
        references=References(),
        episode_steps=100,
        control_dt_s=0.02,
        constants=(Constant(name="cruise_speed", value=1.5, unit="m/s"), Constant(name="legs", value=4.0)),
    )


@pytest.fixture(scope="session")
def states(task: Task) -> dict[str, Tensor]:
    """256 rows: heights about 1.2 m, distances from 0.05 to 0.5 m, unit quaternions, the rest about zero."""
    generator = torch.Generator().manual_seed(3)
    rows = {name: torch.randn((256, *shape), generator=generator) for name, shape in allowed_inputs(task).items()}
    for previous in ("", "prev_"):
        rows[f"{previous}torso_height"] = 1.2 + 0.05 * rows[f"{previous}torso_height"]
        rows[f"{previous}hand_to_goal_dist"] = 0.05 + 0.45 * torch.rand(256, generator=generator)
        quat = torch.tensor([1.0, 0.0, 0.0, 0.0]) + 0.2 * rows[f"{previous}torso_quat"]
        rows[f"{previous}torso_quat"] = quat / quat.norm(dim=-1, keepdim=True)
    rows["episode_progress"] = torch.rand(256, generator=generator)
    return rows


@pytest.fixture(scope="session")
def sandbox() -> Iterator[ProcessSandbox]:
    with ProcessSandbox(VerifySettings(timeout_s=10.0, memory_mib=512)) as started:
        yield started


@pytest.fixture(scope="session")
def draft() -> Callable[..., Attempt]:
    """A drafted attempt: `draft(code, id="g001-00")`."""

    def make(code: str, *, id: str = "g001-00") -> Attempt:  # noqa: A002
        sha256 = hashlib.sha256(code.encode(errors="replace")).hexdigest()
        candidate = Candidate(id=id, code=code, sha256=sha256, origin="manual", model="")
        return Attempt(candidate=candidate, outcome=Drafted())

    return make
