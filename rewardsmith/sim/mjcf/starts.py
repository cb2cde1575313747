"""Where episodes begin, and the numbers drawn for each: everything from uniform numbers, a row an episode.

Nothing here draws: whoever has the random streams hands in `(S, numbers)` uniform numbers in [0, 1), so that an
environment's episodes depend on its own stream alone, and on the device where they are wanted. Angles in rad, lengths
in m; all numbers are float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import mujoco
import numpy as np
import torch
from torch import Tensor

from rewardsmith.sim.mjcf.declared import BodyStart, CommandKeys, MjcfKeys, Range, refused
from rewardsmith.sim.mjcf.elements import unknown
from rewardsmith.sim.mjcf.fields import FULL
from rewardsmith.types import Task

PLACE: Final = ("x", "y", "z", "roll", "pitch", "yaw", "vx", "vy", "vz")
"""What is drawn of a free body's start."""


class Starts:
    """The starting states that a task declares; `spread` widens noise and ranges, for disturbed worlds.

    Raises: ConfigError: the model has no such keyframe, joint or body, or one that cannot begin so.
    """

    def __init__(
        self, task: Task, keys: MjcfKeys, model: mujoco.MjModel, *, spread: float = 1.0, device: torch.device
    ) -> None:
        self._task, self._model, self._spread = task, model, spread
        data = mujoco.MjData(model)
        if keys.reset.keyframe is not None:
            mujoco.mj_resetDataKeyframe(model, data, keyframe(task, model, keys.reset.keyframe))
        self.ctrl: np.ndarray = data.ctrl.copy()
        state = np.zeros(mujoco.mj_stateSize(model, FULL))
        mujoco.mj_getState(model, data, state, FULL)
        state[0] = 0.0
        nq, nv = model.nq, model.nv
        self._low, self._high = self._noise(state[1 : 1 + nq + nv], keys)
        self._set_joints(keys)
        free = {self._free(name): start for name, start in keys.reset.bodies.items()}
        self._bodies = {joint: self._ends(start) for joint, start in free.items()}
        self._turned = [int(a) for a, kind in zip(model.jnt_qposadr, model.jnt_type, strict=True) if kind == _BALL]
        self._turned += [int(a) + 3 for a, kind in zip(model.jnt_qposadr, model.jnt_type, strict=True) if kind == _FREE]
        self.numbers = nq + nv + len(PLACE) * len(self._bodies)
        self._state, self._from, self._span = (
            torch.tensor(x, device=device) for x in (state, self._low, self._high - self._low)
        )
        self._moved = {
            joint: (torch.tensor(low, device=device), torch.tensor(high - low, device=device))
            for joint, (low, high) in self._bodies.items()
        }

    @property
    def varied(self) -> bool:
        """Whether two episodes begin differently at all."""
        return bool((self._high > self._low).any()) or any((h > low).any() for low, h in self._bodies.values())

    def states(self, uniform: Tensor) -> Tensor:
        """Full states `(S, nstate)` from `uniform (S, numbers)`."""
        nq, both = self._model.nq, self._model.nq + self._model.nv
        states = self._state.repeat(len(uniform), 1)
        states[:, 1 : 1 + both] = self._from + self._span * uniform[:, :both]
        for number, (joint, (low, span)) in enumerate(self._moved.items()):
            first = both + number * len(PLACE)
            moved = low + span * uniform[:, first : first + len(PLACE)]
            _put(states, 1 + int(self._model.jnt_qposadr[joint]), 1 + nq + int(self._model.jnt_dofadr[joint]), moved)
        self.normalise(states)
        return states

    def normalise(self, states: Tensor) -> None:
        """Give the quaternions of full states `(S, nstate)` length 1, in place."""
        for start in self._turned:
            quaternion = states[:, 1 + start : 5 + start]
            quaternion /= quaternion.norm(dim=1, keepdim=True)

    # --- reading the declarations ---

    def _noise(self, middle: np.ndarray, keys: MjcfKeys) -> tuple[np.ndarray, np.ndarray]:
        noise = keys.reset.noise
        width = self._spread * np.repeat([noise.qpos, noise.qvel], [self._model.nq, self._model.nv])
        return middle - width, middle + width

    def _set_joints(self, keys: MjcfKeys) -> None:
        for name, start in keys.reset.joints.items():
            joint = self._joint(name)
            if start.qpos is not None:
                self._set(int(self._model.jnt_qposadr[joint]), start.qpos)
            if start.qvel is not None:
                self._set(self._model.nq + int(self._model.jnt_dofadr[joint]), start.qvel)

    def _set(self, place: int, ends: Range) -> None:
        self._low[place], self._high[place] = _wider(ends, self._spread)

    def _ends(self, start: BodyStart) -> tuple[np.ndarray, np.ndarray]:
        ends = [_wider(getattr(start, name) or (0.0, 0.0), self._spread) for name in PLACE]
        return np.array([low for low, _ in ends]), np.array([high for _, high in ends])

    def _joint(self, name: str) -> int:
        known = [self._model.joint(i).name for i in range(self._model.njnt)]
        if name not in known:
            raise refused(self._task, unknown("joint", name, known))
        joint = known.index(name)
        if self._model.jnt_type[joint] == _BALL:
            raise refused(self._task, f"joint '{name}' is a ball: {_OF_BALLS}")
        if self._model.jnt_type[joint] == _FREE:
            raise refused(self._task, f"joint '{name}' is free: say where its body begins, in reset.bodies.")
        return joint

    def _free(self, name: str) -> int:
        known = [self._model.body(i).name for i in range(1, self._model.nbody)]
        if name not in known:
            raise refused(self._task, unknown("body", name, known))
        body = self._model.body(name)
        first = int(body.jntadr[0])
        if first < 0 or self._model.jnt_type[first] != _FREE:
            ball = first >= 0 and self._model.jnt_type[first] == _BALL
            way = f"its joint is a ball: {_OF_BALLS}" if ball else "say where its joints begin, in reset.joints."
            raise refused(self._task, f"body '{name}' has no free joint: {way}")
        return first


_FREE, _BALL = int(mujoco.mjtJoint.mjJNT_FREE), int(mujoco.mjtJoint.mjJNT_BALL)
_OF_BALLS: Final = "reset.noise or a keyframe says where it begins, or reset() in env.code."


def keyframe(task: Task, model: mujoco.MjModel, name: str) -> int:
    """The number of a keyframe. Raises: ConfigError: the model has none of that name."""
    known = [model.key(i).name for i in range(model.nkey)]
    if name not in known:
        raise refused(task, unknown("keyframe", name, known))
    return known.index(name)


def place_mocap(task: Task, keys: MjcfKeys, model: mujoco.MjModel) -> None:
    """Give mocap bodies their place in the start's keyframe as the model's own, where whoever steps it begins."""
    if keys.reset.keyframe is None:
        return
    key = keyframe(task, model, keys.reset.keyframe)
    bodies = np.flatnonzero(model.body_mocapid >= 0)
    model.body_pos[bodies] = model.key_mpos[key].reshape(-1, 3)[model.body_mocapid[bodies]]
    model.body_quat[bodies] = model.key_mquat[key].reshape(-1, 4)[model.body_mocapid[bodies]]


def _wider(ends: Range, factor: float) -> Range:
    """Both ends further from their middle."""
    middle, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    return middle - factor * half, middle + factor * half


def _put(states: Tensor, at: int, moving: int, moved: Tensor) -> None:
    """Move and turn a free body, in the world's axes."""
    states[:, at : at + 3] += moved[:, :3]
    states[:, at + 3 : at + 7] = _product(_turned(moved[:, 3:6]), states[:, at + 3 : at + 7])
    states[:, moving : moving + 3] += moved[:, 6:]


def _turned(angles: Tensor) -> Tensor:
    """Roll, pitch and yaw `(S, 3)`, about the world's x, y and z in this order, as quaternions `(S, 4)`."""
    cos, sin = (angles / 2).cos(), (angles / 2).sin()
    zero = torch.zeros_like(cos[:, 0])
    roll, pitch, yaw = (
        torch.stack([cos[:, axis], *(sin[:, axis] if other == axis else zero for other in range(3))], dim=1)
        for axis in range(3)
    )
    return _product(yaw, _product(pitch, roll))


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Quaternions w, x, y, z: `a` after `b`."""
    aw, ax, ay, az = a.unbind(1)
    bw, bx, by, bz = b.unbind(1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=1,
    )


class Commands:
    """What is drawn for each episode besides its start: goals, and commands that change on the way.

    Raises: ConfigError: a command is bound to a body that cannot be put anywhere.
    """

    def __init__(
        self, task: Task, declared: Mapping[str, CommandKeys], model: mujoco.MjModel, *, device: torch.device
    ) -> None:
        low = torch.tensor([x for c in declared.values() for x in c.low], dtype=torch.float64, device=device)
        high = torch.tensor([x for c in declared.values() for x in c.high], dtype=torch.float64, device=device)
        self._low, self._span = low, high - low
        self.numbers, self._episode_steps = len(low), task.episode_steps
        self.places: dict[str, tuple[int, int]] = {}
        self._bodies: list[tuple[int, int]] = []
        self._periods: list[tuple[int, int, int]] = []
        first = 0
        for name, command in declared.items():
            size = len(command.low)
            self.places[name] = (first, 0 if size == 1 else size)
            if command.every_s is not None:
                self._periods.append((max(1, round(command.every_s / task.control_dt_s)), first, first + size))
            if command.mocap is not None:
                self._bodies.append((_mocap(task, model, name, command), first))
            first += size
        self._rest = torch.tensor(_mocap_rest(model), device=device)

    @property
    def change(self) -> bool:
        """Whether any changes within an episode."""
        return bool(self._periods)

    def values(self, uniform: Tensor) -> Tensor:
        """Commands `(S, numbers)` from as many uniform numbers."""
        return self._low + self._span * uniform

    def due(self, elapsed: Tensor) -> Tensor:
        """Which numbers change at this step of each episode, `(N, numbers)` bool.

        None does at its start, or at its end, where nobody could follow it any more.
        """
        changing = torch.zeros((len(elapsed), self.numbers), dtype=torch.bool, device=elapsed.device)
        under_way = (elapsed > 0) & (elapsed < self._episode_steps)
        for period, first, last in self._periods:
            changing[:, first:last] = (under_way & (elapsed % period == 0))[:, None]
        return changing

    def bodies(self, values: Tensor) -> Tensor:
        """Where the mocap bodies are, `(N, 3 * nmocap)`."""
        places = self._rest.repeat(len(values), 1)
        for mocap, first in self._bodies:
            places[:, 3 * mocap : 3 * mocap + 3] = values[:, first : first + 3]
        return places


def _mocap(task: Task, model: mujoco.MjModel, name: str, command: CommandKeys) -> int:
    known = {model.body(i).name: int(model.body_mocapid[i]) for i in range(model.nbody) if model.body_mocapid[i] >= 0}
    if command.mocap not in known:
        raise refused(task, unknown("mocap body", str(command.mocap), known))
    if len(command.low) != 3:
        raise refused(
            task, f"command '{name}' has {len(command.low)} numbers; 3 are needed to place '{command.mocap}'."
        )
    return known[command.mocap]


def _mocap_rest(model: mujoco.MjModel) -> np.ndarray:
    places = np.zeros(3 * model.nmocap)
    for body, mocap in enumerate(model.body_mocapid):
        if mocap >= 0:
            places[3 * mocap : 3 * mocap + 3] = model.body_pos[body]
    return places
