"""The known episodes laid end to end, so that a reward is computed on all of them in one call.

Inputs are put together once for each name and kept, so that a whole batch of candidates shares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from rewardsmith import pool
from rewardsmith.screen.beside import Paid
from rewardsmith.types import Trajectory

if TYPE_CHECKING:
    from rewardsmith.graph import RewardGraph
    from rewardsmith.screen.tpe import Scores

ScoreKind = Literal["return", "discounted", "mean"]
SCORED: dict[ScoreKind, str] = {"return": "summed over the episode", "mean": "mean of a step"}


class Episodes:
    """E known episodes with R transitions in all."""

    def __init__(self, trajectories: Sequence[Trajectory], *, episode_steps: int) -> None:
        self.trajectories = tuple(trajectories)
        self.episode_steps = episode_steps
        self._columns: dict[str, Tensor] = {}
        self._last: tuple[str, Scored] | None = None
        self.lengths = torch.tensor([len(t.fitness_steps) for t in trajectories], dtype=torch.int64)

    def inputs(self, names: Sequence[str]) -> dict[str, Tensor]:
        """What a reward that reads `names` is given: one row a transition, `(R, *shape)` each."""
        for name in names:
            if name not in self._columns:
                self._columns[name] = torch.cat([self._of(t, name) for t in self.trajectories])
        return {name: self._columns[name] for name in names}

    def scored(self, graph: RewardGraph) -> Scored:
        """The reward on every transition; the last one asked for is kept."""
        if self._last is None or self._last[0] != graph.sha256:
            total, components = graph(self.inputs(graph.inputs))
            self._last = graph.sha256, Scored(total=total, components=components, lengths=self.lengths)
        return self._last[1]

    def _of(self, trajectory: Trajectory, name: str) -> Tensor:
        return pool.rows(trajectory, (name,), episode_steps=self.episode_steps)[name]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """One reward on the known episodes: `total` and each of `components` are `(R,)`; `lengths` is `(E,)`."""

    total: Tensor
    components: Mapping[str, Tensor]
    lengths: Tensor

    def scores(self, kind: ScoreKind, *, gamma: float) -> Scores:
        """One number an episode, `(E,)`: the return, the discounted return, or the mean reward of a step."""
        if kind == "discounted":
            return self._summed(self.total.double() * gamma ** self._steps().double())
        returns = self._summed(self.total.double())
        return returns / self.lengths.numpy() if kind == "mean" else returns

    def paid(
        self, episodes: Episodes, index: int, *, called: str, kind: ScoreKind = "return", gamma: float = 1.0
    ) -> Paid:
        """One of the episodes, with what this reward pays for it and how `scores` of that kind counts it."""
        stop = int(self.lengths[: index + 1].sum())
        steps = int(self.lengths[index])
        start = stop - steps
        weights = torch.ones(steps, dtype=torch.float64)
        if kind == "discounted":
            weights = gamma ** torch.arange(steps).double()
        return Paid(
            weights=weights / steps if kind == "mean" else weights,
            scored=f"summed over the episode, discounted by {gamma:g}" if kind == "discounted" else SCORED[kind],
            called=called,
            played=episodes.trajectories[index],
            reward=self.total[start:stop],
            components={name: value[start:stop] for name, value in self.components.items()},
        )

    def _summed(self, values: Tensor) -> Scores:
        which = torch.repeat_interleave(torch.arange(len(self.lengths)), self.lengths)
        found: Scores = torch.zeros(len(self.lengths), dtype=torch.float64).index_add_(0, which, values).numpy()
        return found

    def _steps(self) -> Tensor:
        """How many steps each transition is after its episode's first, `(R,)`."""
        starts = torch.cumsum(self.lengths, 0) - self.lengths
        return torch.arange(int(self.lengths.sum())) - torch.repeat_interleave(starts, self.lengths)
