"""Episodes of the point task whose worth is known: the point goes its way at a steady speed, with a steady effort."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from rewardsmith.types import Trajectory

STEPS = 10


def _episode(
    start: float, speed: float, *, effort: float = 0.5, source: str = "random", success: bool | None = None
) -> Trajectory:
    """`start`: the distance in metres at first; each of ten steps takes off `speed`, down to 0, with `effort`."""
    distance = (start - speed * torch.arange(STEPS + 1.0)).abs()
    action = torch.full((STEPS + 1, 1), effort)
    action[0] = 0.0
    signals = {"position": -distance, "target": torch.zeros(STEPS + 1), "offset": distance, "distance": distance}
    return Trajectory(
        source=source,
        signals={**signals, "action": action},
        actions=action[1:],
        fitness_steps=-distance[1:],
        expert=-distance[1:],
        fitness=-float(distance[-1]),
        success=bool(distance[-1] < 0.05) if success is None else success,
        terminated=False,
    )


@pytest.fixture
def episode() -> Callable[..., Trajectory]:
    return _episode


@pytest.fixture
def episodes() -> list[Trajectory]:
    """Sixty episodes of twelve policies, from standing still to being there, no two with the same speed."""
    efforts = [0.1, 0.9, 0.4, 0.7, 0.2]  # of no consequence, and not in step with the speed
    return [_episode(1.0, 0.1 * i / 59, effort=efforts[i % 5], source=f"g001-{i // 5:02d}") for i in range(60)]
