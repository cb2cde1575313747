"""From a policy's action, -1 to 1 for each actuator it drives, to MuJoCo's `ctrl`."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from torch import Tensor

from rewardsmith.sim.mjcf.declared import ControlKeys, refused
from rewardsmith.sim.mjcf.elements import unknown
from rewardsmith.types import Task


class Control:
    """ctrl = default + scale * action, within ctrlrange; actuators that no action drives keep `rest (nu,)`.

    Raises: ConfigError: no such actuator, one without a range that no scale is given for, or a list of a wrong length.
    """

    def __init__(
        self, task: Task, keys: ControlKeys, model: mujoco.MjModel, *, rest: np.ndarray, device: torch.device
    ) -> None:
        self._task = task
        self.driven = _driven(task, keys, model)
        limited = model.actuator_ctrllimited[self.driven].astype(bool)
        low, high = model.actuator_ctrlrange[self.driven].T
        if keys.scale is not None:
            scale = self._numbers("scale", keys.scale)
            default = rest[self.driven] if keys.default is None else self._numbers("default", keys.default)
        elif limited.all():
            scale, default = (high - low) / 2, (high + low) / 2
        else:
            number = self.driven[int(np.flatnonzero(~limited)[0])]
            name = model.actuator(number).name or f"number {number}"
            raise refused(task, f"actuator '{name}' has no ctrlrange. Say what action 1 means in env.control.scale.")
        ends = np.where(limited, low, -np.inf), np.where(limited, high, np.inf)
        self._scale, self._default, self._low, self._high, self._rest = (
            torch.tensor(np.array(x), device=device) for x in (scale, default, *ends, rest)
        )
        every = self.driven == list(range(model.nu))
        self._columns = None if every else torch.tensor(self.driven, device=device)

    def ctrl(self, actions: Tensor) -> Tensor:
        """`(n, nu)` float64 from `actions (n, A)`."""
        driven = torch.minimum(torch.maximum(self._default + self._scale * actions, self._low), self._high)
        if self._columns is None:
            return driven
        return self._rest.repeat(len(actions), 1).index_copy_(1, self._columns, driven)

    def _numbers(self, word: str, given: tuple[float, ...]) -> np.ndarray:
        count = len(self.driven)
        if len(given) not in (1, count):
            raise refused(self._task, f"env.control.{word} has {len(given)} numbers; expected 1 or {count}.")
        return np.broadcast_to(np.array(given, dtype=np.float64), count)


def _driven(task: Task, keys: ControlKeys, model: mujoco.MjModel) -> list[int]:
    if keys.actuators is None:
        if model.nu == 0:
            raise refused(
                task,
                "the model has no actuator, so there is nothing that a policy could do. Add one, e.g. by edit() in "
                "env.code.",
            )
        return list(range(model.nu))
    known = [model.actuator(i).name for i in range(model.nu)]
    for name in keys.actuators:
        if name not in known:
            raise refused(task, unknown("actuator", name, known))
    return [known.index(name) for name in keys.actuators]
