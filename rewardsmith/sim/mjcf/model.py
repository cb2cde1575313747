"""From a task's declarations to a MuJoCo specification: the model's file, its scene, and its edits (`edits.py`).

Every fault is one `ConfigError` in words; what MuJoCo itself says of a file is passed on in one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mujoco

from rewardsmith.errors import ConfigError, did_you_mean
from rewardsmith.sim.mjcf import edits, refusals, robots
from rewardsmith.sim.mjcf.declared import MjcfKeys, refused
from rewardsmith.sim.mjcf.elements import named
from rewardsmith.types import Task

FLAT = "flat"
ROUNDED = 1e-5
"""How far apart, as a share, two times may be that mean the same: 1/240 s is written with some digits."""
CHEQUER = "floor_chequer"
GROUND = {"name": "floor", "type": mujoco.mjtGeom.mjGEOM_PLANE, "size": [0, 0, 0.05], "material": CHEQUER}
SEEING = (
    mujoco.mjtSensor.mjSENS_RANGEFINDER,
    mujoco.mjtSensor.mjSENS_GEOMDIST,
    mujoco.mjtSensor.mjSENS_GEOMNORMAL,
    mujoco.mjtSensor.mjSENS_GEOMFROMTO,
)
"""Sensors that tell of geoms which touch nothing, too."""
COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)


def folder_of(task: Task) -> Path:
    """Where a task's files are looked for: beside it."""
    return Path(task.path).parent if task.path else Path()


def is_file_name(model: str) -> bool:
    """Whether `env.model` means a file beside the task, and not a robot by name."""
    return model.endswith((".xml", ".mjcf", ".urdf"))


def specified(task: Task, keys: MjcfKeys, *, edit: Callable[[Any], object] | None = None) -> Any:
    """The `mujoco.MjSpec` of a task, edited; `edit` is the task's own function for what cannot be declared.

    Raises: ConfigError: a file is missing or no model, or an edit does not fit the model.
    """
    spec = _read(task, _located(task, keys.model))
    _surround(task, spec, keys)
    for change in keys.edits:
        edits.apply(task, spec, change)
    if edit is not None:
        edit(spec)
    if keys.control.physics_dt_s is not None:
        spec.option.timestep = keys.control.physics_dt_s
    return spec


def compiled(task: Task, spec: Any, *, called: str = "the model") -> mujoco.MjModel:
    """The model of a specification.

    Raises: ConfigError: MuJoCo refuses it; for a file that is not there, with the closest one that is.
    """
    try:
        return spec.compile()
    except (ValueError, mujoco.FatalError) as fault:
        ways = _other_file(spec, str(fault)), refusals.way_out(fault), _twice(task, str(fault))
        raise refused(task, f"MuJoCo cannot compile {called}: {refusals.one_line(fault)}{''.join(ways)}") from fault


def unseen(spec: Any) -> mujoco.MjModel | None:
    """The same physics without what is only seen.

    None where MuJoCo cannot take it away, or would take geoms that touch nothing but that a fluid or a sensor meets.
    """
    if any(geom.fluid_ellipsoid for geom in spec.geoms) or any(sensor.type in SEEING for sensor in spec.sensors):
        return None
    bare = spec.copy()
    bare.compiler.discardvisual = True
    try:
        return bare.compile()
    except ValueError:  # MuJoCo 3.11 stumbles over the materials of some models
        return None


def control_steps(task: Task, model: mujoco.MjModel) -> int:
    """Physics steps in one control step.

    Raises: ConfigError: the control step is no whole multiple of the physics step.
    """
    steps = round(task.control_dt_s / model.opt.timestep)
    if steps < 1 or abs(steps * model.opt.timestep / task.control_dt_s - 1) > ROUNDED:
        near = max(1, steps) * model.opt.timestep
        raise refused(
            task,
            f"control_dt_s is {task.control_dt_s:.9g} s, no whole multiple of the model's time step of "
            f"{model.opt.timestep:.9g} s. Write e.g. {near:.9g}, or set env.control.physics_dt_s.",
        )
    return int(steps)


# --- files ----------------------------------------------------------------------------------------------------------


def _located(task: Task, model: str) -> Path:
    if not is_file_name(model):
        try:
            return robots.find(model)
        except ConfigError as fault:
            raise refused(task, str(fault)) from fault
    return _file(task, model)


def _file(task: Task, name: str) -> Path:
    file = folder_of(task) / name
    if not file.is_file():
        there = file.parent.iterdir() if file.parent.is_dir() else ()
        beside = [other.name for other in there if is_file_name(other.name)]
        close = did_you_mean(file.name, beside).replace("'", f"'{name.removesuffix(file.name)}", 1)
        raise refused(task, f"no such model file '{file}'.{close} It is looked for beside the task.")
    return file


def _read(task: Task, file: Path) -> Any:
    _must_be_utf8(task, file)
    try:
        spec = mujoco.MjSpec.from_file(str(file))
        meant = mujoco.mju_getXMLDependencies(str(file))
    except ValueError as fault:
        raise refused(task, f"{file.name} is not a model that MuJoCo reads: {refusals.one_line(fault)}") from fault
    for name in filter(is_file_name, meant):
        _must_be_utf8(task, Path(name))
    return spec


def _must_be_utf8(task: Task, file: Path) -> None:
    """MuJoCo takes names of any bytes and cannot tell them afterwards; in a comment they do no harm."""
    content = COMMENT.sub(lambda comment: b"\n" * comment[0].count(b"\n"), file.read_bytes())
    try:
        content.decode()
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        raise refused(task, f"{file.name} is not UTF-8 text, first in line {line}. Save it as UTF-8.") from fault


def _other_file(spec: Any, said: str) -> str:
    missing = re.search(r"opening file '([^']+)'", said)
    if missing is None:
        return ""
    folders = [Path(spec.modelfiledir), *(Path(spec.modelfiledir, d) for d in (spec.meshdir, spec.texturedir) if d)]
    there = [file.name for folder in folders if folder.is_dir() for file in folder.iterdir() if file.is_file()]
    return f"{did_you_mean(Path(missing[1]).name, there)} Is the file beside the model?"


# --- scene ------------------------------------------------------------------------------------------------------


def _surround(task: Task, spec: Any, keys: MjcfKeys) -> None:
    if keys.scene is None:
        return
    if keys.scene == FLAT and GROUND["name"] in named(spec, "geom"):
        raise refused(
            task,
            "env.scene is flat, but the model has a geom(floor) of its own. Leave env.scene out, or rename "
            "that geom in the model.",
        )
    around = _flat() if keys.scene == FLAT else _read(task, _file(task, keys.scene))
    if keys.reset.keyframe is not None and around.joints:  # uncompiled, its joints would be at 0 in that keyframe
        compiled(task, around, called=f"{keys.scene} by itself")
    try:
        spec.attach(around, frame=spec.worldbody.add_frame(), prefix="")
    except ValueError as fault:
        told = f"{refusals.one_line(fault)}{_twice(task, str(fault))}"
        raise refused(task, f"MuJoCo cannot put env.scene around the model: {told}") from fault


def _twice(task: Task, said: str) -> str:
    """The way out where model and scene have the same names."""
    if "repeated name" not in said or task.env.options.get("scene") in (None, FLAT):
        return ""
    return " Does the scene include the robot? Name only what is around it."


def _flat() -> Any:
    """Ground and light, as a specification of their own: in the model's they would take on its defaults."""
    spec = mujoco.MjSpec()
    _chequer(spec)
    spec.worldbody.add_geom(**GROUND)
    spec.worldbody.add_light(pos=[0, 0, 4], dir=[0, 0, -1], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)
    return spec


def _chequer(spec: Any) -> None:
    """Squares of half a metre, so that a picture shows how far and how fast something moves over them."""
    spec.add_texture(
        name=CHEQUER, type=mujoco.mjtTexture.mjTEXTURE_2D, builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.42, 0.45, 0.48], rgb2=[0.55, 0.58, 0.61], width=64, height=64,
    )  # fmt: skip
    material = spec.add_material(name=CHEQUER, texrepeat=[1, 1], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = CHEQUER
