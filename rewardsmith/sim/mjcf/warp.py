"""Stepping by MuJoCo Warp: on an NVIDIA GPU, or by the same code on the CPU to see that it agrees.

States go in and come out whole, as in `physics.py`, but as torch tensors on the device: the arrays of MuJoCo Warp are
read and written where they lie. All worlds are stepped each time. On a GPU a control step is one captured graph, and
everything is queued on torch's own stream: nothing here waits for the device, `shortage` apart.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

import mujoco
import numpy as np
import torch
from torch import Tensor

from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.declared import BufferKeys, MjcfKeys, refused
from rewardsmith.sim.mjcf.fields import FULL
from rewardsmith.types import Task

MARGIN: Final = 2.0
"""Buffers have room for so many times the contacts and constraints that a random play had."""
SPARE: Final = 16
PLAYED: Final = 300  # physics steps
NO_ROOM_FOR_CONSTRAINTS: Final = 1 | 2
"""Bits of MuJoCo Warp's `Data.overflow`: NEFC and NJMAX_NNZ."""
NO_ROOM_FOR_CONTACTS: Final = 4 | 8 | 16
"""BROADPHASE, NARROWPHASE and CCD."""


def check(task: Task, keys: MjcfKeys) -> None:
    """Raises: ConfigError: MuJoCo Warp or a GPU is asked for and not there."""
    try:
        without = without_gpu()
    except ImportError:
        raise refused(
            task, f"env.device is {keys.device}, which needs MuJoCo Warp: pip install 'rewardsmith[gpu]'; or use cpu."
        ) from None
    if keys.device != "cuda":
        return
    if without is not None:
        raise refused(task, f"env.device is cuda, but {without} Write device: cpu.")
    if not torch.cuda.is_available():
        raise refused(
            task, "env.device is cuda, and there is a GPU, but torch is not made for CUDA: install one that is."
        )


def without_gpu() -> str | None:
    """Why MuJoCo Warp has no GPU here, in a sentence; None where it has one. Raises: ImportError: no Warp."""
    import warp

    warp.config.log_level = warp.LOG_ERROR  # before anything starts it
    import mujoco_warp  # noqa: F401 - only whether it is there

    if warp.get_cuda_device_count() > 0:
        return None
    return no_gpu(warp.get_cuda_driver_version(), needed=warp.get_cuda_toolkit_version())


def no_gpu(driver: tuple[int, int] | None, *, needed: tuple[int, int] | None) -> str:
    """Why Warp sees no GPU, in a sentence: the CUDA of the machine's driver, and that which Warp was made with."""
    if driver is None or needed is None or driver[0] >= needed[0]:
        return "there is no NVIDIA GPU here that CUDA can use."
    return (
        f"the NVIDIA driver is too old: it is for CUDA {driver[0]}.{driver[1]}, and this MuJoCo Warp needs "
        f"{needed[0]}.0 or later. Update the driver."
    )


def torch_device(keys: MjcfKeys) -> torch.device:
    """Where frames are made."""
    return torch.device("cuda", torch.cuda.current_device()) if keys.device == "cuda" else torch.device("cpu")


class WarpPhysics:
    """`count` worlds of one model on a device of torch's; `varied` are fields of the model that each has for itself.

    `state` (time, qpos, qvel, act) and `ctrl` are the device's own memory; `launch` takes one control step from there.

    Raises: ConfigError: MuJoCo Warp cannot do what the model asks for.
    """

    def __init__(
        self,
        task: Task,
        model: mujoco.MjModel,
        count: int,
        *,
        steps: int,
        device: torch.device,
        buffers: BufferKeys,
        varied: Sequence[str] = (),
    ) -> None:
        import mujoco_warp
        import warp

        self._task, self._model, self._steps = task, model, steps
        self._warp: Any = warp
        self._mjw: Any = mujoco_warp
        self._torch_stream: Any = None
        self._on, self._device = device, warp.get_device(str(device))
        if mujoco.mj_stateSize(model, FULL) != 1 + model.nq + model.nv + model.na:
            raise refused(
                task, "the model has plugins or delays, which MuJoCo Warp keeps no state of. Use device: cpu."
            )
        if self._device.is_cuda and not warp.is_mempool_supported(self._device):
            raise refused(task, "this GPU offers no CUDA memory pools, which Warp's graphs need. Use device: cpu.")
        contacts, constraints = room(model)
        self._room = (buffers.contacts or contacts, buffers.constraints or constraints)
        with warp.ScopedDevice(self._device):
            self._m, self._d = self._put(count, varied)
            self._first: Any = warp.clone(self._d.sensordata)
            d = self._d
            self.state = [self.view(array) for array in (d.time, d.qpos, d.qvel, d.act)]
            self._sensed, self._sensed_first = self.view(d.sensordata), self.view(self._first)
            self.ctrl, self._mocap = self.view(d.ctrl), self.view(d.mocap_pos)
            self._warmstart, self._overflow = self.view(d.qacc_warmstart), self.view(d.overflow)
            self._graph: Any = self._captured() if self._device.is_cuda else None

    def _put(self, count: int, varied: Sequence[str]) -> tuple[Any, Any]:
        """Model and data on the device."""
        model = copy.copy(self._model)
        model.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)  # Warp never resets by itself
        contacts, constraints = self._room
        try:
            m = self._mjw.put_model(model, batch_sizes=dict.fromkeys(varied, count))
            d = self._mjw.make_data(model, nworld=count, nconmax=contacts, njmax=constraints)
        except NotImplementedError as fault:
            raise refused(self._task, f"MuJoCo Warp cannot run the model: {fault} Use device: cpu.") from fault
        m.opt.warn_overflow = False  # it is told once, by us
        return m, d

    def step(self, states: Tensor, ctrl: Tensor, mocap: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One control step of all worlds: `states (N, S)`, `ctrl (N, nu)`, `mocap (N, 3 * nmocap)`, of any float type.

        Returns the states after it, float32, and what the sensors said at the beginning of its first and of its last
        physics step, `(N, Q)`. These two are the device's own memory, which the next step writes over.
        """
        m = self._model
        for view, part in zip(self.state, torch.split(states, [1, m.nq, m.nv, m.na], dim=1), strict=True):
            view.copy_(part.reshape(view.shape))
        self.ctrl.copy_(ctrl)
        self._mocap.copy_(mocap.reshape(self._mocap.shape))
        self._warmstart.zero_()
        self.launch()
        after = torch.cat([view.reshape(len(states), -1) for view in self.state], dim=1)
        return after, self._sensed_first, self._sensed

    def launch(self) -> None:
        """One control step from where the state stands: on a GPU the graph, on torch's present stream."""
        if self._graph is None:
            with self._warp.ScopedDevice(self._device):
                self._control_step()
        else:
            self._warp.capture_launch(self._graph, stream=self._stream())

    def view(self, array: Any) -> Tensor:
        """A Warp array as a tensor that shares its memory."""
        if 0 in array.shape:
            return torch.zeros(array.shape, device=self._on)
        found: Tensor = self._warp.to_torch(array)
        return found

    def field(self, name: str) -> Tensor:
        """A field of the model on the device, `(N, ...)` where it is varied, else `(1, ...)`; to be written to."""
        return self.view(getattr(self._m, name))

    def overflow(self) -> Tensor:
        """One number for each world: what it has ever had no room for, 0 for nothing."""
        return self._overflow

    def shortage(self) -> ConfigError | None:
        """The error for contacts or constraints that were lost for want of room; waits for the device."""
        overflow = self._overflow.cpu().numpy()
        if not overflow.any():
            return None
        bits, environment = int(np.bitwise_or.reduce(overflow)), int((overflow != 0).argmax())
        if bits & NO_ROOM_FOR_CONSTRAINTS:
            return self._no_room("constraints", environment)
        if bits & NO_ROOM_FOR_CONTACTS:
            return self._no_room("contacts", environment)
        return refused(
            self._task,
            f"environment {environment} went beyond a limit of MuJoCo Warp that cannot be raised here (overflow bits "
            f"{bits}). Use device: cpu, or a simpler model: fewer contacts for a contact sensor, no height field.",
        )

    def _no_room(self, short: str, environment: int) -> ConfigError:
        had = self._room[1] if short == "constraints" else self._room[0]
        return refused(
            self._task,
            f"there was no room on the device for all {short} of environment {environment}: {had} a world. "
            f"Raise it: env.buffers.{short}: {2 * had}.",
        )

    # --- on the device ---

    def _control_step(self) -> None:
        for number in range(self._steps):
            self._mjw.step(self._m, self._d)
            if number == 0 and self._model.nsensordata:
                self._warp.copy(self._first, self._d.sensordata)

    def _captured(self) -> Any:
        """A control step as one graph."""
        self._control_step()  # compiles
        with self._warp.ScopedCapture(device=self._device) as capture:
            self._control_step()
        self._overflow.zero_()  # that play was of no state in particular
        self._warp.synchronize_device(self._device)
        torch.cuda.synchronize(self._on)
        return capture.graph

    def _stream(self) -> Any:
        """Torch's present stream on the device, as Warp's."""
        now = torch.cuda.current_stream(self._on)
        if self._torch_stream is None or self._torch_stream.cuda_stream != now.cuda_stream:
            self._torch_stream = self._warp.stream_from_torch(now)
        return self._torch_stream


def room(model: mujoco.MjModel) -> tuple[int, int]:
    """Room for contacts and constraints of a world: a multiple of the most that a random play on the CPU had.

    It begins at the model's start and at each of its keyframes.
    """
    data, draws = mujoco.MjData(model), np.random.default_rng(0)
    low, high = np.where(model.actuator_ctrllimited[:, None], model.actuator_ctrlrange, [-1.0, 1.0]).T
    contacts = constraints = 0
    for key in range(-1, model.nkey):
        if key >= 0:
            mujoco.mj_resetDataKeyframe(model, data, key)
        for number in range(PLAYED):
            if number % 10 == 0:
                data.ctrl[:] = draws.uniform(low, high)
            mujoco.mj_step(model, data)
            contacts, constraints = max(contacts, data.ncon), max(constraints, data.nefc)
    return int(MARGIN * contacts) + SPARE, int(MARGIN * constraints) + 4 * SPARE
