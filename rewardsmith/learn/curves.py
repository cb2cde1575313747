"""What is recorded of a training: how its episodes ended, rollout by rollout, and the curves that makes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from rewardsmith.interfaces import Rollout
from rewardsmith.readings import Readings
from rewardsmith.rollouts import LENGTH, Ended, EpisodeMeter
from rewardsmith.types import Curve, Measure, Task

Points = Mapping[str, Sequence[tuple[int, float]]]
"""Points of curves by name: env steps and value."""
OF_EPISODES = frozenset({"fitness", "success", "episode_length"})
"""Curves of whole episodes; the others are of a reward and its components, step by step."""
OWN_RETURN = Measure(source="reward", reduce="sum")
"""What an episode earned under the candidate's own reward."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Episodes:
    """The episodes of one candidate that ended within a rollout, each array `(E,)`; values may be non-finite."""

    fitness: np.ndarray
    success: np.ndarray | None
    length: np.ndarray
    own_return: np.ndarray


class Tally:
    """Meters the episodes of several candidates whose environments stand side by side, `num_envs` each."""

    def __init__(self, task: Task, *, candidates: int, num_envs: int) -> None:
        self._candidates, self._num_envs = candidates, num_envs
        total = candidates * num_envs
        self._fitness = EpisodeMeter(task.fitness, total)
        self._success = EpisodeMeter(task.success, total) if task.success else None
        self._length = EpisodeMeter(LENGTH, total)
        self._own = EpisodeMeter(OWN_RETURN, total)

    def update(self, rollout: Rollout, readings: Readings, rewards: Tensor) -> list[Episodes]:
        """Take in one rollout and each candidate's own `rewards (T, K * N)`; what ended, a candidate each."""
        reached = readings.success(rollout)
        fitness = self._fitness.update(readings.fitness(rollout), rollout)
        success = self._success.update(reached, rollout) if self._success and reached is not None else None
        length = self._length.update(rollout.valid.float(), rollout)
        own = self._own.update(rewards, rollout)
        return [
            Episodes(
                fitness=self._mine(fitness, k),
                success=None if success is None else self._mine(success, k),
                length=self._mine(length, k),
                own_return=self._mine(own, k),
            )
            for k in range(self._candidates)
        ]

    def _mine(self, ended: Ended, k: int) -> np.ndarray:
        mine: np.ndarray = ended.value[ended.env // self._num_envs == k]
        return mine


class CurveBook:
    """One candidate's curves, filled in rollout by rollout."""

    def __init__(self, points: Points | None = None) -> None:
        """Begin with no points, or with those of a training that goes on."""
        self._points = defaultdict(list, {name: list(given) for name, given in (points or {}).items()})

    @property
    def points(self) -> Points:
        """Every point so far."""
        return self._points

    def record(self, ended: Episodes, reward_means: Mapping[str, float], env_steps: int) -> None:
        """Take in one rollout, which ended when `env_steps` steps had been taken.

        Episodes whose value is not finite leave no point: a curve holds numbers, and the judge rejects on its own.
        """
        self._add("fitness", ended.fitness, env_steps)
        self._add("episode_length", ended.length, env_steps)
        if ended.success is not None:
            self._add("success", ended.success, env_steps)
        for name, value in reward_means.items():
            self._points[name].append((env_steps, value))

    def _add(self, name: str, values: np.ndarray, env_steps: int) -> None:
        finite = values[np.isfinite(values)]
        if len(finite):
            self._points[name].append((env_steps, float(finite.mean())))

    def status(self) -> str:
        """The latest fitness in a few characters, for a progress display."""
        points = self._points.get("fitness")
        return f"fitness {points[-1][1]:.4g}" if points else "training"

    def curves(self, limit: int, *, rollout_steps: int) -> tuple[Curve, ...]:
        """Every curve in at most `limit` points, each the mean of the points it stands for.

        A reward's point is of the rollouts that one episode takes. Where all episodes last equally long, environments
        are in step: a single rollout would tell what part of an episode it fell on rather than what was learned.
        """
        longest = max((value for _, value in self._points.get("episode_length", ())), default=0.0)
        span = max(1, math.ceil(longest / rollout_steps))
        return tuple(
            _thinned(name, points if name in OF_EPISODES else _smoothed(points, span), limit)
            for name, points in sorted(self._points.items())
        )


def _smoothed(points: Sequence[tuple[int, float]], span: int) -> list[tuple[int, float]]:
    """Each `span` points that follow one another as one, their mean, at the last of them; all as one where fewer."""
    span = min(span, len(points))
    values = np.array([value for _, value in points])
    means = np.lib.stride_tricks.sliding_window_view(values, span).mean(axis=1)
    return [(at, float(mean)) for (at, _), mean in zip(points[span - 1 :], means, strict=True)]


def _thinned(name: str, points: Sequence[tuple[int, float]], limit: int) -> Curve:
    parts = np.array_split(np.arange(len(points)), min(limit, len(points)))
    return Curve(
        name=name,
        env_steps=tuple(points[int(part[-1])][0] for part in parts),
        values=tuple(float(np.mean([points[int(i)][1] for i in part])) for part in parts),
    )
