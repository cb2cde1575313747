"""A batch of environments on the CPU's threads, in NumPy: only rows whose episode goes on are stepped.

States pass through MuJoCo whole (`physics.py`), so a batch of any size, in any company, on any number of threads gives
the same bits.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame
from rewardsmith.sim.mjcf import faults
from rewardsmith.sim.mjcf.parts import Broke, Parts, Standing
from rewardsmith.sim.mjcf.physics import Physics
from rewardsmith.sim.mjcf.worlds import Worlds


class ThreadBatch:
    """`worlds.models[i]` is environment i's, which `physics` steps."""

    def __init__(self, parts: Parts, worlds: Worlds, physics: Physics) -> None:
        self._parts, self._worlds, self._physics = parts, worlds, physics
        self._seeds, self._num_envs = parts.seeds.numpy(), len(parts.seeds)
        self._rest = parts.episodes.starts.ctrl
        self._clear()

    def reset(self) -> Frame:
        self._clear()
        return self.step(torch.zeros(self._num_envs, len(self._parts.control.driven)))

    def step(self, actions: Tensor) -> Frame:
        started = self._ended
        fresh, going = np.flatnonzero(started), np.flatnonzero(~started)
        self._elapsed += 1
        self._elapsed[fresh] = 0
        if len(fresh):
            actions = actions.masked_fill(torch.from_numpy(started)[:, None], 0.0)
        broken = self._advance(going, actions) if len(going) else None
        if len(fresh):
            self._start(fresh)
        self._command()
        return self._frame(actions, started, broken)

    def standing(self, environment: int) -> Standing:
        """One environment as it is now."""
        return Standing(
            model=self._worlds.whole(environment),
            state=self._states[environment],
            ctrl=self._ctrl[environment],
            mocap=self._mocap(np.array([environment]))[0],
        )

    def unstable(self) -> ConfigError | None:
        if self._broke is None or self._lost * faults.TOLERATED <= self._taken:
            return None
        return faults.unstable(self._parts.task, self._broke, steps=self._parts.steps)

    def close(self) -> None:
        self._physics.close()

    # --- a step ---

    def _clear(self) -> None:
        n, layout = self._num_envs, self._parts.layout
        self._states = np.zeros((n, self._physics.nstate))
        self._sensed = np.zeros((n, layout.model.nsensordata))
        self._ctrl = np.tile(self._rest, (n, 1))
        self._drawn = np.zeros((n, self._parts.episodes.commands.numbers))
        self._episode = np.full(n, -1)
        self._elapsed = np.zeros(n, dtype=np.int64)
        self._push_at = np.zeros(n)
        self._ended = np.ones(n, dtype=bool)
        self._taken = self._lost = 0
        self._broke: Broke | None = None

    def _advance(self, rows: np.ndarray, actions: Tensor) -> np.ndarray | None:
        """One control step of `rows`; which of all N broke, None where nobody did. What broke stays as it was."""
        every = len(rows) == self._num_envs
        mine: slice | np.ndarray = slice(None) if every else rows
        self._ctrl[mine] = self._parts.control.ctrl(actions if every else actions[torch.from_numpy(rows)]).numpy()
        self._push(rows)
        before = self._states[mine]
        after, sensed = self._physics.step(before, self._controls(mine), rows)
        broken = self._physics.broken(before, after)
        self._taken += len(rows)
        if broken is None:
            self._states[mine], self._sensed[mine] = after, sensed
            return None
        self._remember(rows[broken])
        sound = rows[~broken]
        self._states[sound], self._sensed[sound] = after[~broken], sensed[~broken]
        return np.isin(np.arange(self._num_envs), rows[broken])

    def _remember(self, rows: np.ndarray) -> None:
        """Keep count of who broke, and how the first one stood."""
        self._lost += len(rows)
        if self._broke is None:
            i = int(rows[0])
            self._broke = Broke(environment=i, step=int(self._elapsed[i]), standing=copy.deepcopy(self.standing(i)))

    def _push(self, rows: np.ndarray) -> None:
        pushes = self._parts.episodes.pushes
        if pushes is None:
            return
        due = rows[self._elapsed[rows] >= self._push_at[rows]]
        if len(due):
            kick, pause = self._parts.episodes.push(*self._keys(due), self._elapsed[due])
            self._states[due, pushes.at : pushes.at + 2] += kick.numpy()
            self._push_at[due] = self._elapsed[due] + pause.numpy()

    def _controls(self, rows: np.ndarray | slice) -> np.ndarray:
        """What MuJoCo is told at each physics step: ctrl, and where the mocap bodies are."""
        if self._parts.layout.model.nmocap:
            return np.concatenate([self._ctrl[rows], self._mocap(rows)], axis=1)
        return self._ctrl[rows]

    def _mocap(self, rows: np.ndarray | slice) -> np.ndarray:
        found: np.ndarray = self._parts.episodes.commands.bodies(torch.from_numpy(self._drawn[rows])).numpy()
        return found

    def _start(self, rows: np.ndarray) -> None:
        """New episodes, each drawn from its environment's own stream."""
        self._episode[rows] += 1
        begun = self._parts.episodes.begin(*self._keys(rows))
        self._states[rows] = begun.states.numpy()
        self._drawn[rows] = begun.commands.numpy()
        self._push_at[rows] = begun.push_at.numpy()
        self._ctrl[rows] = self._rest
        for i, uniform in zip(rows.tolist(), begun.worlds.numpy(), strict=True):
            self._worlds.change(i, uniform)
        self._sensed[rows] = self._physics.look(self._states[rows], self._controls(rows), rows)

    def _keys(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Seeds and episodes of some environments, which decide what is drawn for them."""
        return self._seeds[rows], self._episode[rows]

    def _command(self) -> None:
        """Draw anew the commands whose time has come."""
        episodes = self._parts.episodes
        if not episodes.commands.change:
            return
        due = episodes.commands.due(torch.from_numpy(self._elapsed)).numpy()
        rows = np.flatnonzero(due.any(axis=1))
        if len(rows):
            fresh = episodes.fresh_commands(*self._keys(rows), self._elapsed[rows])
            self._drawn[rows] = np.where(due[rows], fresh.numpy(), self._drawn[rows])

    # --- a frame ---

    def _frame(self, actions: Tensor, started: np.ndarray, broken: np.ndarray | None) -> Frame:
        read = self._parts.read.told(self._rows(), actions)
        terminated = np.zeros(self._num_envs, dtype=bool) if read.terminated is None else read.terminated.numpy()
        if broken is not None:
            terminated = terminated | broken
        terminated = terminated & ~started
        truncated = (self._elapsed >= self._parts.task.episode_steps) & ~terminated
        self._ended = terminated | truncated
        return Frame(
            obs={"obs": read.obs},
            info=read.info,
            reward=torch.zeros(self._num_envs),  # a model has none; see references.expert
            terminated=torch.from_numpy(terminated),
            truncated=torch.from_numpy(truncated),
            started=torch.from_numpy(started),
        )

    def _rows(self) -> Tensor:
        """All that is known of each environment, `(N, W)`, as `fields.Layout` says."""
        layout = self._parts.layout
        rows = np.empty((self._num_envs, layout.width), dtype=np.float32)
        rows[:, : layout.sensors] = self._states
        rows[:, layout.sensors : layout.ctrl] = self._sensed
        rows[:, layout.ctrl : layout.drawn] = self._ctrl
        rows[:, layout.drawn :] = self._drawn
        found = torch.from_numpy(rows)
        layout.settle(found)
        return found
