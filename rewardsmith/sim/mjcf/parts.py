"""What a batch of environments is made of, and what it must offer: `threads.py` and `device.py` have one each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import mujoco
import numpy as np
from torch import Tensor

from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame
from rewardsmith.sim.mjcf.control import Control
from rewardsmith.sim.mjcf.episodes import Episodes
from rewardsmith.sim.mjcf.expressions import Expressions
from rewardsmith.sim.mjcf.fields import FULL, Layout
from rewardsmith.sim.mjcf.worlds import Nominal
from rewardsmith.types import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """All that a task declares around its model, ready for one device; `steps` are physics steps in a control step."""

    task: Task
    whole: Nominal
    stepped: Nominal  # the same physics, if need be without what is only seen
    seeds: Tensor  # (N,) int64
    episodes: Episodes
    control: Control
    layout: Layout
    read: Expressions
    steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One environment as it is now, on the CPU: its own model, and what its `MjData` is to hold."""

    model: mujoco.MjModel
    state: np.ndarray
    ctrl: np.ndarray
    mocap: np.ndarray

    def data(self) -> mujoco.MjData:
        """The environment as it is, nothing computed from its positions yet."""
        data = mujoco.MjData(self.model)
        mujoco.mj_setState(self.model, data, self.state, FULL)
        data.ctrl[:] = self.ctrl
        data.mocap_pos[:] = self.mocap.reshape(-1, 3)
        return data


@dataclass(frozen=True, kw_only=True, slots=True)
class Broke:
    """An environment whose physics broke: in which control step of its episode, and how it stood before that step."""

    environment: int
    step: int
    standing: Standing


class Batch(Protocol):
    """N environments stepped together; `Simulator` says what `reset` and `step` mean."""

    def reset(self) -> Frame: ...
    def step(self, actions: Tensor) -> Frame: ...
    def standing(self, environment: int) -> Standing: ...
    def unstable(self) -> ConfigError | None: ...
    def close(self) -> None: ...
