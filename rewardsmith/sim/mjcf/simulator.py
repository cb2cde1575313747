"""The simulator of the backend `mjcf`: a batch of environments of one model, all that a task declares around them.

Environment i's random numbers come from its own seed alone: starts, commands, worlds and pushes. States pass through
MuJoCo whole (`physics.py`), so a batch of any size, in any company, on any number of threads gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith import opengl
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame, Picture
from rewardsmith.sim.mjcf import code, declared, faults, fields, model, warp
from rewardsmith.sim.mjcf.control import Control
from rewardsmith.sim.mjcf.declared import MjcfKeys
from rewardsmith.sim.mjcf.expressions import Expressions
from rewardsmith.sim.mjcf.fields import Layout
from rewardsmith.sim.mjcf.physics import Physics
from rewardsmith.sim.mjcf.starts import Commands, Starts
from rewardsmith.sim.mjcf.warp import WarpPhysics
from rewardsmith.sim.mjcf.worlds import Pushes, Worlds, disturb
from rewardsmith.sim.pictures import ModelPictures
from rewardsmith.types import Task


class MjcfSimulator:
    """A batch of environments of a task's own model; see docs/mjcf.md for what a task declares.

    Raises: ConfigError: a file is missing, the model does not compile, or a name or a declaration does not fit it.
    """

    def __init__(
        self,
        task: Task,
        *,
        env_seeds: Sequence[int],
        info_fields: Sequence[str],
        threads: int | None = None,
        picture: Picture | None = None,
    ) -> None:
        keys = declared.read(task)
        if keys.device != "cpu":
            warp.check(task, keys)
        self._task, self._seeds, self.num_envs = task, [int(s) for s in env_seeds], len(env_seeds)
        self._read = Expressions(task, keys, info_fields)
        spec = model.specified(task, keys, edit=self._read.code.edit)
        _demand(task, keys, spec, self._read, asked=info_fields)
        plain = model.compiled(task, spec)
        plain.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)  # a broken state is to be seen
        disturb(plain, task.env.disturbance)
        self._starts = Starts(task, keys, plain, spread=_spread(task))
        self._commands = Commands(task, keys.commands, plain)
        self._control = Control(task, keys.control, plain, rest=self._starts.ctrl)
        self._worlds = Worlds(task, keys, plain, self.num_envs)
        pushed = keys.randomise.pushes
        self._pushes = Pushes(task, pushed, plain, self.num_envs) if pushed else None
        self._steps = model.control_steps(task, plain)
        self._physics = _physics(task, keys, self._worlds.models, steps=self._steps, threads=threads)
        self._layout = Layout(plain, self._commands.places)
        self._read.bind(self._layout)
        actions = len(self._control.driven)
        self.action_low, self.action_high = torch.full((actions,), -1.0), torch.full((actions,), 1.0)
        self._picture, self._drawings = picture or Picture(), dict[int, ModelPictures]()
        self._clear()

    @staticmethod
    def refuses(task: Task) -> str | None:
        """Why the world that `task.env.disturbance` asks for cannot be made; None where it can."""
        wanted = task.env.disturbance
        if wanted is None or wanted.kind in ("mass", "friction"):
            return None
        if wanted.kind != "reset_noise":
            return f"MuJoCo cannot change {wanted.kind}."
        plain = MjcfSimulator(replace(task, env=replace(task.env, disturbance=None)), env_seeds=[0], info_fields=())
        plain.close()
        return None if plain._starts.varied else f"'{task.env.id}' begins alike each time: env.reset has no spread."

    # --- the contract ---

    def reset(self) -> Frame:
        self._clear()
        return self.step(torch.zeros(self.num_envs, len(self.action_low)))

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

    def render(self, env: int) -> NDArray[np.uint8]:
        opengl.choose()
        shown, data = self.pose(env)
        if env not in self._drawings:
            where = self._task.path or self._task.name
            self._drawings[env] = ModelPictures(shown, self._picture, where=where)
        return self._drawings[env].draw(data)

    def close(self) -> None:
        while self._drawings:
            self._drawings.popitem()[1].close()
        self._physics.close()

    def pose(self, environment: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """One environment's model and its data as it is now, positions brought up to date; for drawing it."""
        found = self._worlds.models[environment]
        data = mujoco.MjData(found)
        mujoco.mj_setState(found, data, self._states[environment], fields.FULL)
        data.ctrl[:] = self._ctrl[environment]
        if found.nmocap:
            data.mocap_pos[:] = self._commands.bodies(self._drawn[environment : environment + 1]).reshape(-1, 3)
        mujoco.mj_forward(found, data)
        return found, data

    # --- a step ---

    def _clear(self) -> None:
        n, layout = self.num_envs, self._layout
        self._random = [np.random.default_rng(seed) for seed in self._seeds]
        self._states = np.zeros((n, self._physics.nstate))
        self._sensed = np.zeros((n, layout.model.nsensordata))
        self._ctrl = np.tile(self._starts.ctrl, (n, 1))
        self._drawn = np.zeros((n, self._commands.numbers))
        self._elapsed = np.zeros(n, dtype=np.int64)
        self._ended = np.ones(n, dtype=bool)
        self._taken = self._lost = 0

    def _advance(self, rows: np.ndarray, actions: Tensor) -> np.ndarray | None:
        """One control step of `rows`; which of all N broke, None where nobody did. What broke stays as it was."""
        every = len(rows) == self.num_envs
        mine: slice | np.ndarray = slice(None) if every else rows
        self._ctrl[mine] = self._control.ctrl(actions.numpy()[mine])
        if self._pushes is not None:
            self._push(rows)
        before = self._states[mine]
        after, sensed = self._physics.step(before, self._controls(mine), rows)
        broken = self._physics.broken(before, after)
        self._taken += len(rows)
        if broken is None:
            self._states[mine], self._sensed[mine] = after, sensed
            return None
        self._tolerate(rows[broken])
        sound = rows[~broken]
        self._states[sound], self._sensed[sound] = after[~broken], sensed[~broken]
        return np.isin(np.arange(self.num_envs), rows[broken])

    def _tolerate(self, rows: np.ndarray) -> None:
        """Raises: ConfigError: the physics breaks too often for it to be a policy's wild try."""
        self._lost += len(rows)
        if self._lost * faults.TOLERATED > self._taken:
            i = int(rows[0])
            raise faults.unstable(
                self._task, self._worlds.models[i], self._states[i], self._ctrl[i],
                environment=i, step=int(self._elapsed[i]), steps=self._steps,
            )  # fmt: skip

    def _push(self, rows: np.ndarray) -> None:
        assert self._pushes is not None
        due = np.intersect1d(self._pushes.due(self._elapsed), rows)
        if len(due):
            self._pushes.push(self._states, due, self._elapsed, self._uniform(due, Pushes.NUMBERS))

    def _controls(self, rows: np.ndarray | slice) -> np.ndarray:
        """What MuJoCo is told at each physics step: ctrl, and where the mocap bodies are."""
        if self._layout.model.nmocap:
            return np.concatenate([self._ctrl[rows], self._commands.bodies(self._drawn[rows])], axis=1)
        return self._ctrl[rows]

    def _start(self, rows: np.ndarray) -> None:
        """New episodes, each drawn from its environment's own stream, in a fixed order."""
        drawn = self._uniform(rows, self._starts.numbers + self._commands.numbers + self._worlds.numbers)
        starts, commands, worlds = np.split(
            drawn, [self._starts.numbers, self._starts.numbers + self._commands.numbers], axis=1
        )
        self._states[rows] = self._starts.states(starts)
        self._drawn[rows] = self._commands.values(commands)
        self._ctrl[rows] = self._starts.ctrl
        for i, uniform in zip(rows.tolist(), worlds, strict=True):
            self._worlds.change(i, uniform)
        if self._pushes is not None:
            self._pushes.start(rows, self._uniform(rows, Pushes.NUMBERS))
        if self._read.code.reset is not None:
            self._start_by_code(rows)
        self._sensed[rows] = self._physics.look(self._states[rows], self._controls(rows), rows)

    def _start_by_code(self, rows: np.ndarray) -> None:
        nq, reset = self._layout.model.nq, self._read.code.reset
        assert reset is not None
        uniform = torch.from_numpy(self._uniform(rows, code.RESET_NUMBERS))
        both = torch.from_numpy(self._states[rows, 1 : 1 + nq + self._layout.model.nv])
        qpos, qvel = reset(both[:, :nq].clone(), both[:, nq:].clone(), uniform)
        self._states[rows, 1 : 1 + nq + self._layout.model.nv] = torch.cat([qpos, qvel], dim=1).numpy()

    def _uniform(self, rows: np.ndarray, count: int) -> np.ndarray:
        """`(n, count)` in [0, 1), each row from its environment's own stream."""
        return np.stack([self._random[i].random(count) for i in rows.tolist()])

    def _command(self) -> None:
        """Draw anew the commands whose time has come."""
        if not self._commands.change:
            return
        due = self._commands.due(self._elapsed)
        rows = np.flatnonzero(due.any(axis=1))
        if len(rows):
            fresh = self._commands.values(self._uniform(rows, self._commands.numbers))
            self._drawn[rows] = np.where(due[rows], fresh, self._drawn[rows])

    # --- a frame ---

    def _frame(self, actions: Tensor, started: np.ndarray, broken: np.ndarray | None) -> Frame:
        read = self._read.told(self._rows(), actions)
        terminated = np.zeros(self.num_envs, dtype=bool) if read.terminated is None else read.terminated.numpy()
        if broken is not None:
            terminated = terminated | broken
        terminated = terminated & ~started
        truncated = (self._elapsed >= self._task.episode_steps) & ~terminated
        self._ended = terminated | truncated
        return Frame(
            obs={"obs": read.obs},
            info=read.info,
            reward=torch.zeros(self.num_envs),  # a model has none; see references.expert
            terminated=torch.from_numpy(terminated),
            truncated=torch.from_numpy(truncated),
            started=torch.from_numpy(started),
        )

    def _rows(self) -> Tensor:
        """All that is known of each environment, `(N, W)`, as `fields.Layout` says."""
        layout = self._layout
        rows = np.empty((self.num_envs, layout.width), dtype=np.float32)
        rows[:, : layout.sensors] = self._states
        rows[:, layout.sensors : layout.ctrl] = self._sensed
        rows[:, layout.ctrl : layout.drawn] = self._ctrl
        rows[:, layout.drawn :] = self._drawn
        layout.settle(rows)
        return torch.from_numpy(rows)


def _demand(task: Task, keys: MjcfKeys, spec: Any, read: Expressions, *, asked: Sequence[str]) -> None:
    """Have the model tell all that is read of it; a fault in what nobody asked for stands in `env:`."""
    fields.demand(spec, [name for name in read.wanted if name in asked], commands=keys.commands)
    try:
        fields.demand(spec, read.wanted, commands=keys.commands)
    except ConfigError as fault:
        raise declared.refused(task, f"env.observation, env.terminated or env.code: {fault}") from fault


def _physics(
    task: Task, keys: MjcfKeys, models: Sequence[mujoco.MjModel], *, steps: int, threads: int | None
) -> Physics | WarpPhysics:
    if keys.device == "cpu":
        return Physics(models, steps=steps, threads=threads)
    return WarpPhysics(task, models[0], len(models), steps=steps, device=keys.device, buffers=keys.buffers)


def _spread(task: Task) -> float:
    wanted = task.env.disturbance
    return wanted.factor if wanted is not None and wanted.kind == "reset_noise" else 1.0
