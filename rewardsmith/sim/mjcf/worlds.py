"""Worlds that differ: one respect for the probes of finalists, and what a task randomises from episode to episode."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import mujoco
import numpy as np

from rewardsmith.sim.mjcf.declared import Factors, MjcfKeys, PushKeys, RandomiseKeys, refused
from rewardsmith.sim.mjcf.model import unknown
from rewardsmith.types import Disturbance, Task

ARRAYS = {
    "mass": ("body", ("body_mass", "body_inertia")),
    "friction": ("geom", ("geom_friction",)),
    "damping": ("joint", ("dof_damping",)),
    "gain": ("actuator", ("actuator_gainprm", "actuator_biasprm")),
}
"""What a factor is of, and MuJoCo's arrays that hold it; of a friction only the first number, the sliding one."""


def disturb(model: mujoco.MjModel, wanted: Disturbance | None) -> None:
    """Change every mass and inertia, or every sliding friction, in place."""
    if wanted is None:
        return
    if wanted.kind == "friction":
        model.geom_friction[:, 0] *= wanted.factor
        model.pair_friction[:, :2] *= wanted.factor
    elif wanted.kind == "mass":
        model.body_mass *= wanted.factor
        model.body_inertia *= wanted.factor
        mujoco.mj_setConst(model, mujoco.MjData(model))  # what MuJoCo derives from masses


class Worlds:
    """The models of `count` environments: one for all, or one each where a task randomises.

    Raises: ConfigError: a factor is of something that the model does not have.
    """

    def __init__(self, task: Task, keys: MjcfKeys, model: mujoco.MjModel, count: int) -> None:
        self._changes = list(_changes(task, keys.randomise, model))
        self._plain = model
        self._scratch = mujoco.MjData(model) if self._changes else None
        self.models = [copy.copy(model) for _ in range(count)] if self._changes else [model] * count
        self.numbers = len(self._changes)

    def change(self, environment: int, uniform: np.ndarray) -> None:
        """Give an environment another world, by `uniform (numbers,)`."""
        if not self._changes:
            return
        model = self.models[environment]
        for kind in {change[0] for change in self._changes}:
            for array in ARRAYS[kind][1]:
                getattr(model, array)[:] = getattr(self._plain, array)
        for (kind, rows, (low, high)), u in zip(self._changes, uniform, strict=True):
            _scale(model, kind, rows, low + (high - low) * u)
        if any(kind == "mass" for kind, _, _ in self._changes):
            mujoco.mj_setConst(model, self._scratch)


def _scale(model: mujoco.MjModel, kind: str, rows: list[int], factor: float) -> None:
    for array in ARRAYS[kind][1]:
        values = getattr(model, array)
        if kind == "friction":
            values[rows, 0] *= factor
        else:
            values[rows] *= factor


def _changes(task: Task, keys: RandomiseKeys, model: mujoco.MjModel) -> Iterable[tuple[str, list[int], Factors]]:
    for kind in ARRAYS:
        wanted: Factors | dict[str, Factors] | None = getattr(keys, kind)
        if isinstance(wanted, dict):
            yield from ((kind, _rows(task, model, kind, name), factors) for name, factors in wanted.items())
        elif wanted is not None:
            yield kind, list(range(len(getattr(model, ARRAYS[kind][1][0])))), wanted


def _rows(task: Task, model: mujoco.MjModel, kind: str, name: str) -> list[int]:
    element = ARRAYS[kind][0]
    count = {"body": model.nbody, "geom": model.ngeom, "joint": model.njnt, "actuator": model.nu}[element]
    known = [getattr(model, element)(i).name for i in range(count)]
    if name not in known:
        raise refused(task, unknown(element, name, [n for n in known if n]))
    number = known.index(name)
    return [i for i in range(model.nv) if model.dof_jntid[i] == number] if kind == "damping" else [number]


class Pushes:
    """Sudden changes of velocity, at times drawn for each environment.

    Raises: ConfigError: there is no free body to push.
    """

    NUMBERS = 3  # of one push: when the next one comes, its direction, its strength

    def __init__(self, task: Task, keys: PushKeys, model: mujoco.MjModel, count: int) -> None:
        self._velocity = keys.velocity
        self._low, self._high = (end / task.control_dt_s for end in keys.every_s)
        self._at = 1 + model.nq + _free_dof(task, keys.body, model)
        self._next = np.zeros(count)

    def start(self, rows: np.ndarray, uniform: np.ndarray) -> None:
        """An episode begins: its first push comes after a while."""
        self._next[rows] = self._low + (self._high - self._low) * uniform[:, 0]

    def due(self, elapsed: np.ndarray) -> np.ndarray:
        """Which environments are pushed now, `(P,)`."""
        return np.flatnonzero(elapsed >= self._next)

    def push(self, states: np.ndarray, rows: np.ndarray, elapsed: np.ndarray, uniform: np.ndarray) -> None:
        """Change the velocities of `rows` in `states (N, S)`; `uniform (P, 3)`."""
        angle, strength = 2 * np.pi * uniform[:, 1], self._velocity * uniform[:, 2]
        states[rows, self._at] += strength * np.cos(angle)
        states[rows, self._at + 1] += strength * np.sin(angle)
        self._next[rows] = elapsed[rows] + self._low + (self._high - self._low) * uniform[:, 0]


def _free_dof(task: Task, body: str | None, model: mujoco.MjModel) -> int:
    free = {
        model.body(int(model.jnt_bodyid[joint])).name: int(model.jnt_dofadr[joint])
        for joint in range(model.njnt)
        if model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_FREE)
    }
    if not free or (body is not None and body not in free):
        raise refused(task, unknown("body with a free joint", body or "", free))
    return free[body] if body is not None else next(iter(free.values()))
