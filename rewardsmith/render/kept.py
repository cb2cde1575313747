"""Films an episode that was kept as a trajectory, such as the judge's.

A trajectory holds signals and actions, not the simulation's state, so no backend can be set to it. What every backend
can do is play it again: the environment of the same seed is given the same actions. An episode that does not know its
seed, of an earlier version, is looked for among the seeds it may come from. Physics being deterministic, it then goes
the same way; that it does is checked, not assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import torch
from torch import Tensor

from rewardsmith import sim
from rewardsmith.errors import RunError
from rewardsmith.interfaces import Frame, Picture, Simulator
from rewardsmith.readings import Readings
from rewardsmith.render.film import Episode, Player, Take, film, one_thread
from rewardsmith.rollouts import Act, Stepper
from rewardsmith.types import Task, Trajectory

TOLERANCE = 1e-4
"""How far signals may be from the kept ones, relative and absolute: other machines' last bits differ."""


def film_kept(
    trajectory: Trajectory, task: Task, *, env_seeds: Sequence[int], picture: Picture, every: int, take: Take
) -> Episode:
    """Play a kept episode again and film it; `env_seeds` are those it may have been played with, if it does not know.

    `take` is given a picture of the first state, of every `every`-th after it and of the last, all numbered 0.

    Raises: RunError: no seed gives this episode. ConfigError, CannotRender: as `sim.make_visible`.
    """
    seed = seed_of(trajectory, task, env_seeds=env_seeds)
    played, _ = film(
        recorded_player(trajectory.actions), task, env_seeds=[seed], picture=picture, every=every, take=take
    )
    return replace(played[0], fitness=trajectory.fitness, success=trajectory.success)


def seed_of(trajectory: Trajectory, task: Task, *, env_seeds: Sequence[int]) -> int:
    """Which seed gives this episode under its own actions: its own where it knows it, else one of `env_seeds`.

    Raises: RunError: none does: the task, a simulator's version or the machine is another than when it was kept. Or it
    was played on a GPU, whose physics no seed repeats.
    """
    if task.env.device == "cuda":
        raise RunError(
            f"The episode of '{trajectory.source}' cannot be played again: a GPU repeats no physics exactly. Film its "
            "policy instead, without --kept."
        )
    tried = env_seeds if trajectory.env_seed is None else [trajectory.env_seed]
    if not tried:
        raise RunError(
            f"The episode of '{trajectory.source}' cannot be played again: it was kept without the seed of its "
            "environment. Film its policy instead, without --kept."
        )
    readings = Readings(task)
    visible = sim.make_visible(task, env_seeds=tried, info_fields=readings.info_fields, picture=Picture())
    with one_thread(), closing(visible) as simulator:
        stepper = Stepper(simulator)
        act = recorded_player(trajectory.actions)(simulator, stepper.frame)
        found = readings.signals(stepper.collect(act, len(trajectory.actions)))
    near = _near(found, trajectory.signals)
    if not near.any():
        seeds = "its seed does not give" if len(tried) == 1 else f"none of its {len(tried)} seeds gives"
        raise RunError(
            f"The episode of '{trajectory.source}' cannot be played again: {seeds} it here. The task file, "
            "a simulator's version or the machine is another than when it was kept. Film its policy instead, without "
            "--kept."
        )
    return tried[int(near.nonzero()[0])]


def recorded_player(actions: Tensor) -> Player:
    """The same actions `(T, A)` in every environment, step by step.

    Raises, while it plays: RunError: the episode goes on where the actions end.
    """

    def begin(simulator: Simulator, _: Frame) -> Act:
        steps: Iterator[Tensor] = iter(actions)

        def act(_: int, frame: Frame) -> Tensor:  # noqa: ARG001 - nothing is looked at
            action = next(steps, None)
            if action is None:
                raise RunError(f"The episode goes on after the {len(actions)} steps that were kept of it.")
            return action.expand(simulator.num_envs, -1).contiguous()

        return act

    return begin


def _near(found: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> Tensor:
    """In which environments all signals `(T + 1, N, *shape)` are the kept ones, `(N,)` bool."""
    near: Tensor = torch.tensor(True)
    for name, value in kept.items():
        same = torch.isclose(found[name], value.unsqueeze(1), rtol=TOLERANCE, atol=TOLERANCE)
        near = near & same.movedim(1, 0).flatten(1).all(1)
    return near
