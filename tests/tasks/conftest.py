"""Playing shipped tasks: a few environments, uniform actions held for eight steps, and everything read by name."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pytest
import torch
from torch import Tensor

from rewardsmith import sim, taskfile
from rewardsmith.interfaces import Frame, Rollout
from rewardsmith.readings import Readings
from rewardsmith.rollouts import EpisodeMeter, Stepper
from rewardsmith.types import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """A rollout and what the task reads from it; T transitions of N environments."""

    task: Task
    readings: Readings
    rollout: Rollout

    def __getitem__(self, name: str) -> Tensor:
        """A signal after each transition, or before it as `prev_<signal>`: `(T, N, *shape)`."""
        return self.readings.inputs(self.rollout, [name])[name]

    @property
    def inside(self) -> Tensor:
        """`(T, N)`: the transition and the one before it belong to one episode, so `prev_` of `prev_` exists."""
        return self.rollout.valid & (self.rollout.elapsed[1:] > 1)

    def fitness(self) -> list[float]:
        """The fitness of each episode that ended."""
        meter = EpisodeMeter(self.task.fitness, self.rollout.valid.shape[1])
        return [float(v) for v in meter.update(self.readings.fitness(self.rollout), self.rollout).value]


class Play(Protocol):
    def __call__(
        self, name: str, *, steps: int, num_envs: int = 4, scale: float = 1.0, info: tuple[str, ...] = ()
    ) -> Played: ...


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    """Play a shipped task by random actions, `scale` times as wide as they may be around the middle of their range.

    The same play is not played twice in a module.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    @functools.cache
    def played(name: str, *, steps: int, num_envs: int = 4, scale: float = 1.0, info: tuple[str, ...] = ()) -> Played:
        task = taskfile.load(name).task
        readings = Readings(task)
        simulator = sim.make(task, env_seeds=range(num_envs), info_fields=sorted({*readings.info_fields, *info}))
        low, high = simulator.action_low, simulator.action_high
        draw = torch.Generator().manual_seed(0)
        drawn = torch.rand(steps // 8 + 1, num_envs, len(low), generator=draw)

        def act(t: int, _: Frame) -> Tensor:
            return (low + high) / 2 + scale * (high - low) * (drawn[t // 8] - 0.5)

        try:
            return Played(task=task, readings=readings, rollout=Stepper(simulator).collect(act, steps))
        finally:
            simulator.close()

    yield played
    torch.set_num_threads(threads)
