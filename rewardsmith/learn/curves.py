"""What is recorded of a training: fitness, success and length of finished episodes, and the reward's own means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from rewardsmith.interfaces import Rollout
from rewardsmith.readings import Readings
from rewardsmith.rollouts import LENGTH, EpisodeMeter
from rewardsmith.types import Curve, Task


class CurveBook:
    """One candidate's curves, filled in rollout by rollout."""

    def __init__(self, task: Task, num_envs: int) -> None:
        self._fitness = EpisodeMeter(task.fitness, num_envs)
        self._success = EpisodeMeter(task.success, num_envs) if task.success else None
        self._length = EpisodeMeter(LENGTH, num_envs)
        self._points: dict[str, list[tuple[int, float]]] = defaultdict(list)

    def record(self, rollout: Rollout, readings: Readings, reward_means: Mapping[str, float], env_steps: int) -> None:
        """Take in one rollout, which ended when `env_steps` steps had been taken.

        Episodes whose value is not finite leave no point: a curve holds numbers, and the judge rejects on its own.
        """
        ended = {"fitness": self._fitness.update(readings.fitness(rollout), rollout)}
        ended["episode_length"] = self._length.update(rollout.valid.float(), rollout)
        success = readings.success(rollout)
        if self._success is not None and success is not None:
            ended["success"] = self._success.update(success, rollout)
        for name, episodes in ended.items():
            finite = episodes.value[np.isfinite(episodes.value)]
            if len(finite):
                self._points[name].append((env_steps, float(finite.mean())))
        for name, value in reward_means.items():
            self._points[name].append((env_steps, value))

    def status(self) -> str:
        """The latest fitness in a few characters, for a progress display."""
        points = self._points.get("fitness")
        return f"fitness {points[-1][1]:.4g}" if points else "training"

    def curves(self, limit: int) -> tuple[Curve, ...]:
        """Every curve in at most `limit` points, each the mean of the points it stands for."""
        return tuple(_thinned(name, points, limit) for name, points in sorted(self._points.items()))


def _thinned(name: str, points: list[tuple[int, float]], limit: int) -> Curve:
    parts = np.array_split(np.arange(len(points)), min(limit, len(points)))
    return Curve(
        name=name,
        env_steps=tuple(points[int(part[-1])][0] for part in parts),
        values=tuple(float(np.mean([points[int(i)][1] for i in part])) for part in parts),
    )
