"""The kinds of learner: what a group of candidates is, by `train.algorithm`. All else of a training is the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from rewardsmith.config import TrainSettings
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Rollout
from rewardsmith.learn import group as ppo
from rewardsmith.learn import sac
from rewardsmith.learn.draws import Draws
from rewardsmith.learn.group import State
from rewardsmith.learn.policy import Shape
from rewardsmith.types import Checkpoint, Policy


class Group(Protocol):
    """Some of the candidates, acting and learning together in one thread; `group.Group` says what each part does."""

    @property
    def warming(self) -> bool: ...

    def begin_rollout(self) -> None: ...
    def act(self, obs: Tensor, noise: Tensor) -> Tensor: ...
    def learn(self, rollout: Rollout, states: Tensor, rewards: Tensor, draws: Draws) -> None: ...
    def broken(self) -> list[int]: ...
    def state(self, k: int) -> State: ...
    def policy(self, k: int, low: Tensor, high: Tensor) -> Policy: ...


def group(states: Sequence[State], shape: Shape, settings: TrainSettings, *, device: torch.device) -> Group:
    """The candidates of `states` under the algorithm that the settings name."""
    if settings.algorithm == "sac":
        return sac.SacGroup(states, shape, settings, device=device)
    return ppo.Group(states, shape, settings, device=device)


def rollouts(settings: TrainSettings) -> int:
    """How many rollouts a training's env steps come to, one at least."""
    return max(1, round(settings.env_steps / (settings.num_envs * settings.rollout_steps)))


def whole_steps(settings: TrainSettings) -> int:
    """The env steps of a training that nothing ends early, in whole rollouts."""
    return rollouts(settings) * settings.num_envs * settings.rollout_steps


def remembered_mib(shape: Shape, settings: TrainSettings) -> float:
    """What a candidate holds at most of what it has lived through: next to nothing for PPO."""
    return sac.remembered_mib(shape, settings) if settings.algorithm == "sac" else 0.0


def check(settings: TrainSettings) -> None:
    """Raises: ConfigError: settings that the algorithm, or this machine, has no way to follow."""
    if settings.device == "cuda" and settings.where == "here" and not torch.cuda.is_available():
        raise ConfigError("train.device is cuda, and torch sees no GPU on this machine. Expected auto or cpu.")
    if settings.algorithm == "sac" and settings.warm_start:
        raise ConfigError(
            f"train.warm_start is {settings.warm_start:g}: train.algorithm=sac begins from first weights alone. "
            "Expected 0, or train.algorithm=ppo."
        )
    if settings.algorithm == "sac" and whole_steps(settings) < settings.sac.warmup_steps:
        raise ConfigError(
            f"train.env_steps is {settings.env_steps:,}: train.algorithm=sac plays at random for the first "
            f"{settings.sac.warmup_steps:,} (train.sac.warmup_steps) and would learn nothing. Expected more of the one "
            "or less of the other."
        )


def fresh(shape: Shape, settings: TrainSettings, *, seed: int, start: Checkpoint | None = None) -> State:
    """The state in which a candidate begins; `start` is for PPO alone, see `check`."""
    if settings.algorithm == "sac":
        return sac.fresh(shape, settings, seed=seed)
    return ppo.fresh(shape, settings, seed=seed, start=start)


def fits(found: State, fresh: State, settings: TrainSettings, *, rollouts: int) -> bool:
    """Whether `found`, which may come from anywhere, is shaped as what a `fresh` state becomes in so many rollouts."""
    if settings.algorithm == "sac":
        return sac.fits(found, fresh, settings, rollouts=rollouts)
    return ppo.alike(found, fresh)
