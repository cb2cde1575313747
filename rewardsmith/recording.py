"""Keeps what happened in each environment's first episode, so that some of them can be handed on whole.

Playing and scoring are `judge.py`'s business; which episodes a run goes on knowing is `pool.py`'s.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from rewardsmith.interfaces import Rollout
from rewardsmith.readings import Readings
from rewardsmith.types import Task, Trajectory

LIMIT_BYTES = 256 * 2**20
"""About what one recording may take."""


class Recording:
    """Everything a `Trajectory` holds, for N environments side by side, taken in rollout by rollout.

    Only what a task declares is kept, not what it was read from.
    """

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._signals: list[dict[str, Tensor]] = []
        self._steps: list[dict[str, Tensor]] = []

    def take(self, rollout: Rollout) -> None:
        """Take in the next rollout; it begins in the state that the one before ended in."""
        first = 1 if self._signals else 0
        states = self._readings.signals(rollout)
        self._signals.append({name: value[first:].clone() for name, value in states.items()})
        expert = self._readings.expert_or_none(rollout)
        steps = {"action": rollout.led_by[1:], "fitness": self._readings.fitness(rollout)}
        steps |= {"terminated": rollout.terminated} | ({} if expert is None else {"expert": expert})
        self._steps.append({name: value.clone() for name, value in steps.items()})

    def episode(
        self, env: int, *, env_seed: int, steps: int, source: str, fitness: float, success: bool | None
    ) -> Trajectory | None:
        """The first episode of environment `env`, `steps` long; None where something in it is no finite number.

        One whose expert reward alone is not finite is kept without it.
        """
        signals = {name: _column([c[name] for c in self._signals], env, steps + 1) for name in self._signals[0]}
        of_step = {name: _column([c[name] for c in self._steps], env, steps) for name in self._steps[0]}
        expert = of_step.pop("expert", None)
        if not all(map(_finite, (*signals.values(), *of_step.values()))):
            return None
        return Trajectory(
            source=source,
            signals=signals,
            actions=of_step["action"],
            fitness_steps=of_step["fitness"],
            expert=expert if expert is not None and _finite(expert) else None,
            fitness=fitness,
            success=success,
            terminated=bool(of_step["terminated"][-1]),
            env_seed=env_seed,
        )


def _finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())


def _column(chunks: list[Tensor], env: int, rows: int) -> Tensor:
    return torch.cat([chunk[:, env] for chunk in chunks])[:rows].clone()


def recordable(task: Task, *, episodes: int) -> int:
    """How many policies, of `episodes` episodes each, one recording may hold; at least one."""
    numbers = sum(math.prod(signal.shape) for signal in task.signals) + 32  # 32: actions, and what is one a step
    return max(1, LIMIT_BYTES // (4 * numbers * task.episode_steps * episodes))


def spread(fitness: np.ndarray, keep: int) -> list[int]:
    """Indices of `keep` episodes: the worst first, the best last, the others evenly over the ranks between.

    Of equal ones the earlier counts as worse. One alone is the best.
    """
    order = np.argsort(fitness, kind="stable")
    if keep >= len(order):
        return [int(i) for i in order]
    ranks = np.linspace(0, len(order) - 1, keep).round().astype(int) if keep > 1 else [len(order) - 1] * keep
    return [int(order[rank]) for rank in ranks]
