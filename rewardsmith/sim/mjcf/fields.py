"""MuJoCo's names as info fields: what `body(torso).xpos` is, which sensor tells it, and where in a row it lies.

A row holds all that is known of an environment after a step: `[state | sensordata | ctrl | commands]`. Positions and
velocities of the joints are in the state; all that MuJoCo derives comes from sensors, which are added to the model for
the fields that are asked for. What a sensor says is of the beginning of the last physics step, as in Gymnasium.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import mujoco
import torch
from torch import Tensor

from rewardsmith.errors import ConfigError, did_you_mean
from rewardsmith.sim.frames import no_such_field
from rewardsmith.sim.mjcf.elements import named, unknown
from rewardsmith.sources import OBJECTS, STATE

Read = Callable[[Tensor], Tensor]
"""Rows `(N, W)` to a field's value, `(N, *shape)`."""

PREFIX: Final = "rewardsmith:"
"""What our own sensors are called by, before the field that they tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Which columns of a row a field is; a scalar has no axis of its own."""

    columns: tuple[int, ...]
    scalar: bool

    def reader(self, device: torch.device) -> Read:
        """How it is read from rows on a device."""
        if self.scalar:
            column = self.columns[0]
            return lambda rows: rows[:, column]
        return picked(self.columns, device)


def picked(columns: Sequence[int], device: torch.device) -> Read:
    """Reads some columns, `(N, len(columns))`; without copying where they lie side by side."""
    first, last = columns[0], columns[-1] + 1
    if list(columns) == list(range(first, last)):
        return lambda rows: rows[:, first:last]
    index = torch.tensor(columns, device=device)
    return lambda rows: rows.index_select(1, index)


_S, _O = mujoco.mjtSensor, mujoco.mjtObj
FULL: Final = int(mujoco.mjtState.mjSTATE_FULLPHYSICS)

_FRAME: Final = {
    "xpos": _S.mjSENS_FRAMEPOS,
    "xquat": _S.mjSENS_FRAMEQUAT,
    "xaxis": _S.mjSENS_FRAMEXAXIS,
    "yaxis": _S.mjSENS_FRAMEYAXIS,
    "zaxis": _S.mjSENS_FRAMEZAXIS,
    "linvel": _S.mjSENS_FRAMELINVEL,
    "angvel": _S.mjSENS_FRAMEANGVEL,
    "linacc": _S.mjSENS_FRAMELINACC,
    "angacc": _S.mjSENS_FRAMEANGACC,
}
_SENSED: Final[Mapping[str, Mapping[str, tuple[Any, Any]]]] = {  # kind: {field: (sensor, what it is attached to)}
    "body": {
        **{field: (sensor, _O.mjOBJ_XBODY) for field, sensor in _FRAME.items()},
        "xipos": (_S.mjSENS_FRAMEPOS, _O.mjOBJ_BODY),
        "subtree_com": (_S.mjSENS_SUBTREECOM, _O.mjOBJ_BODY),
        "subtree_linvel": (_S.mjSENS_SUBTREELINVEL, _O.mjOBJ_BODY),
        "subtree_angmom": (_S.mjSENS_SUBTREEANGMOM, _O.mjOBJ_BODY),
    },
    "site": {field: (sensor, _O.mjOBJ_SITE) for field, sensor in _FRAME.items()},
    "geom": {field: (sensor, _O.mjOBJ_GEOM) for field, sensor in _FRAME.items()},
    "joint": {"qfrc_actuator": (_S.mjSENS_JOINTACTFRC, _O.mjOBJ_JOINT)},
    "actuator": {
        "force": (_S.mjSENS_ACTUATORFRC, _O.mjOBJ_ACTUATOR),
        "length": (_S.mjSENS_ACTUATORPOS, _O.mjOBJ_ACTUATOR),
        "velocity": (_S.mjSENS_ACTUATORVEL, _O.mjOBJ_ACTUATOR),
    },
    "tendon": {
        "length": (_S.mjSENS_TENDONPOS, _O.mjOBJ_TENDON),
        "velocity": (_S.mjSENS_TENDONVEL, _O.mjOBJ_TENDON),
    },
    "sensor": {},
    "contact": {},
    "command": {},
}
_OTHERS: Final[Mapping[str, tuple[str, ...]]] = {  # fields that no single sensor tells
    "body": ("xmat", "cvel"),
    "site": ("xmat",),
    "geom": ("xmat",),
    "joint": ("qpos", "qvel"),
    "contact": ("force",),
}
_BARE: Final = ("sensor", "contact", "command")  # kinds that need no field
_AXES: Final = ("xaxis", "yaxis", "zaxis")
_CONTACT: Final = (3, 3, 1)  # data: found and force; reduced to the net force; one of them


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A field's name taken apart: `contact(foot, floor).force`; a state's name has no kind."""

    text: str
    kind: str
    of: tuple[str, ...]
    field: str

    def beside(self, field: str, *, of: str = "") -> Field:
        """Another field of the same element, or of `of`."""
        element = of or self.of[0]
        return Field(text=f"{self.kind}({element}).{field}", kind=self.kind, of=(element,), field=field)


def parse(text: str) -> Field:
    """Take a name apart. Raises: ConfigError: it is none of MuJoCo's; what is known is told."""
    if text in STATE:
        return Field(text=text, kind="", of=(), field=text)
    parts = re.fullmatch(r"(\w+)\((.*)\)(?:\.(\w+))?", text)
    if parts is None or parts[1] not in OBJECTS:
        raise no_such_field(text, dict.fromkeys((*STATE, *(f"{kind}(...)" for kind in OBJECTS))))
    kind, of, field = parts[1], tuple(parts[2].split(", ")), parts[3] or ""
    known = [*_SENSED[kind], *_OTHERS.get(kind, ())]
    if field not in known and not (field == "" and kind in _BARE):
        told = f"a {kind} has no '{field}'" if field else f"it needs to say what of the {kind}"
        listed = ", ".join(known) or "none: leave it away"
        raise ConfigError(f"info has no field '{text}': {told}.{did_you_mean(field, known)} Known: {listed}.")
    if len(of) > (2 if kind == "contact" else 1):
        raise ConfigError(f"info has no field '{text}': it names {len(of)} elements. Write e.g. {kind}({of[0]}).")
    return Field(text=text, kind=kind, of=of, field=field)


# --- what the model must tell ---------------------------------------------------------------------------------------


def demand(spec: Any, wanted: Iterable[str], *, commands: Iterable[str]) -> None:
    """Add the sensors to a specification that tell the wanted fields.

    Raises: ConfigError: the model has no such element; the message has the closest name.
    """
    commands = list(commands)
    for text in wanted:
        field = parse(text)
        _check_names(spec, field, commands)
        for needed in _needed(spec, field):
            _add_sensor(spec, needed)


def _check_names(spec: Any, field: Field, commands: list[str]) -> None:
    for name in field.of:
        if field.kind == "contact":
            known = [*named(spec, "geom"), *named(spec, "body")]
            what = "geom or body"
        else:
            known = commands if field.kind == "command" else list(named(spec, field.kind))
            what = field.kind
        if name not in known:
            told = unknown(what, name, known).replace("the model has no command", "env.commands has no")
            raise ConfigError(f"info has no field '{field.text}': {told}")
    if field.kind == "joint" and field.field == "qfrc_actuator":
        _check_axis(field, named(spec, "joint")[field.of[0]].type)


def _check_axis(field: Field, kind: Any) -> None:
    if kind in (mujoco.mjtJoint.mjJNT_FREE, mujoco.mjtJoint.mjJNT_BALL):
        told = "is a ball" if kind == mujoco.mjtJoint.mjJNT_BALL else "is free"
        raise ConfigError(
            f"info has no field '{field.text}': joint '{field.of[0]}' {told}, and MuJoCo tells this of hinges and "
            "slides. Read actuator(...).force."
        )


def _needed(spec: Any, field: Field) -> list[Field]:
    """The fields with a sensor each that this one is made of."""
    if field.kind == "contact":
        return [_touch(field)]
    if field.field == "xmat":
        return [field.beside(axis) for axis in _AXES]
    if field.field == "cvel":
        return _of_cvel(field, _root(named(spec, "body")[field.of[0]]))
    return [field] if field.field in _SENSED.get(field.kind, {}) else []


def _touch(field: Field) -> Field:
    """The contact whose force `field` may be: one sensor tells both."""
    return Field(text=f"contact({', '.join(field.of)})", kind="contact", of=field.of, field="")


def _of_cvel(field: Field, root: str) -> list[Field]:
    own = [field.beside(part) for part in ("angvel", "linvel", "xpos")]
    return [*own, field.beside("subtree_com", of=root)]


def _root(body: Any) -> str:
    """The name of the body of the same tree that is attached to the world."""
    while body.parent is not None and body.parent.name != "world":
        body = body.parent
    if not body.name:
        raise ConfigError("cvel needs the tree's first body to have a name. Give it one in the model.")
    return str(body.name)


def _sensor_name(field: Field) -> str:
    return PREFIX + field.text


def _add_sensor(spec: Any, field: Field) -> None:
    name = _sensor_name(field)
    if name in named(spec, "sensor"):
        return
    if field.kind == "contact":
        geoms = named(spec, "geom")
        ends = [(_O.mjOBJ_GEOM if n in geoms else _O.mjOBJ_BODY, n) for n in field.of]
        (objtype, objname), *other = ends
        reference = {"reftype": other[0][0], "refname": other[0][1]} if other else {}
        spec.add_sensor(
            name=name, type=_S.mjSENS_CONTACT, objtype=objtype, objname=objname, intprm=_CONTACT, **reference
        )
        return
    kind, attached = _SENSED[field.kind][field.field]
    spec.add_sensor(name=name, type=kind, objtype=attached, objname=field.of[0])


# --- where it lies --------------------------------------------------------------------------------------------------


class Layout:
    """Where everything stands in a row; `commands` maps each to its place and size, a size of 0 for one number.

    Rows are on `device`.
    """

    def __init__(self, model: mujoco.MjModel, commands: Mapping[str, tuple[int, int]], *, device: torch.device) -> None:
        self.model, self.commands, self.device = model, commands, device
        self.sensors = int(mujoco.mj_stateSize(model, FULL))
        self.ctrl = self.sensors + int(model.nsensordata)
        self.drawn = self.ctrl + int(model.nu)
        self.width = self.drawn + sum(max(1, size) for _, size in commands.values())
        ours = (sensor for i in range(model.nsensor) if (sensor := model.sensor(i)).name.startswith(PREFIX + "contact"))
        contacts = [self.sensors + int(sensor.adr[0]) for sensor in ours]
        self._contacts = torch.tensor(contacts, dtype=torch.int64, device=device)
        self._forces = torch.tensor([at + i for at in contacts for i in (1, 2, 3)], dtype=torch.int64, device=device)

    def settle(self, rows: Tensor) -> None:
        """Contacts as we tell them: 1 or 0, and the force on the first body, where MuJoCo's sensor has the second's."""
        if len(self._contacts):
            rows.index_copy_(1, self._contacts, (rows.index_select(1, self._contacts) > 0).to(rows.dtype))
            rows.index_copy_(1, self._forces, -rows.index_select(1, self._forces))

    def place(self, text: str) -> Place | None:
        """Where a field stands in a row; None where it is worked out from others. `demand` has been told of it."""
        field = parse(text)
        if field.kind == "":
            return self._state(field.field)
        if field.kind == "joint" and field.field in ("qpos", "qvel"):
            return self._joint(field)
        if field.kind == "command":
            start, size = self.commands[field.of[0]]
            return _run(self.drawn + start, size)
        if field.kind == "contact":
            start = self._sensor(_sensor_name(_touch(field))).columns[0]
            return _run(start + 1, 3) if field.field == "force" else _run(start, 0)
        if field.field == "xmat":
            axes = [self._sensor(_sensor_name(field.beside(axis))).columns for axis in _AXES]
            return Place(columns=tuple(axis[row] for row in range(3) for axis in axes), scalar=False)
        if field.field == "cvel":
            return None
        return self._sensor(field.of[0] if field.kind == "sensor" else _sensor_name(field))

    def reader(self, text: str) -> Read:
        """How a field is read from rows."""
        place = self.place(text)
        return place.reader(self.device) if place is not None else self._cvel(parse(text))

    def _cvel(self, field: Field) -> Read:
        root = self.model.body(int(self.model.body(field.of[0]).rootid[0])).name
        parts = (self._sensor(_sensor_name(part)) for part in _of_cvel(field, root))
        return _com_based(*(place.reader(self.device) for place in parts))

    def _state(self, name: str) -> Place:
        m = self.model
        if name == "time":
            return _run(0, 0)
        start, size = {
            "qpos": (1, m.nq),
            "qvel": (1 + m.nq, m.nv),
            "act": (1 + m.nq + m.nv, m.na),
            "ctrl": (self.ctrl, m.nu),
        }[name]
        if size == 0:
            raise ConfigError(f"info has no field '{name}': the model has none of it.")
        return _run(start, size)

    def _joint(self, field: Field) -> Place:
        m, joint = self.model, self.model.joint(field.of[0])
        kind = mujoco.mjtJoint(int(joint.type[0]))
        nq, nv = {mujoco.mjtJoint.mjJNT_FREE: (7, 6), mujoco.mjtJoint.mjJNT_BALL: (4, 3)}.get(kind, (0, 0))
        if field.field == "qpos":
            return _run(1 + int(joint.qposadr[0]), nq)
        return _run(1 + m.nq + int(joint.dofadr[0]), nv)

    def _sensor(self, name: str) -> Place:
        sensor = self.model.sensor(name)
        size = int(sensor.dim[0])
        return _run(self.sensors + int(sensor.adr[0]), 0 if size == 1 else size)


def _run(start: int, size: int) -> Place:
    """So many columns from `start`; size 0: one number."""
    return Place(columns=tuple(range(start, start + max(1, size))), scalar=size == 0)


def _com_based(angvel: Read, linvel: Read, xpos: Read, com: Read) -> Read:
    """MuJoCo's cvel: turning, then the velocity of the body where the tree's centre of mass is."""

    def read(rows: Tensor) -> Tensor:
        turning = angvel(rows)
        return torch.cat([turning, linvel(rows) + torch.linalg.cross(turning, com(rows) - xpos(rows))], dim=-1)

    return read
