"""Worlds that differ, on a device: fields of MuJoCo Warp's model that each world has for itself.

The counterpart of `worlds.Worlds`. What MuJoCo derives from masses (`mj_setConst`) is worked out for many worlds at
once: the mass matrix at the model's reference pose is linear in the factors of the masses, and all that is derived is
linear in its inverse.

Shapes: N worlds, G factors, R worlds that begin anew, V degrees of freedom, B bodies.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import mujoco
import numpy as np
import torch
from torch import Tensor

from rewardsmith.sim.mjcf.warp import WarpPhysics
from rewardsmith.sim.mjcf.worlds import Change, Nominal, arrays, scale

DERIVED = ("body_subtreemass", "body_invweight0", "dof_invweight0", "tendon_invweight0")
"""Fields that follow from masses."""


def varied_fields(changes: Sequence[Change], model: mujoco.MjModel) -> list[str]:
    """The fields of MuJoCo Warp's model that differ between worlds."""
    masses = any(change.kind == "mass" for change in changes)
    derived = [name for name in DERIVED if model.ntendon or not name.startswith("tendon")] if masses else []
    return arrays(changes) + derived


class VariedWorlds:
    """The worlds of `physics`, which was made with `varied_fields`."""

    def __init__(self, whole: Nominal, stepped: Nominal, seeds: Tensor, physics: WarpPhysics) -> None:
        self._whole, changes, model = whole, stepped.changes, stepped.model
        on = seeds.device
        low, high = np.array([[change.low, change.high] for change in changes]).reshape(-1, 2).T
        self._low, self._span = torch.tensor(low, device=on), torch.tensor(high - low, device=on)
        self._drawn = torch.zeros(len(seeds), len(changes), dtype=torch.float64, device=on)
        self._fields = {name: physics.field(name) for name in varied_fields(changes, model)}
        self._base = {name: field[:1].clone() for name, field in self._fields.items()}
        self._of = {name: _which(changes, name, model).to(on) for name in arrays(changes)}
        self._masses = Masses(changes, model, on) if any(change.kind == "mass" for change in changes) else None

    def change(self, started: Tensor, uniform: Tensor) -> None:
        """Give those that `started (N,)` other worlds, by `uniform (N, G)`; waits for the device if masses differ."""
        if not self._drawn.shape[1]:
            return
        self._drawn = torch.where(started[:, None], uniform, self._drawn)
        factors = self._low + self._span * self._drawn
        padded = torch.cat([torch.ones_like(factors[:, :1]), factors], dim=1)
        for name, which in self._of.items():
            factor = padded.index_select(1, which.flatten()).view(-1, *which.shape)
            self._fields[name].copy_(self._base[name] * factor)
        if self._masses is not None and bool(started.any()):
            rows = started.nonzero()[:, 0]
            for name, values in self._masses.derived(factors[rows]).items():
                if name in self._fields:
                    self._fields[name][rows] = values.float()

    def model(self, environment: int) -> mujoco.MjModel:
        """One environment's own model with all that is seen of it, on the CPU."""
        if not self._drawn.shape[1]:
            return self._whole.model
        return self._whole.changed(self._drawn[environment].cpu().numpy())


def _which(changes: Sequence[Change], array: str, model: mujoco.MjModel) -> Tensor:
    """For each number of an array which factor it takes, counted from 1; 0 for none."""
    found = np.zeros(getattr(model, array).shape, dtype=np.int64)
    for number, change in enumerate(changes):
        for part in change.parts:
            if part.array == array:
                found[part.at] = 1 + number
    return torch.from_numpy(found)


class Masses:
    """What `mj_setConst` derives from masses, for many worlds at once."""

    def __init__(self, changes: Sequence[Change], model: mujoco.MjModel, device: torch.device) -> None:
        heavier = [_heavier(model, change) for change in changes]
        whole, subtree = _mass_matrix(model), model.body_subtreemass.copy()
        more = [_mass_matrix(other) - whole for other in heavier]  # what each factor of 1 is of the matrix
        subtrees = [other.body_subtreemass - subtree for other in heavier]
        found: Mapping[str, np.ndarray] = {
            "rest": whole - sum(more),
            "more": np.stack(more),
            "light": subtree - sum(subtrees),
            "subtrees": np.stack(subtrees),
            "dofs": _dof_means(model),
            "bodies": _body_products(model),
            "tendons": _tendon_products(model),
            "moves": (model.body_weldid != 0).astype(float)[:, None],
        }
        self._t = {name: torch.tensor(value, dtype=torch.float64, device=device) for name, value in found.items()}

    def derived(self, factors: Tensor) -> dict[str, Tensor]:
        """The fields `DERIVED`, `(R, ...)`, of worlds with `factors (R, G)`, of which those of masses count."""
        t = self._t
        matrix = t["rest"] + torch.einsum("rg,gvw->rvw", factors, t["more"])
        inverse = torch.linalg.inv_ex(matrix)[0]
        flat = inverse.flatten(1)
        return {
            "body_subtreemass": t["light"] + factors @ t["subtrees"],
            "body_invweight0": (flat @ t["bodies"]).view(len(factors), -1, 2) * t["moves"],
            "dof_invweight0": inverse.diagonal(dim1=1, dim2=2) @ t["dofs"],
            "tendon_invweight0": flat @ t["tendons"],
        }


def _heavier(model: mujoco.MjModel, change: Change) -> mujoco.MjModel:
    """The model with twice the mass where a change is of masses."""
    other = copy.copy(model)
    if change.kind == "mass":
        scale(other, change, 2.0)
    mujoco.mj_setConst(other, mujoco.MjData(other))
    return other


def _mass_matrix(model: mujoco.MjModel) -> np.ndarray:
    """At the reference pose, `(V, V)`."""
    data, found = mujoco.MjData(model), np.zeros((model.nv, model.nv))
    mujoco.mj_forward(model, data)
    mujoco.mj_fullM(model, data, found)
    return found


def _dof_means(model: mujoco.MjModel) -> np.ndarray:
    """`(V, V)`: a degree of freedom's weight is the mean over the three it belongs with, in free joints and balls."""
    found = np.eye(model.nv)
    for kind, at in zip(model.jnt_type, model.jnt_dofadr, strict=True):
        threes = {mujoco.mjtJoint.mjJNT_FREE: (at, at + 3), mujoco.mjtJoint.mjJNT_BALL: (at,)}
        for first in threes.get(mujoco.mjtJoint(int(kind)), ()):
            found[first : first + 3, first : first + 3] = 1 / 3
    return found


def _body_products(model: mujoco.MjModel) -> np.ndarray:
    """`(V * V, B * 2)`: with the inverse mass matrix, each body's mean inverse weight, sliding and turning."""
    data, found = mujoco.MjData(model), np.zeros((model.nbody, 2, model.nv, model.nv))
    mujoco.mj_forward(model, data)
    for body in range(model.nbody):
        jacobians = np.zeros((2, 3, model.nv))
        mujoco.mj_jacBodyCom(model, data, jacobians[0], jacobians[1], body)
        found[body] = np.einsum("kiv,kiw->kvw", jacobians, jacobians) / 3
    return found.reshape(model.nbody * 2, -1).T


def _tendon_products(model: mujoco.MjModel) -> np.ndarray:
    """`(V * V, tendons)`: with the inverse mass matrix, each tendon's inverse weight."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    rows = np.zeros((model.ntendon, model.nv))
    for tendon in range(model.ntendon):
        start, count = model.ten_J_rowadr[tendon], model.ten_J_rownnz[tendon]
        rows[tendon, model.ten_J_colind[start : start + count]] = data.ten_J.flatten()[start : start + count]
    found: np.ndarray = np.einsum("tv,tw->vwt", rows, rows).reshape(model.nv * model.nv, model.ntendon)
    return found
