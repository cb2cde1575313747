"""What is drawn for environments: how their episodes begin, and what happens to them on the way.

An environment's draws depend on its seed, its episode's number and the step alone (`draws.py`): whoever asks for some
rows or for all, here or on a GPU, is told the same. Seeds, episodes and steps may come as NumPy's arrays, which is
faster for a few rows, or as tensors; what is told are tensors.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
import torch
from torch import Tensor

from rewardsmith.sim.mjcf import calls, code
from rewardsmith.sim.mjcf.calls import Reset
from rewardsmith.sim.mjcf.declared import MjcfKeys
from rewardsmith.sim.mjcf.draws import Array, Purpose, uniform
from rewardsmith.sim.mjcf.starts import Commands, Starts
from rewardsmith.sim.mjcf.worlds import Pushes
from rewardsmith.types import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """How S episodes begin; all float64."""

    states: Tensor  # (S, nstate)
    commands: Tensor  # (S, numbers of commands)
    worlds: Tensor  # (S, numbers of worlds), in [0, 1)
    push_at: Tensor  # (S,): the step of the first push


class Episodes:
    """The episodes of a task; `worlds` is how many numbers a world takes.

    Raises: ConfigError: as `Starts`, `Commands` and `Pushes`.
    """

    def __init__(
        self,
        task: Task,
        keys: MjcfKeys,
        model: mujoco.MjModel,
        *,
        worlds: int,
        reset: Reset | None,
        device: torch.device,
    ) -> None:
        wanted = task.env.disturbance
        spread = wanted.factor if wanted is not None and wanted.kind == "reset_noise" else 1.0
        self.starts = Starts(task, keys, model, spread=spread, device=device)
        self.commands = Commands(task, keys.commands, model, device=device)
        pushes = keys.randomise.pushes
        self.pushes = Pushes(task, pushes, model) if pushes else None
        self._worlds, self._reset, self._nq, self._nv = worlds, reset, model.nq, model.nv
        self._begun = 0

    def begin(self, seeds: Array, episodes: Array) -> Begun:
        """The beginnings of episodes number `episodes (S,)` of environments with `seeds (S,)`."""
        at_start = episodes * 0
        parts = [self.starts.numbers, self.commands.numbers, self._worlds]
        drawn = _drawn("start", seeds, episodes, at_start, sum(parts))
        starts, commands, worlds = torch.split(drawn, parts, dim=1)
        states = self.starts.states(starts)
        push_at = states.new_zeros(len(states)) if self.pushes is None else self.push(seeds, episodes, at_start)[1]
        if self._reset is not None:
            self._by_code(states, _drawn("code", seeds, episodes, at_start, code.RESET_NUMBERS))
        return Begun(
            states=states,
            commands=self.commands.values(commands),
            worlds=worlds,
            push_at=push_at,
        )

    def _by_code(self, states: Tensor, uniform: Tensor) -> None:
        assert self._reset is not None
        both = states[:, 1 : 1 + self._nq + self._nv]
        call = self._reset.tried if self._begun < calls.TRIED else self._reset.starts
        both.copy_(torch.cat(call(both[:, : self._nq], both[:, self._nq :], uniform), dim=1))
        self.starts.normalise(states)
        self._begun += 1

    def fresh_commands(self, seeds: Array, episodes: Array, elapsed: Array) -> Tensor:
        """Commands `(S, numbers)` to take the place of those whose time is over."""
        return self.commands.values(_drawn("command", seeds, episodes, elapsed, self.commands.numbers))

    def push(self, seeds: Array, episodes: Array, elapsed: Array) -> tuple[Tensor, Tensor]:
        """A push at step `elapsed (S,)`: changes of velocity `(S, 2)`, and the steps `(S,)` until the next."""
        assert self.pushes is not None
        drawn = _drawn("push", seeds, episodes, elapsed, Pushes.NUMBERS)
        return self.pushes.kick(drawn), self.pushes.pause(drawn)


def _drawn(purpose: Purpose, seeds: Array, episodes: Array, steps: Array, count: int) -> Tensor:
    found = uniform(purpose, seeds, episodes, steps, count)
    return torch.from_numpy(found) if isinstance(found, np.ndarray) else found
