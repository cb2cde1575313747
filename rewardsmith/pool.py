"""The run's known episodes, and what any reward is on them.

A reward is pure, so it can be computed on an episode long after it was played: screening, duplicates, refitting and
feedback all ask here. Which episodes are kept is decided here too; playing them is `judge.py`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rewardsmith.config import PoolSettings
from rewardsmith.types import EPISODE_PROGRESS, PREVIOUS, Attempt, Generation, Judged, Trajectory

if TYPE_CHECKING:
    from rewardsmith.graph import RewardGraph

REFERENCES = frozenset({"random", "expert", "noised", "sparse"})
"""Sources of the episodes a run measures everything against; they stay while there is room."""


class Pool:
    """The episodes that a run goes on knowing: what it began with and what its candidates played, oldest first.

    What it holds follows from what it began with and the generations alone, so that a resumed run knows the same.
    """

    def __init__(self, settings: PoolSettings, *, start: Sequence[Trajectory] = ()) -> None:
        self._settings = settings
        self._known = kept(start, settings.keep)
        self._born: dict[str, int] = {}

    @classmethod
    def replay(cls, history: Sequence[Generation], settings: PoolSettings, *, start: Sequence[Trajectory] = ()) -> Pool:
        """The pool as it stood after `history`; `start` is what the run began with."""
        pool = cls(settings, start=start)
        for generation in history:
            pool.add(generation.attempts, generation=generation.index)
        return pool

    def add(self, attempts: Sequence[Attempt], *, generation: int) -> None:
        """Take in what the candidates of a generation played."""
        self._born |= {a.id: generation for a in attempts}
        played = [t for a in attempts if isinstance(a.outcome, Judged) for t in a.outcome.trajectories]
        young = [t for t in self._known if self._stays(t, generation)]
        self._known = kept([*young, *played], self._settings.keep)

    def _stays(self, trajectory: Trajectory, now: int) -> bool:
        born, oldest = self._born.get(trajectory.source), self._settings.max_age
        return born is None or not oldest or now - born <= oldest

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """What is known, oldest first."""
        return self._known


def kept(trajectories: Sequence[Trajectory], keep: int) -> tuple[Trajectory, ...]:
    """At most `keep` of the trajectories, which come oldest first, in the same order.

    References go first, up to half. Of the rest, successes and failures have equal shares, and what one does not need
    goes to the other. Within a share the worst and the best stay, and the newest of each region of fitness: regions
    hold equally many episodes, so that what stays is spread as what came.
    """
    if len(trajectories) <= keep:
        return tuple(trajectories)
    references = [i for i, t in enumerate(trajectories) if t.source in REFERENCES]
    others = [i for i, t in enumerate(trajectories) if t.source not in REFERENCES]
    room = max(keep // 2, keep - len(others))
    stay = _spread(trajectories, references, room)
    stay += _spread(trajectories, others, keep - len(stay))
    return tuple(trajectories[i] for i in sorted(stay))


def _spread(trajectories: Sequence[Trajectory], indices: Sequence[int], keep: int) -> list[int]:
    """`keep` of the indices, all where they are no more, by label and fitness."""
    by_label: dict[bool | None, list[int]] = {}
    for i in sorted(indices, key=lambda i: (trajectories[i].fitness, i)):
        by_label.setdefault(trajectories[i].success, []).append(i)
    found: list[int] = []
    for waiting, ranked in enumerate(sorted(by_label.values(), key=len)):  # who needs less than a share leaves the rest
        found += _regions(ranked, max(0, keep - len(found)) // (len(by_label) - waiting))
    return found


def _regions(ranked: Sequence[int], count: int) -> list[int]:
    """`count` of the indices, ranked by fitness: both ends, and the highest index of each of `count - 2` regions."""
    if count >= len(ranked):
        return list(ranked)
    if count < 2:
        return list(ranked[-1:][:count])
    inner, regions = ranked[1:-1], count - 2
    edges = [i * len(inner) // regions for i in range(regions + 1)] if regions else []
    newest = [max(inner[a:b]) for a, b in pairwise(edges)]
    return [ranked[0], *newest, ranked[-1]]


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
    """The reward `(T,)` and its components `{name: (T,)}` on every episode; the graph says how many rows at a time."""
    if not trajectories:
        return []
    apart = [rows(t, graph.inputs, episode_steps=episode_steps) for t in trajectories]
    total, components = graph({name: torch.cat([one[name] for one in apart]) for name in graph.inputs})
    lengths = [len(t.fitness_steps) for t in trajectories]
    parts = {name: torch.split(value, lengths) for name, value in components.items()}
    return [
        (mine, {name: value[i] for name, value in parts.items()}) for i, mine in enumerate(torch.split(total, lengths))
    ]
