"""Episodes under the reward that is spoken of: what the sources that read trajectories have in common.

Rewards are recomputed from the candidate's graph; nothing here is read back from a training.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith import pool
from rewardsmith.graph import RewardGraph
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Judged, Task, Trajectory

RANDOM = "random"
ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """One episode of T transitions, and what a reward gives for it."""

    played: Trajectory
    reward: Tensor  # (T,)
    components: Mapping[str, Tensor]  # (T,) each

    @property
    def steps(self) -> int:
        return len(self.reward)

    @property
    def total(self) -> float:
        """The reward of the whole episode, undiscounted."""
        return float(self.reward.double().sum())

    def sums(self) -> dict[str, float]:
        """Each component's sum over the episode."""
        return {name: float(values.double().sum()) for name, values in self.components.items()}


def graph_of(attempt: Attempt) -> RewardGraph | None:
    """The reward as it trained; None for attempts that were not judged and for reference rewards."""
    outcome = attempt.outcome
    if not isinstance(outcome, Judged) or outcome.trained.verified is None:
        return None
    return outcome.trained.verified.graph


def own(attempt: Attempt, task: Task) -> tuple[Episode, ...]:
    """The judged episodes that were kept, the worst first, under the attempt's own reward."""
    if not isinstance(attempt.outcome, Judged):
        return ()
    return under(graph_of(attempt), attempt.outcome.trajectories, task)


def others(attempt: Attempt, scene: Scene) -> tuple[Episode, ...]:
    """The run's known episodes of other policies, under the attempt's reward."""
    apart = [t for t in scene.trajectories if t.source != attempt.id]
    return under(graph_of(attempt), apart, scene.task)


def under(graph: RewardGraph | None, played: Sequence[Trajectory], task: Task) -> tuple[Episode, ...]:
    """Episodes with what `graph` gives for them; none where there is no graph."""
    if graph is None:
        return ()
    found = pool.rewards(graph, played, episode_steps=task.episode_steps)
    return tuple(
        Episode(played=trajectory, reward=total, components=parts)
        for trajectory, (total, parts) in zip(played, found, strict=True)
    )


def joined(episodes: Sequence[Episode], component: str) -> Tensor:
    """A component's finite values at every step of every episode, `(rows,)` float64."""
    if not episodes:
        return torch.zeros(0, dtype=torch.float64)
    values = torch.cat([e.components[component] for e in episodes]).double()
    return values[values.isfinite()]


def share(values: Tensor, at: float) -> float:
    """The value below which the share `at` of all values lies."""
    return float(torch.quantile(values.double(), at))


def correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation; None where either stands still up to rounding or there are fewer than three."""
    if len(first) < 3 or _still(first) or _still(second):
        return None
    return statistics.correlation(first, second)


def _still(values: Sequence[float]) -> bool:
    """Rewards are float32, so that sums of the same thing differ in the seventh digit."""
    return max(values) - min(values) <= ROUNDING * max(map(abs, values))
