"""Stepping on an NVIDIA GPU by MuJoCo Warp, or by the same code on the CPU to see that it agrees.

It takes and gives what `physics.py` does: whole states in, whole states and sensors out, in float64 at the border and
float32 within. Every world is stepped each time; what belongs to rows that nobody asked for is thrown away. On a GPU a
control step is one captured graph.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import mujoco
import numpy as np
import torch
from torch import Tensor

from rewardsmith.sim.mjcf.declared import BufferKeys, MjcfKeys, refused
from rewardsmith.sim.mjcf.fields import FULL
from rewardsmith.sim.mjcf.physics import lost
from rewardsmith.types import Task

MARGIN: Final = 2.0
"""Buffers have room for so many times the contacts and constraints that a random play had."""
SPARE: Final = 16
PLAYED: Final = 300  # physics steps
NO_ROOM_FOR_CONSTRAINTS: Final = 1 | 2
"""Bits of MuJoCo Warp's `Data.overflow`: NEFC and NJMAX_NNZ; the others are of contacts."""


def check(task: Task, keys: MjcfKeys) -> None:
    """Raises: ConfigError: MuJoCo Warp or a GPU is asked for and not there, or the task needs what it lacks."""
    try:
        import mujoco_warp  # noqa: F401 - only whether it is there
        import warp
    except ImportError:
        raise refused(
            task, f"env.device is {keys.device}, which needs MuJoCo Warp: pip install 'rewardsmith[gpu]'; or use cpu."
        ) from None
    warp.config.log_level = warp.LOG_ERROR
    if keys.device == "cuda" and warp.get_cuda_device_count() == 0:
        raise refused(task, "env.device is cuda, but there is no NVIDIA GPU here that CUDA can use. Write device: cpu.")
    varied = [name for name in ("mass", "friction", "damping", "gain") if getattr(keys.randomise, name) is not None]
    if varied:
        raise refused(
            task, f"env.randomise.{varied[0]} needs device: cpu; MuJoCo Warp has one model for all worlds here."
        )


class WarpPhysics:
    """`count` worlds of one model on a device of Warp's: `cuda`, or `warp-cpu` for its CPU.

    Raises: ConfigError: MuJoCo Warp cannot do what the model asks for.
    """

    def __init__(
        self, task: Task, model: mujoco.MjModel, count: int, *, steps: int, device: str, buffers: BufferKeys
    ) -> None:
        import mujoco_warp
        import warp

        self._task, self._model, self._steps, self._dt = task, model, steps, model.opt.timestep
        self._warp, self._mjw = warp, mujoco_warp
        self._device = warp.get_device("cuda" if device == "cuda" else "cpu")
        self.nstate = mujoco.mj_stateSize(model, FULL)
        if self.nstate != 1 + model.nq + model.nv + model.na:
            raise refused(
                task, "the model has plugins or delays, which MuJoCo Warp keeps no state of. Use device: cpu."
            )
        contacts, constraints = _sizes(model)
        self._room = (buffers.contacts or contacts, buffers.constraints or constraints)
        model = copy.copy(model)
        model.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)  # Warp never resets by itself
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        with warp.ScopedDevice(self._device):
            try:
                self._m = mujoco_warp.put_model(model)
                self._d = mujoco_warp.put_data(model, data, nworld=count, nconmax=self._room[0], njmax=self._room[1])
            except NotImplementedError as fault:
                raise refused(task, f"MuJoCo Warp cannot run the model: {fault} Use device: cpu.") from fault
            self._m.opt.warn_overflow = False  # it is told once, by us
            self._step = self._captured(self._all_steps)
            self._forward = self._captured(lambda: mujoco_warp.forward(self._m, self._d))

    def step(self, states: np.ndarray, controls: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Physics.step`. Raises: ConfigError: a buffer is too small."""
        self._put(states, controls, rows)
        self._step()
        self._check_room()
        return self._states(rows), self._of(self._d.sensordata, rows)

    def look(self, states: np.ndarray, controls: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """As `Physics.look`."""
        self._put(states, controls, rows)
        self._forward()
        return self._of(self._d.sensordata, rows)

    def broken(self, before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
        """As `Physics.broken`."""
        return lost(before, after, least=(self._steps - 0.5) * self._dt)

    def close(self) -> None:
        """Nothing has to be ended; memory goes with the object."""

    # --- on the device ---

    def _captured(self, work: Callable[[], object]) -> Callable[[], object]:
        """Work as one graph on a GPU, which is launched at once; as it is on a CPU."""
        if not self._device.is_cuda:
            return lambda: self._here(work)
        work()  # compiles
        with self._warp.ScopedCapture(device=self._device) as capture:
            work()
        return lambda: self._here(lambda: self._warp.capture_launch(capture.graph))

    def _here(self, work: Callable[[], object]) -> None:
        with self._warp.ScopedDevice(self._device):
            work()

    def _all_steps(self) -> None:
        for _ in range(self._steps):
            self._mjw.step(self._m, self._d)

    def _put(self, states: np.ndarray, controls: np.ndarray, rows: np.ndarray) -> None:
        m, d = self._model, self._d
        parts = np.split(states, np.cumsum([1, m.nq, m.nv]), axis=1)
        for array, values in zip((d.time, d.qpos, d.qvel, d.act), parts, strict=True):
            if values.shape[1]:
                self._set(array, values, rows)
        self._set(d.ctrl, controls[:, : m.nu], rows)
        if m.nmocap:
            self._set(d.mocap_pos, controls[:, m.nu :], rows)
        self._torch(d.qacc_warmstart).zero_()
        self._torch(d.overflow).zero_()

    def _set(self, array: Any, values: np.ndarray, rows: np.ndarray) -> None:
        view = self._torch(array)
        given = torch.from_numpy(np.ascontiguousarray(values)).to(view.device, view.dtype)
        view[torch.from_numpy(rows).to(view.device)] = given.reshape(len(rows), *view.shape[1:])

    def _torch(self, array: Any) -> Tensor:
        found: Tensor = self._warp.to_torch(array)  # a view, without copying
        return found

    def _of(self, array: Any, rows: np.ndarray) -> np.ndarray:
        whole = self._torch(array).cpu().double()
        found: np.ndarray = whole.reshape(len(whole), -1).numpy()[rows]
        return found

    def _states(self, rows: np.ndarray) -> np.ndarray:
        d = self._d
        return np.concatenate([self._of(array, rows) for array in (d.time, d.qpos, d.qvel, d.act)], axis=1)

    def _check_room(self) -> None:
        """Raises: ConfigError: contacts or constraints were lost for want of room."""
        overflow = self._torch(self._d.overflow)
        if not bool(overflow.any()):
            return
        bits = int(np.bitwise_or.reduce(overflow.cpu().numpy()))
        short = "constraints" if bits & NO_ROOM_FOR_CONSTRAINTS else "contacts"
        had = self._room[1] if short == "constraints" else self._room[0]
        raise refused(
            self._task,
            f"there was no room on the device for all {short} of environment {int(overflow.argmax())}: {had} a world. "
            f"Raise it: env.buffers.{short}: {2 * had}.",
        )


def _sizes(model: mujoco.MjModel) -> tuple[int, int]:
    """Room for contacts and constraints of a world: a multiple of the most that a random play on the CPU had."""
    data, draws = mujoco.MjData(model), np.random.default_rng(0)
    low, high = np.where(model.actuator_ctrllimited[:, None], model.actuator_ctrlrange, [-1.0, 1.0]).T
    contacts = constraints = 0
    for number in range(PLAYED):
        if number % 10 == 0:
            data.ctrl[:] = draws.uniform(low, high)
        mujoco.mj_step(model, data)
        contacts, constraints = max(contacts, data.ncon), max(constraints, data.nefc)
    return int(MARGIN * contacts) + SPARE, int(MARGIN * constraints) + 4 * SPARE
