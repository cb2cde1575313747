"""A batch of environments on a device of torch's, where everything stays: starts, commands, pushes, signals and ends.

Nothing in a step is decided by the host: all rows go the same way, and what does not concern a row is masked. So no
step waits for the device, except for a look at its faults every `WATCH` steps, and where masses are randomised.

An episode that begins is not stepped: MuJoCo Warp steps all worlds, what becomes of this one is thrown away, and its
sensors are those at the beginning of the first physics step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame
from rewardsmith.sim.mjcf import faults
from rewardsmith.sim.mjcf.parts import Broke, Parts, Standing
from rewardsmith.sim.mjcf.physics import LARGEST
from rewardsmith.sim.mjcf.varied import VariedWorlds
from rewardsmith.sim.mjcf.warp import WarpPhysics

WATCH: Final = 16


class DeviceBatch:
    """`worlds` are the fields of `physics` in which environments differ."""

    _ended: Tensor
    _elapsed: Tensor
    _episode: Tensor
    _steps: int

    def __init__(self, parts: Parts, worlds: VariedWorlds, physics: WarpPhysics) -> None:
        self._parts, self._worlds, self._physics = parts, worlds, physics
        self._num_envs, self._on = len(parts.seeds), parts.seeds.device
        self._rest = torch.tensor(parts.episodes.starts.ctrl, device=self._on)
        self._clear()

    def reset(self) -> Frame:
        self._clear()
        return self.step(torch.zeros(self._num_envs, len(self._parts.control.driven), device=self._on))

    def step(self, actions: Tensor) -> Frame:
        started = self._ended
        self._elapsed = torch.where(started, 0, self._elapsed + 1)
        self._episode = self._episode + started
        actions = actions.to(self._on).masked_fill(started[:, None], 0.0)
        self._start(started)
        broken = self._advance(started, actions)
        self._command()
        frame = self._frame(actions, started, broken)
        self._steps += 1
        if self._steps % WATCH == 0:
            self._look_at_faults()
        return frame

    def standing(self, environment: int) -> Standing:
        """One environment as it is now."""
        mocap = self._parts.episodes.commands.bodies(self._drawn[environment : environment + 1])
        return Standing(
            model=self._worlds.model(environment),
            state=_on_cpu(self._states[environment]),
            ctrl=_on_cpu(self._ctrl[environment]),
            mocap=_on_cpu(mocap[0]),
        )

    def unstable(self) -> ConfigError | None:
        lost, taken = torch.stack([self._lost, self._taken]).tolist()
        if lost * faults.TOLERATED <= taken:
            return None
        environment, step = self._witness.tolist()
        standing = replace(self.standing(environment), state=_on_cpu(self._before), ctrl=_on_cpu(self._under))
        broke = Broke(environment=environment, step=step, standing=standing)
        return faults.unstable(self._parts.task, broke, steps=self._parts.steps)

    def close(self) -> None:
        """Nothing has to be ended; memory goes with the object."""

    # --- a step ---

    def _clear(self) -> None:
        n, layout, on = self._num_envs, self._parts.layout, self._on
        self._states = torch.zeros(n, layout.sensors, device=on)
        self._sensed = torch.zeros(n, layout.model.nsensordata, device=on)
        self._ctrl = self._rest.repeat(n, 1)
        self._drawn = torch.zeros(n, self._parts.episodes.commands.numbers, dtype=torch.float64, device=on)
        self._episode = torch.full((n,), -1, device=on)
        self._elapsed = torch.zeros(n, dtype=torch.int64, device=on)
        self._push_at = torch.zeros(n, dtype=torch.float64, device=on)
        self._ended = torch.ones(n, dtype=torch.bool, device=on)
        self._steps = 0
        self._taken = self._lost = torch.zeros((), dtype=torch.int64, device=on)
        self._witness = torch.zeros(2, dtype=torch.int64, device=on)  # who broke last, and at which step
        self._before = self._states[0]
        self._under = self._ctrl[0]

    def _start(self, started: Tensor) -> None:
        """New episodes for those that `started`, each drawn from its environment's own stream."""
        begun, fresh = self._parts.episodes.begin(self._parts.seeds, self._episode), started[:, None]
        self._states = torch.where(fresh, begun.states.float(), self._states)
        self._drawn = torch.where(fresh, begun.commands, self._drawn)
        self._push_at = torch.where(started, begun.push_at, self._push_at)
        self._worlds.change(started, begun.worlds)

    def _advance(self, started: Tensor, actions: Tensor) -> Tensor:
        """One control step of all but those that `started`; who broke. What broke stays as it was."""
        self._ctrl = torch.where(started[:, None], self._rest, self._parts.control.ctrl(actions))
        self._push(started)
        before, mocap = self._states, self._parts.episodes.commands.bodies(self._drawn)
        after, first, last = self._physics.step(before, self._ctrl, mocap)
        broken = ~(after.abs() < LARGEST).all(dim=1) & ~started  # NaN is not smaller
        self._states = torch.where((started | broken)[:, None], before, after)
        self._sensed = torch.where(broken[:, None], self._sensed, torch.where(started[:, None], first, last))
        self._remember(started, broken, before)
        return broken

    def _push(self, started: Tensor) -> None:
        pushes = self._parts.episodes.pushes
        if pushes is None:
            return
        due = (self._elapsed >= self._push_at) & ~started
        kick, pause = self._parts.episodes.push(self._parts.seeds, self._episode, self._elapsed)
        places = slice(pushes.at, pushes.at + 2)
        self._states[:, places] += torch.where(due[:, None], kick, 0.0)
        self._push_at = torch.where(due, self._elapsed + pause, self._push_at)

    def _command(self) -> None:
        """Draw anew the commands whose time has come."""
        episodes = self._parts.episodes
        if episodes.commands.change:
            fresh = episodes.fresh_commands(self._parts.seeds, self._episode, self._elapsed)
            self._drawn = torch.where(episodes.commands.due(self._elapsed), fresh, self._drawn)

    # --- a frame ---

    def _frame(self, actions: Tensor, started: Tensor, broken: Tensor) -> Frame:
        read = self._parts.read.told(self._rows(), actions)
        terminated = (broken if read.terminated is None else read.terminated | broken) & ~started
        truncated = (self._elapsed >= self._parts.task.episode_steps) & ~terminated
        self._ended = terminated | truncated
        return Frame(
            obs={"obs": read.obs},
            info=read.info,
            reward=torch.zeros(self._num_envs, device=self._on),  # a model has none; see references.expert
            terminated=terminated,
            truncated=truncated,
            started=started,
        )

    def _rows(self) -> Tensor:
        """All that is known of each environment, `(N, W)`, as `fields.Layout` says."""
        rows = torch.cat([self._states, self._sensed, self._ctrl.float(), self._drawn.float()], dim=1)
        self._parts.layout.settle(rows)
        return rows

    # --- faults ---

    def _remember(self, started: Tensor, broken: Tensor, before: Tensor) -> None:
        """Keep count of who broke, and where the last one stood."""
        self._taken, self._lost = self._taken + (~started).sum(), self._lost + broken.sum()
        who, any_broke = broken.to(torch.int64).argmax().view(1), broken.any()
        told = torch.cat([who, self._elapsed.index_select(0, who)])
        self._witness = torch.where(any_broke, told, self._witness)
        self._before = torch.where(any_broke, before.index_select(0, who)[0], self._before)
        self._under = torch.where(any_broke, self._ctrl.index_select(0, who)[0], self._under)

    def _look_at_faults(self) -> None:
        """Raises: ConfigError: no room for contacts or constraints."""
        if self._physics.overflow().any() and (fault := self._physics.shortage()) is not None:
            raise fault


def _on_cpu(x: Tensor) -> np.ndarray:
    found: np.ndarray = x.double().cpu().numpy()
    return found
