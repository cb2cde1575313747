"""Worlds that differ: one respect for the probes of finalists, and what a task randomises from episode to episode.

On a GPU `varied.py` takes the place of `Worlds`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import mujoco
import numpy as np
import torch
from torch import Tensor

from rewardsmith.sim.mjcf.declared import Factors, PushKeys, RandomiseKeys, refused
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What one factor is of: rows of the arrays of a kind, all drawn alike."""

    kind: str
    rows: tuple[int, ...]
    low: float
    high: float


class Nominal:
    """A model as declared, and what is changed in its copies."""

    def __init__(self, task: Task, keys: RandomiseKeys, model: mujoco.MjModel) -> None:
        self.model, self.changes = model, changes(task, keys, model)
        self._scratch = mujoco.MjData(model) if self.changes else None

    def changed(self, uniform: np.ndarray) -> mujoco.MjModel:
        """A copy in the world that `uniform`, a number a change, says."""
        found = copy.copy(self.model)
        self.change(found, uniform)
        return found

    def change(self, copied: mujoco.MjModel, uniform: np.ndarray) -> None:
        """Give a copy the world that `uniform` says, whatever it was before."""
        for kind in {change.kind for change in self.changes}:
            for array in ARRAYS[kind][1]:
                getattr(copied, array)[:] = getattr(self.model, array)
        for change, u in zip(self.changes, uniform, strict=True):
            _scale(copied, change, change.low + (change.high - change.low) * u)
        if any(change.kind == "mass" for change in self.changes):
            mujoco.mj_setConst(copied, self._scratch)


class Worlds:
    """The models of `count` environments: one for all, or one each where there are changes.

    `stepped` is `whole` less what is only seen: meshes would make a copy for each environment large.
    """

    def __init__(self, whole: Nominal, stepped: Nominal, count: int) -> None:
        self._whole, self._stepped, plain = whole, stepped, stepped.model
        self.models = [copy.copy(plain) for _ in range(count)] if stepped.changes else [plain] * count
        self._uniform: dict[int, np.ndarray] = {}

    def change(self, environment: int, uniform: np.ndarray) -> None:
        """Give an environment another world, by `uniform`, a number a change."""
        if self._stepped.changes:
            self._uniform[environment] = uniform
            self._stepped.change(self.models[environment], uniform)

    def whole(self, environment: int) -> mujoco.MjModel:
        """An environment's model with all that is seen of it."""
        uniform = self._uniform.get(environment)
        return self._whole.model if uniform is None else self._whole.changed(uniform)


def differ(keys: RandomiseKeys) -> bool:
    """Whether a task's environments need a model each."""
    return any(getattr(keys, kind) is not None for kind in ARRAYS)


def _scale(model: mujoco.MjModel, change: Change, factor: float) -> None:
    rows = list(change.rows)
    for array in ARRAYS[change.kind][1]:
        values = getattr(model, array)
        if change.kind == "friction":
            values[rows, 0] *= factor
        else:
            values[rows] *= factor


def changes(task: Task, keys: RandomiseKeys, model: mujoco.MjModel) -> list[Change]:
    """What differs between a task's worlds.

    Raises: ConfigError: a factor is of something that the model does not have.
    """
    return [
        Change(kind=kind, rows=tuple(rows), low=low, high=high)
        for kind, rows, (low, high) in _changes(task, keys, model)
    ]


def _changes(task: Task, keys: RandomiseKeys, model: mujoco.MjModel) -> Iterable[tuple[str, Iterable[int], Factors]]:
    for kind in ARRAYS:
        wanted: Factors | dict[str, Factors] | None = getattr(keys, kind)
        if isinstance(wanted, dict):
            yield from ((kind, _rows(task, model, kind, name), factors) for name, factors in wanted.items())
        elif wanted is not None:
            yield kind, range(len(getattr(model, ARRAYS[kind][1][0]))), wanted


def _rows(task: Task, model: mujoco.MjModel, kind: str, name: str) -> list[int]:
    element = ARRAYS[kind][0]
    count = {"body": model.nbody, "geom": model.ngeom, "joint": model.njnt, "actuator": model.nu}[element]
    known = [getattr(model, element)(i).name for i in range(count)]
    if name not in known:
        raise refused(task, unknown(element, name, [n for n in known if n]))
    number = known.index(name)
    return [i for i in range(model.nv) if model.dof_jntid[i] == number] if kind == "damping" else [number]


class Pushes:
    """Sudden changes of velocity, at times drawn for each environment; `at` is where in a state they go, two numbers.

    Raises: ConfigError: there is no free body to push.
    """

    NUMBERS = 3  # of one push: when the next one comes, its direction, its strength

    def __init__(self, task: Task, keys: PushKeys, model: mujoco.MjModel) -> None:
        self._velocity = keys.velocity
        self._low, self._high = (end / task.control_dt_s for end in keys.every_s)
        self.at = 1 + model.nq + _free_dof(task, keys.body, model)

    def pause(self, uniform: Tensor) -> Tensor:
        """Control steps `(S,)` until the next push, from `uniform (S, 3)`."""
        return self._low + (self._high - self._low) * uniform[:, 0]

    def kick(self, uniform: Tensor) -> Tensor:
        """Changes of velocity along the ground, `(S, 2)` in m/s."""
        angle, strength = 2 * np.pi * uniform[:, 1], self._velocity * uniform[:, 2]
        return torch.stack([strength * angle.cos(), strength * angle.sin()], dim=1)


def _free_dof(task: Task, body: str | None, model: mujoco.MjModel) -> int:
    free = {
        model.body(int(model.jnt_bodyid[joint])).name: int(model.jnt_dofadr[joint])
        for joint in range(model.njnt)
        if model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_FREE)
    }
    if not free or (body is not None and body not in free):
        raise refused(task, unknown("body with a free joint", body or "", free))
    return free[body] if body is not None else next(iter(free.values()))
