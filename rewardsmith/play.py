"""Random play: real states of a task without a policy, for checking a task and for probing reward code."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rewardsmith.interfaces import Rollout, SimulatorFactory, TellsUnstable
from rewardsmith.readings import Readings
from rewardsmith.rollouts import Stepper
from rewardsmith.seeds import env_seeds
from rewardsmith.types import EPISODE_PROGRESS, PREVIOUS, Task


def random_rollout(
    task: Task, simulator: SimulatorFactory, *, seed: int, num_envs: int = 8, steps: int = 64
) -> Rollout:
    """Play uniformly random actions, each held for four steps so that the bodies really move.

    Raises: ConfigError: the simulator says that its physics is unstable (`interfaces.TellsUnstable`).
    """
    sim = simulator(task, env_seeds=env_seeds(seed, num_envs), info_fields=Readings(task).info_fields)
    draw = torch.Generator().manual_seed(seed)
    span = sim.action_high - sim.action_low
    blocks = torch.rand(steps // 4 + 1, num_envs, len(span), generator=draw) * span + sim.action_low
    try:
        played = Stepper(sim).collect(lambda t, _: blocks[t // 4], steps)
        if isinstance(sim, TellsUnstable) and (fault := sim.unstable()) is not None:
            raise fault
        return played
    finally:
        sim.close()


def random_states(task: Task, simulator: SimulatorFactory, *, seed: int, rows: int = 512) -> dict[str, Tensor]:
    """Every input reward code may ask for, over `rows` real transitions: `{name: (rows, *shape)}`.

    They are drawn from 16 episodes or more: what is drawn once an episode, like a goal, has as many values to show.
    """
    num_envs = 16
    steps = max(128, 2 * (rows // num_envs + 1))  # enough even where every other step is a reset
    rollout = random_rollout(task, simulator, seed=seed, num_envs=num_envs, steps=steps)
    declared = [s.name for s in task.signals]
    names = [*declared, *(PREVIOUS + n for n in declared), EPISODE_PROGRESS]
    real = rollout.valid.flatten().nonzero().squeeze(1)
    order = torch.randperm(len(real), generator=torch.Generator().manual_seed(seed))
    kept = real[order[:rows].sort().values]  # in the order in which they were played
    return {name: value.flatten(0, 1)[kept] for name, value in Readings(task).inputs(rollout, names).items()}


def ranges_of(task: Task, states: Mapping[str, Tensor]) -> dict[str, tuple[tuple[float, float], ...]]:
    """The least and the greatest finite value of each number of each signal, over the rows of `states`.

    A number that is nowhere finite has infinity as its least and minus infinity as its greatest.
    """
    found = {}
    for signal in task.signals:
        columns = states[signal.name].flatten(1) if signal.shape else states[signal.name].unsqueeze(1)
        lows = columns.where(columns.isfinite(), torch.inf).amin(0).tolist()
        highs = columns.where(columns.isfinite(), -torch.inf).amax(0).tolist()
        found[signal.name] = tuple(zip(lows, highs, strict=True))
    return found
