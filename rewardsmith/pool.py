"""The run's known episodes, and what any reward is on them.

A reward is pure, so it can be computed on an episode long after it was played: screening, duplicates, refitting and
feedback all ask here. Which episodes are kept is decided here too; playing them is `judge.py`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rewardsmith.types import EPISODE_PROGRESS, PREVIOUS, Trajectory

if TYPE_CHECKING:
    from rewardsmith.graph import RewardGraph


def rows(trajectory: Trajectory, names: Iterable[str], *, episode_steps: int) -> dict[str, Tensor]:
    """Reward inputs by name, one row a transition `(T, *shape)`: a signal after the step, `prev_` before it."""
    found: dict[str, Tensor] = {}
    for name in names:
        if name == EPISODE_PROGRESS:
            steps = len(trajectory.fitness_steps)
            found[name] = torch.arange(1, steps + 1, dtype=torch.float32) / episode_steps
        elif name in trajectory.signals:
            found[name] = trajectory.signals[name][1:]
        else:
            found[name] = trajectory.signals[name.removeprefix(PREVIOUS)][:-1]
    return found


def rewards(
    graph: RewardGraph, trajectories: Sequence[Trajectory], *, episode_steps: int
) -> list[tuple[Tensor, Mapping[str, Tensor]]]:
    """The reward `(T,)` and its components `{name: (T,)}` on every episode, from one call on all their rows."""
    if not trajectories:
        return []
    apart = [rows(t, graph.inputs, episode_steps=episode_steps) for t in trajectories]
    total, components = graph({name: torch.cat([one[name] for one in apart]) for name in graph.inputs})
    lengths = [len(t.fitness_steps) for t in trajectories]
    parts = {name: torch.split(value, lengths) for name, value in components.items()}
    return [
        (mine, {name: value[i] for name, value in parts.items()}) for i, mine in enumerate(torch.split(total, lengths))
    ]
