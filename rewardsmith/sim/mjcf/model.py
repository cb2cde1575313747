"""From a task's declarations to a MuJoCo specification: the model's file, its scene, and what is edited in it.

Every fault is one `ConfigError` in words; what MuJoCo itself says of a file is passed on in one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Any

import mujoco

from rewardsmith.errors import ConfigError, did_you_mean
from rewardsmith.sim.mjcf import robots
from rewardsmith.sim.mjcf.declared import EditKeys, MjcfKeys, refused
from rewardsmith.types import Task

FLAT = "flat"
CHEQUER = "floor_chequer"
GROUND = {"name": "floor", "type": mujoco.mjtGeom.mjGEOM_PLANE, "size": [0, 0, 0.05], "material": CHEQUER}
GEOM_TYPES = {kind.name.removeprefix("mjGEOM_").lower(): kind for kind in mujoco.mjtGeom.__members__.values()}


def folder_of(task: Task) -> Path:
    """Where a task's files are looked for: beside it."""
    return Path(task.path).parent if task.path else Path()


def is_file_name(model: str) -> bool:
    """Whether `env.model` means a file beside the task, and not a robot by name."""
    return model.endswith((".xml", ".mjcf"))


def specified(task: Task, keys: MjcfKeys, *, edit: Callable[[Any], object] | None = None) -> Any:
    """The `mujoco.MjSpec` of a task, edited; `edit` is the task's own function for what cannot be declared.

    Raises: ConfigError: a file is missing or not MJCF, or an edit does not fit the model.
    """
    spec = _read(task, _located(task, keys.model))
    _surround(task, spec, keys.scene)
    for change in keys.edits:
        _edit(task, spec, change)
    if edit is not None:
        edit(spec)
    if keys.control.physics_dt_s is not None:
        spec.option.timestep = keys.control.physics_dt_s
    return spec


def compiled(task: Task, spec: Any) -> mujoco.MjModel:
    """The model of a specification.

    Raises: ConfigError: MuJoCo refuses it; for a file that is not there, with the closest one that is.
    """
    try:
        return spec.compile()
    except (ValueError, mujoco.FatalError) as fault:
        raise refused(
            task, f"MuJoCo cannot compile the model: {_said(fault)}{_other_file(spec, str(fault))}"
        ) from fault


def unseen(spec: Any) -> mujoco.MjModel | None:
    """The same physics without what is only seen; None where MuJoCo cannot take it away."""
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
    if steps < 1 or abs(steps * model.opt.timestep - task.control_dt_s) > 1e-9:
        near = max(1, steps) * model.opt.timestep
        raise refused(
            task,
            f"control_dt_s is {task.control_dt_s:g} s, no whole multiple of the model's time step of "
            f"{model.opt.timestep:g} s. Write e.g. {near:g}, or set env.control.physics_dt_s.",
        )
    return int(steps)


def named(spec: Any, kind: str) -> dict[str, Any]:
    """The named elements of a kind, e.g. `body`.

    Asking a specification for a name itself finds nothing once an element was deleted from it.
    """
    plural = {"body": "bodies", "equality": "equalities"}.get(kind, f"{kind}s")
    return {element.name: element for element in getattr(spec, plural) if element.name}


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """What is said of a name that the model does not have."""
    known = list(known)
    listed = ", ".join(known[:40]) + (", ..." if len(known) > 40 else "")
    return f"the model has no {kind} '{name}'.{did_you_mean(name, known)} Known: {listed or 'none'}."


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
        beside = [other.name for other in file.parent.glob("*.xml")] if file.parent.is_dir() else []
        close = did_you_mean(file.name, beside).replace("'", f"'{name.removesuffix(file.name)}", 1)
        raise refused(task, f"no such model file '{file}'.{close} It is looked for beside the task.")
    return file


def _read(task: Task, file: Path) -> Any:
    try:
        return mujoco.MjSpec.from_file(str(file))
    except ValueError as fault:
        raise refused(task, f"{file.name} is not a model that MuJoCo reads: {_said(fault)}") from fault


def _said(fault: Exception) -> str:
    """MuJoCo's own words, in one line."""
    words = " ".join(line.strip() for line in str(fault).splitlines() if line.strip())
    return re.sub(r"^(XML )?Error: ", "", words).rstrip(".") + "."


def _other_file(spec: Any, said: str) -> str:
    missing = re.search(r"opening file '([^']+)'", said)
    if missing is None:
        return ""
    folders = [Path(spec.modelfiledir), *(Path(spec.modelfiledir, d) for d in (spec.meshdir, spec.texturedir) if d)]
    there = [file.name for folder in folders if folder.is_dir() for file in folder.iterdir() if file.is_file()]
    return f"{did_you_mean(Path(missing[1]).name, there)} Is the file beside the model?"


# --- scene and edits ------------------------------------------------------------------------------------------------


def _surround(task: Task, spec: Any, scene: str | None) -> None:
    if scene is None:
        return
    if scene == FLAT:
        _chequer(spec)
        spec.worldbody.add_geom(**GROUND)
        spec.worldbody.add_light(pos=[0, 0, 4], dir=[0, 0, -1], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)
        return
    spec.attach(_read(task, _file(task, scene)), frame=spec.worldbody.add_frame(), prefix="")


def _chequer(spec: Any) -> None:
    """Squares of half a metre, so that a picture shows how far and how fast something moves over them."""
    spec.add_texture(
        name=CHEQUER, type=mujoco.mjtTexture.mjTEXTURE_2D, builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.42, 0.45, 0.48], rgb2=[0.55, 0.58, 0.61], width=64, height=64,
    )  # fmt: skip
    material = spec.add_material(name=CHEQUER, texrepeat=[1, 1], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = CHEQUER


def _edit(task: Task, spec: Any, change: EditKeys) -> None:
    if change.delete is not None:
        spec.delete(_element(task, spec, change.delete))
        return
    if change.set is not None:
        elements, told = _elements(task, spec, change.set), change.set
    else:
        elements = [getattr(_element(task, spec, f"body({change.to})"), f"add_{change.add}")()]
        told = f"the {change.add} on body({change.to})"
    for element, (name, value) in product(elements, change.values.items()):
        _assign(task, element, name, value, told)


def _elements(task: Task, spec: Any, told: str) -> list[Any]:
    """What is to be set; `geom(*)` and the like are all of a kind, named or not."""
    if told == "option":
        return [spec.option]
    every = re.fullmatch(r"(joint|geom|site|actuator)\(\*\)", told)
    return list(getattr(spec, f"{every[1]}s")) if every else [_element(task, spec, told)]


def _element(task: Task, spec: Any, told: str) -> Any:
    parts = re.fullmatch(r"(\w+)\((.+)\)", told)
    kinds = ("body", "joint", "geom", "site", "actuator", "sensor", "camera", "light", "tendon", "equality", "key")
    if parts is None or parts[1] not in kinds:
        raise refused(
            task, f"'{told}' is no element that can be edited. Write e.g. geom(foot); known: {', '.join(kinds)}."
        )
    known = named(spec, parts[1])
    if parts[2] not in known:
        raise refused(task, unknown(parts[1], parts[2], known))
    return known[parts[2]]


def _assign(task: Task, element: Any, name: str, value: object, told: str) -> None:
    known = [word for word in dir(element) if not word.startswith("_") and not callable(getattr(element, word))]
    if name not in known:
        raise refused(task, f"{told} has no '{name}'.{did_you_mean(name, known)} Known: {', '.join(known)}.")
    if name == "type" and isinstance(element, mujoco.MjsGeom | mujoco.MjsSite) and value in GEOM_TYPES:
        value = GEOM_TYPES[str(value)]
    try:
        current = getattr(element, name)
        if hasattr(current, "__len__") and not isinstance(current, str) and isinstance(value, list):
            current[: len(value)] = value
        else:
            setattr(element, name, value)
    except (TypeError, ValueError) as fault:
        raise refused(task, f"{told} cannot have {name}: {value!r}. Expected something like {current!r}.") from fault
