"""Worlds that differ: one respect for the probes of finalists, and what a task randomises from episode to episode.

On a GPU `varied.py` takes the place of `Worlds`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
import torch
from torch import Tensor

from rewardsmith.sim.mjcf.declared import Factors, PushKeys, RandomiseKeys, refused
from rewardsmith.sim.mjcf.elements import unknown
from rewardsmith.types import Disturbance, Task

ELEMENTS = {"mass": "body", "friction": "geom", "damping": "joint", "gain": "actuator"}
"""What a factor of each kind is of."""
AS_DERIVED = ("eq_data", "tendon_length0", "actuator_length0")
"""Arrays that `mj_setConst` writes but that follow from no mass: from where bodies are when the model is compiled."""


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
class Part:
    """Numbers of one array of MuJoCo's model: of some rows all columns, or those given."""

    array: str
    rows: tuple[int, ...]
    columns: slice | None = None

    @property
    def at(self) -> Any:
        """What the array is indexed with."""
        return list(self.rows) if self.columns is None else (list(self.rows), self.columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What one factor is of: all drawn alike."""

    kind: str
    parts: tuple[Part, ...]
    low: float
    high: float


class Nominal:
    """A model as declared, and what is changed in its copies.

    `whole` is the model that names are of, where `model` lacks what is only seen.
    """

    def __init__(
        self, task: Task, keys: RandomiseKeys, model: mujoco.MjModel, *, whole: mujoco.MjModel | None = None
    ) -> None:
        self.model, self.changes = model, changes(task, keys, model, whole=whole or model)
        self._scratch = mujoco.MjData(model) if self.changes else None

    def changed(self, uniform: np.ndarray) -> mujoco.MjModel:
        """A copy in the world that `uniform`, a number a change, says."""
        found = copy.copy(self.model)
        self.change(found, uniform)
        return found

    def change(self, copied: mujoco.MjModel, uniform: np.ndarray) -> None:
        """Give a copy the world that `uniform` says, whatever it was before."""
        for array in arrays(self.changes):
            getattr(copied, array)[:] = getattr(self.model, array)
        for change, u in zip(self.changes, uniform, strict=True):
            scale(copied, change, change.low + (change.high - change.low) * u)
        if any(change.kind == "mass" for change in self.changes):
            mujoco.mj_setConst(copied, self._scratch)
            for array in AS_DERIVED:
                getattr(copied, array)[:] = getattr(self.model, array)


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
    return any(getattr(keys, kind) is not None for kind in ELEMENTS)


def arrays(changes: Iterable[Change]) -> list[str]:
    """The arrays of MuJoCo's model that differ between worlds, less what MuJoCo derives from them."""
    return list(dict.fromkeys(part.array for change in changes for part in change.parts))


def scale(model: mujoco.MjModel, change: Change, factor: float) -> None:
    """Multiply all that a change is of, in place."""
    for part in change.parts:
        getattr(model, part.array)[part.at] *= factor


# --- reading the declarations ---------------------------------------------------------------------------------------


def changes(
    task: Task, keys: RandomiseKeys, model: mujoco.MjModel, *, whole: mujoco.MjModel | None = None
) -> list[Change]:
    """What differs between a task's worlds; as many changes where `model` lacks some of the elements of `whole`.

    Raises: ConfigError: a factor is of something that `whole` does not have, or of a DC motor's strength.
    """
    return list(_changes(task, keys, model, whole or model))


def _changes(task: Task, keys: RandomiseKeys, model: mujoco.MjModel, whole: mujoco.MjModel) -> Iterator[Change]:
    for kind, element in ELEMENTS.items():
        wanted: Factors | dict[str, Factors] | None = getattr(keys, kind)
        groups: list[tuple[list[int], Factors]] = []
        if isinstance(wanted, dict):
            groups = [(_numbered(task, model, whole, element, name), factors) for name, factors in wanted.items()]
        elif wanted is not None:
            groups = [(list(range(len(_names(model, element)))), wanted)]
        every = {number for numbers, _ in groups for number in numbers}
        for numbers, (low, high) in groups:
            parts = _parts(task, model, kind, numbers, every)
            yield Change(kind=kind, parts=tuple(part for part in parts if part.rows), low=low, high=high)


def _names(model: mujoco.MjModel, element: str) -> list[str]:
    count = {"body": model.nbody, "geom": model.ngeom, "joint": model.njnt, "actuator": model.nu}[element]
    return [getattr(model, element)(i).name for i in range(count)]


def _numbered(task: Task, model: mujoco.MjModel, whole: mujoco.MjModel, element: str, name: str) -> list[int]:
    """The one element of that name; none where `whole` alone has it."""
    known, here = _names(whole, element), _names(model, element)
    if name not in known:
        raise refused(task, unknown(element, name, known))
    return [here.index(name)] if name in here else []


def _parts(task: Task, model: mujoco.MjModel, kind: str, numbers: list[int], every: set[int]) -> Iterator[Part]:
    """Where a factor of the elements `numbers` applies; `every` element that has any of this kind."""
    rows = tuple(numbers)
    match kind:
        case "mass":
            yield from (Part(array=array, rows=rows) for array in ("body_mass", "body_inertia"))
        case "friction":  # the sliding one
            yield Part(array="geom_friction", rows=rows, columns=slice(0, 1))
            yield Part(array="pair_friction", rows=_pairs(model, numbers, every), columns=slice(0, 2))
        case "damping":
            dofs = tuple(dof for dof in range(model.nv) if model.dof_jntid[dof] in numbers)
            yield Part(array="dof_damping", rows=dofs)
            if model.dof_dampingpoly.any():  # grows with speed
                yield Part(array="dof_dampingpoly", rows=dofs)
        case "gain":
            yield from _gains(task, model, numbers)


def _pairs(model: mujoco.MjModel, geoms: list[int], every: set[int]) -> tuple[int, ...]:
    """Pairs of geoms with a friction of their own, which take the factor of their first geom, else of their second."""
    whose = [
        first if first in every else second for first, second in zip(model.pair_geom1, model.pair_geom2, strict=True)
    ]
    return tuple(pair for pair, geom in enumerate(whose) if geom in geoms)


def _gains(task: Task, model: mujoco.MjModel, actuators: list[int]) -> Iterator[Part]:
    """Of a muscle only its force and scale, which are negative where they are not to be used."""
    muscles = _of_type(model, actuators, mujoco.mjtGain.mjGAIN_MUSCLE, mujoco.mjtBias.mjBIAS_MUSCLE)
    for number in _of_type(model, actuators, mujoco.mjtGain.mjGAIN_DCMOTOR, mujoco.mjtBias.mjBIAS_DCMOTOR):
        raise refused(
            task,
            f"actuator '{model.actuator(number).name or number}' is a DC motor, which has no single strength for "
            "env.randomise.gain: name the others there.",
        )
    others = tuple(number for number in actuators if number not in muscles)
    for array in ("actuator_gainprm", "actuator_biasprm"):
        yield Part(array=array, rows=others)
        yield Part(array=array, rows=tuple(muscles), columns=slice(2, 4))


def _of_type(model: mujoco.MjModel, actuators: list[int], gain: mujoco.mjtGain, bias: mujoco.mjtBias) -> list[int]:
    return [i for i in actuators if model.actuator_gaintype[i] == int(gain) or model.actuator_biastype[i] == int(bias)]


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
    joints = [joint for joint in range(model.njnt) if model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_FREE)]
    names = [model.body(int(model.jnt_bodyid[joint])).name for joint in joints]
    if not joints or (body is not None and body not in names):
        raise refused(task, unknown("body with a free joint", body or "", names))
    return int(model.jnt_dofadr[joints[0 if body is None else names.index(body)]])
