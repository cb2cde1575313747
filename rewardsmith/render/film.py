"""Plays whole episodes and films some of them; each environment plays one, as for the judge.

What is filmed plays exactly as what is not: the same seeds, in the same batch, with the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from rewardsmith import sim
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame, Picture, Renders, Rollout, Simulator
from rewardsmith.learn.policy import deterministic
from rewardsmith.readings import Readings
from rewardsmith.rollouts import LENGTH, Act, FirstEpisodes, Stepper
from rewardsmith.seeds import child
from rewardsmith.types import Policy, Task

Pick = Literal["all", "best", "worst"]
Player = Callable[[Simulator, Frame], Act]
"""Who plays: given the simulator, whose bounds it may need, and its first states, what it does in each state."""
Take = Callable[[int, NDArray[np.uint8]], None]
"""Is given each picture, with the number of the episode it belongs to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """What one episode came to; `length` in control steps.

    `fitness` is None where it is no finite number, `success` too, and where the task declares none.
    """

    number: int
    env_seed: int
    fitness: float | None
    success: bool | None
    length: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """A picture after every `every`-th control step, shown `rate` a second: as fast as it happened."""

    every: int
    rate: Fraction


def pace(control_dt_s: float, *, at_most: float) -> Pace:
    """The pace of real time with at most so many pictures a second."""
    every = max(1, math.ceil(1.0 / (control_dt_s * at_most) - 1e-6))
    return Pace(every=every, rate=(1 / (every * Fraction(control_dt_s))).limit_denominator(1000))


# --- who plays ------------------------------------------------------------------------------------------------------


def policy_player(policy: Policy, task: Task) -> Player:
    """The policy's mean actions.

    Raises, when it begins to play: ConfigError: it was trained on other observations or actions.
    """
    readings, mean = Readings(task), deterministic([policy])

    def begin(simulator: Simulator, first: Frame) -> Act:
        _check(policy, task, observations=readings.policy_obs(first).shape[1], actions=len(simulator.action_low))
        return lambda _, frame: mean(readings.policy_obs(frame)[None])[0]

    return begin


def _check(policy: Policy, task: Task, *, observations: int, actions: int) -> None:
    sees, gives = policy.tensors["obs_mean"].shape[1], policy.tensors["log_std"].shape[1]
    if (sees, gives) != (observations, actions):
        raise ConfigError(
            f"The policy sees {sees} numbers and gives {gives}; task '{task.name}' shows {observations} and takes "
            f"{actions}. Expected the task that the policy was trained on (--task)."
        )


def random_player(seed: int) -> Player:
    """Uniformly random actions, drawn anew at every step; an episode's depend on `seed` and its number alone."""

    def begin(simulator: Simulator, _: Frame) -> Act:
        draws = [torch.Generator().manual_seed(child(seed, env)) for env in range(simulator.num_envs)]
        low, high = simulator.action_low, simulator.action_high
        return lambda *_: low + (high - low) * torch.stack([torch.rand(len(low), generator=draw) for draw in draws])

    return begin


# --- playing --------------------------------------------------------------------------------------------------------


def film(
    player: Player,
    task: Task,
    *,
    env_seeds: Sequence[int],
    picture: Picture,
    every: int,
    take: Take,
    pick: Pick = "all",
) -> tuple[tuple[Episode, ...], tuple[int, ...]]:
    """Play an episode for each seed and film those that are picked: what all came to, and the numbers of the filmed.

    `take` is given a picture of the first state, of every `every`-th after it and of the last.

    Raises: ConfigError, CannotRender: as `sim.make_visible`, or none of the episodes has a finite fitness to pick by.
    """
    chosen: tuple[int, ...] = tuple(range(len(env_seeds)))
    if pick != "all":
        unseen = _played(player, task, env_seeds, picture, _Shots((), every=every, take=take))
        chosen = (_picked(unseen, pick, task),)
    return _played(player, task, env_seeds, picture, _Shots(chosen, every=every, take=take)), chosen


def _picked(episodes: Sequence[Episode], pick: Pick, task: Task) -> int:
    scored = {e.number: e.fitness for e in episodes if e.fitness is not None}
    if not scored:
        raise ConfigError(
            f"None of {len(episodes)} episodes of '{task.name}' has a finite fitness, so there is no {pick} one. "
            "The policy drives the simulation unstable; look at all with --pick all."
        )
    return (max if pick == "best" else min)(scored, key=scored.__getitem__)


class _Shots:
    """Takes the pictures of some environments' first episodes."""

    def __init__(self, envs: Collection[int], *, every: int, take: Take) -> None:
        self._running, self._every, self._take = list(envs), every, take

    def begin(self, simulator: Renders) -> None:
        """Look at the first states, to which the simulator has just been reset."""
        for env in self._running:
            self._take(env, simulator.render(env))

    def after(self, step: int, simulator: Renders, ended: NDArray[np.bool_]) -> None:
        """Look at the states that step number `step`, from 1, led to; `ended` says whose episode is over by now."""
        for env in self._running:
            if step % self._every == 0 or ended[env]:
                self._take(env, simulator.render(env))
        self._running = [env for env in self._running if not ended[env]]


def _played(
    player: Player, task: Task, env_seeds: Sequence[int], picture: Picture, shots: _Shots
) -> tuple[Episode, ...]:
    """One episode of every environment, in a simulator that can be looked at even where nobody does."""
    meters = _Meters(task, len(env_seeds))
    fields = Readings(task).info_fields
    with (
        one_thread(),
        closing(sim.make_visible(task, env_seeds=env_seeds, info_fields=fields, picture=picture)) as simulator,
    ):
        stepper = Stepper(simulator)
        act = player(simulator, stepper.frame)
        shots.begin(simulator)
        for step in range(1, task.episode_steps + 1):
            meters.take(stepper.collect(act, 1))
            shots.after(step, simulator, meters.ended)
            if meters.ended.all():
                break
    return tuple(meters.episode(i, seed) for i, seed in enumerate(env_seeds))


class _Meters:
    """Fitness, success and length of each environment's first episode."""

    def __init__(self, task: Task, num_envs: int) -> None:
        self._readings = Readings(task)
        self._fitness, self._length = FirstEpisodes(task.fitness, num_envs), FirstEpisodes(LENGTH, num_envs)
        self._success = FirstEpisodes(task.success, num_envs) if task.success else None

    def take(self, rollout: Rollout) -> None:
        self._fitness.take(self._readings.fitness(rollout), rollout)
        self._length.take(rollout.valid.float(), rollout)
        if self._success is not None and (values := self._readings.success(rollout)) is not None:
            self._success.take(values, rollout)

    @property
    def ended(self) -> NDArray[np.bool_]:
        return self._length.ended

    def episode(self, env: int, env_seed: int) -> Episode:
        fitness = float(self._fitness.values[env])
        success = math.nan if self._success is None else float(self._success.values[env])
        return Episode(
            number=env,
            env_seed=env_seed,
            fitness=fitness if math.isfinite(fitness) else None,
            success=bool(success) if math.isfinite(success) else None,
            length=int(self._length.values[env]),
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread, as for the judge: small networks are slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
