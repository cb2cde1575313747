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

CPU = torch.device("cpu")

Act = Callable[[int, Frame], Tensor]
"""Step number and current frame to the actions applied, `(N, A)`, within bounds and on the frame's device."""


def on_device(frame: Frame, device: torch.device) -> Frame:
    """The frame on a device; itself where it is there."""
    if frame.reward.device == device:
        return frame
    return Frame(
        obs={key: value.to(device) for key, value in frame.obs.items()},
        info={key: value.to(device) for key, value in frame.info.items()},
        reward=frame.reward.to(device),
        terminated=frame.terminated.to(device),
        truncated=frame.truncated.to(device),
        started=frame.started.to(device),
    )


class Stepper:
    """Steps one simulator, rollout after rollout, without losing the episodes that span them.

    Frames come to the CPU, unless the simulator makes them on the device where they are `wanted`: there they stay.
    """

    def __init__(self, simulator: Simulator, *, wanted: torch.device = CPU) -> None:
        self._sim = simulator
        first = simulator.reset()
        self.device = first.reward.device if first.reward.device.type == wanted.type else CPU
        self._frame = on_device(first, self.device)
        self._elapsed = torch.zeros(simulator.num_envs, dtype=torch.int64, device=self.device)
        self._led_by = torch.zeros(simulator.num_envs, len(simulator.action_low), device=self.device)

    @property
    def frame(self) -> Frame:
        """The state the next action will be chosen in."""
        return self._frame

    def collect(self, act: Act, steps: int) -> Rollout:
        """Take `steps` control steps; the rollout's first state is where the previous one ended."""
        frames, actions = [self._frame], []
        for t in range(steps):
            actions.append(act(t, self._frame))
            self._frame = on_device(self._sim.step(actions[-1]), self.device)
            frames.append(self._frame)
        after = frames[1:]
        started = torch.stack([f.started for f in after])
        led_by = torch.where(started[:, :, None], 0.0, torch.stack(actions))
        rollout = Rollout(
            obs={key: torch.stack([f.obs[key] for f in frames]) for key in frames[0].obs},
            info={key: torch.stack([f.info[key] for f in frames]) for key in frames[0].info},
            led_by=torch.cat([self._led_by[None], led_by]),
            reward=torch.stack([f.reward for f in after]),
            terminated=torch.stack([f.terminated for f in after]),
            truncated=torch.stack([f.truncated for f in after]),
            valid=~started,
            elapsed=_elapsed(self._elapsed, started),
        )
        self._led_by, self._elapsed = rollout.led_by[-1], rollout.elapsed[-1]
        return rollout


def _elapsed(before: Tensor, started: Tensor) -> Tensor:
    """Control steps since each episode's start, `(T + 1, N)`, where `started (T, N)` says which steps only reset."""
    found = [before]
    for reset in started:
        found.append((found[-1] + 1).masked_fill_(reset, 0))
    return torch.stack(found)


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
        steps, valid = values.cpu().double().numpy(), rollout.valid.cpu().numpy()
        done = (rollout.terminated | rollout.truncated).cpu().numpy() & valid
        summed, least, most = (
            np.where(valid, steps, 0.0),
            np.where(valid, steps, np.inf),
            np.where(valid, steps, -np.inf),
        )
        envs: list[np.ndarray] = []
        results: list[np.ndarray] = []
        seen = 0
        ends = set(np.flatnonzero(done.any(axis=1)).tolist())
        for t in sorted(ends | {len(steps) - 1}):  # in between, no episode ends
            self._take(summed[seen : t + 1], valid[seen : t + 1], least[seen : t + 1], most[seen : t + 1])
            seen = t + 1
            index = np.flatnonzero(done[t])
            if len(index):
                envs.append(index)
                results.append(self._reduce(index, steps[t]))
                self._clear(index)
        return Ended(
            env=np.concatenate(envs) if envs else np.zeros(0, dtype=np.int64),
            value=np.concatenate(results) if results else np.zeros(0),
        )

    def _take(self, summed: np.ndarray, valid: np.ndarray, least: np.ndarray, most: np.ndarray) -> None:
        """Some steps in which no episode ends before the last; sums go step by step, whoever ends in between."""
        for x in summed:
            self._sum += x
        self._count += valid.sum(axis=0)
        self._max = np.maximum(self._max, most.max(axis=0, initial=-np.inf))
        self._min = np.minimum(self._min, least.min(axis=0, initial=np.inf))

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


class FirstEpisodes:
    """The reduced value of each environment's first episode, NaN until it ended; what it plays after is ignored."""

    def __init__(self, measure: Measure, num_envs: int) -> None:
        self._meter = EpisodeMeter(measure, num_envs)
        self.values = np.full(num_envs, np.nan)
        self._seen = np.zeros(num_envs, dtype=bool)

    def take(self, values: Tensor, rollout: Rollout) -> None:
        """Take in `values (T, N)`, one per transition."""
        ended = self._meter.update(values, rollout)
        for env, value in zip(ended.env.tolist(), ended.value.tolist(), strict=True):
            if not self._seen[env]:
                self.values[env], self._seen[env] = value, True

    @property
    def ended(self) -> np.ndarray:
        """Whose first episode has ended, `(N,)` bool."""
        return self._seen.copy()

    @property
    def complete(self) -> bool:
        """Whether everybody's has."""
        return bool(self._seen.all())
