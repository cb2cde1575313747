"""Episodes of the point task, written down by hand, and rewards for it as checked graphs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
import torch

from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import Sandbox
from rewardsmith.sim.point import point_task
from rewardsmith.types import Rejected, Task, Trajectory

TASK = point_task(episode_steps=4)


@pytest.fixture
def task() -> Task:
    return TASK


@pytest.fixture
def walk() -> Callable[..., Trajectory]:
    """An episode by the distances to the target in its T + 1 states; the fitness is minus the last one."""

    def made(
        distances: Sequence[float],
        *,
        source: str = "random",
        success: bool | None = None,
        fitness: float | None = None,
        terminated: bool = False,
    ) -> Trajectory:
        distance = torch.tensor(list(distances))
        moved = torch.diff(distance, prepend=distance[:1])
        return Trajectory(
            source=source,
            signals={
                "position": -distance,
                "target": torch.zeros_like(distance),
                "offset": distance,
                "distance": distance,
                "action": moved[:, None],
            },
            actions=moved[1:, None],
            fitness_steps=-distance[1:],
            expert=-distance[1:],
            fitness=-float(distance[-1]) if fitness is None else fitness,
            success=float(distance[-1]) < 0.05 if success is None else success,
            terminated=terminated,
        )

    return made


@pytest.fixture
def graph(sandbox: Sandbox) -> Callable[[str], RewardGraph]:
    """The reward `compute_reward(...)` with this total; its one component is called after what it stands for."""

    def made(total: str, *, parts: str = "{}") -> RewardGraph:
        names = sorted(set(re.findall(r"[a-z_]+", f"{total} {parts}")) & set(allowed_inputs(TASK)))
        code = f"import torch\n\n\ndef compute_reward({', '.join(names)}):\n    return {total}, {parts}\n"
        signals = allowed_inputs(TASK)
        [traced] = sandbox.trace([code], signals=signals, constants=TASK.numbers())
        assert not isinstance(traced, Rejected), traced
        return RewardGraph.from_json(traced, signals=signals)

    return made
