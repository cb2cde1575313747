"""Made-up episodes: points that wander about a plane, each with a goal of its own that stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor

from rewardsmith.types import Trajectory

Episode = Callable[..., Trajectory]


def _episode(signals: Mapping[str, Sequence[object]], *, source: str = "random", fitness: float = 0.0) -> Trajectory:
    """An episode from a row for every state; a last `action` of zeros where none is given."""
    tensors = {name: torch.tensor(rows, dtype=torch.float32) for name, rows in signals.items()}
    steps = len(next(iter(tensors.values()))) - 1
    return Trajectory(
        source=source,
        signals=tensors,
        actions=torch.zeros(steps, 1),
        fitness_steps=torch.zeros(steps),
        expert=None,
        fitness=fitness,
        success=None,
        terminated=False,
    )


@pytest.fixture
def episode() -> Episode:
    return _episode


@pytest.fixture(scope="session")
def wanderers() -> tuple[Trajectory, ...]:
    """Twelve episodes of 30 steps with three goals; `velocity` is the way of the last step, which `action` made."""
    draw = torch.Generator().manual_seed(1)
    goals = 2 * torch.rand(3, 2, generator=draw) - 1
    return tuple(_wander(goals[i % 3], draw) for i in range(12))


def _wander(goal: Tensor, draw: torch.Generator) -> Trajectory:
    action = torch.randn(31, 2, generator=draw)
    position = 0.5 * torch.randn(1, 2, generator=draw) + (0.3 * action).cumsum(dim=0)
    velocity = torch.cat([torch.zeros(1, 2), position.diff(dim=0)])
    return Trajectory(
        source="random",
        signals={"position": position, "velocity": velocity, "goal": goal.expand(31, 2).clone(), "action": action},
        actions=action[1:],
        fitness_steps=torch.zeros(30),
        expert=None,
        fitness=0.0,
        success=None,
        terminated=False,
    )
