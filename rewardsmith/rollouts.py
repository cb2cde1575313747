"""Rollouts: stepping a simulator under a policy, keeping every state, and scoring whole episodes.

Nothing here knows a reward. A rollout keeps raw observations and info fields; signals, rewards and fitness are read
from it afterwards, on all its rows at once (`readings.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rewardsmith.interfaces import Frame, Rollout, Simulator
from rewardsmith.types import Measure

LENGTH = Measure(source="1", reduce="sum")
"""An episode's length in control steps, as a measure."""

Act = Callable[[int, Frame], Tensor]
"""Step number and current frame to the actions applied, `(N, A)`, within bounds."""


class Stepper:
    """Steps one simulator, rollout after rollout, without losing the episodes that span them."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator
        self._frame = simulator.reset()
        self._elapsed = torch.zeros(simulator.num_envs, dtype=torch.int64)
        self._led_by = torch.zeros(simulator.num_envs, len(simulator.action_low))

    @property
    def frame(self) -> Frame:
        """The state the next action will be chosen in."""
        return self._frame

    def collect(self, act: Act, steps: int) -> Rollout:
        """Take `steps` control steps; the rollout's first state is where the previous one ended."""
        frames, led_by, elapsed = [self._frame], [self._led_by], [self._elapsed]
        for t in range(steps):
            actions = act(t, self._frame)
            self._frame = self._sim.step(actions)
            started = self._frame.started
            self._led_by = torch.where(started[:, None], 0.0, actions)
            self._elapsed = torch.where(started, 0, self._elapsed + 1)
            frames.append(self._frame)
            led_by.append(self._led_by)
            elapsed.append(self._elapsed)
        after = frames[1:]
        return Rollout(
            obs={key: torch.stack([f.obs[key] for f in frames]) for key in frames[0].obs},
            info={key: torch.stack([f.info[key] for f in frames]) for key in frames[0].info},
            led_by=torch.stack(led_by),
            reward=torch.stack([f.reward for f in after]),
            terminated=torch.stack([f.terminated for f in after]),
            truncated=torch.stack([f.truncated for f in after]),
            valid=~torch.stack([f.started for f in after]),
            elapsed=torch.stack(elapsed),
        )


def columns(rollout: Rollout, start: int, stop: int) -> Rollout:
    """The rollout of environments `start` to `stop` alone (contiguous copies)."""
    return Rollout(
        obs={k: v[:, start:stop].contiguous() for k, v in rollout.obs.items()},
        info={k: v[:, start:stop].contiguous() for k, v in rollout.info.items()},
        led_by=rollout.led_by[:, start:stop].contiguous(),
        reward=rollout.reward[:, start:stop].contiguous(),
        terminated=rollout.terminated[:, start:stop].contiguous(),
        truncated=rollout.truncated[:, start:stop].contiguous(),
        valid=rollout.valid[:, start:stop].contiguous(),
        elapsed=rollout.elapsed[:, start:stop].contiguous(),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """Episodes that ended within a rollout: which environment, and the reduced value of each."""

    env: np.ndarray  # (E,) int64
    value: np.ndarray  # (E,) float64


class EpisodeMeter:
    """Reduces a per-step quantity over each episode, across rollouts.

    `mean`, `sum`, `final`, `max`, `min` are what they say; `any` is 1.0 where the quantity was ever non-zero. NaN stays
    NaN, so that it can be told from a low value.
    """

    def __init__(self, measure: Measure, num_envs: int) -> None:
        self._measure = measure
        self._sum = np.zeros(num_envs)
        self._count = np.zeros(num_envs)
        self._max = np.full(num_envs, -np.inf)
        self._min = np.full(num_envs, np.inf)

    def update(self, values: Tensor, rollout: Rollout) -> Ended:
        """Take in `values (T, N)`, one per transition, and return the episodes that ended."""
        steps, valid = values.double().numpy(), rollout.valid.numpy()
        done = (rollout.terminated | rollout.truncated).numpy() & valid
        envs: list[np.ndarray] = []
        results: list[np.ndarray] = []
        for x, ok, end in zip(steps, valid, done, strict=True):
            self._sum += np.where(ok, x, 0.0)
            self._count += ok
            self._max = np.where(ok, np.maximum(self._max, x), self._max)
            self._min = np.where(ok, np.minimum(self._min, x), self._min)
            if end.any():
                index = np.flatnonzero(end)
                envs.append(index)
                results.append(self._reduce(index, x))
                self._clear(index)
        return Ended(
            env=np.concatenate(envs) if envs else np.zeros(0, dtype=np.int64),
            value=np.concatenate(results) if results else np.zeros(0),
        )

    def _reduce(self, index: np.ndarray, last: np.ndarray) -> np.ndarray:
        reduced: dict[str, Callable[[], np.ndarray]] = {
            "mean": lambda: self._sum[index] / self._count[index],
            "sum": lambda: self._sum[index],
            "final": lambda: last[index],
            "max": lambda: self._max[index],
            "min": lambda: self._min[index],
            "any": lambda: np.where(
                np.isnan(self._max[index]), np.nan, (self._max[index] != 0) | (self._min[index] != 0)
            ),
        }
        value = reduced[self._measure.reduce]()
        if self._measure.at_least is not None:
            value = np.where(np.isnan(value), np.nan, value >= self._measure.at_least)
        return np.array(value, dtype=np.float64)

    def _clear(self, index: np.ndarray) -> None:
        self._sum[index] = 0.0
        self._count[index] = 0.0
        self._max[index] = -np.inf
        self._min[index] = np.inf
