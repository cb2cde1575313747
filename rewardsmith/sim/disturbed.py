"""Worlds that differ in one respect from a task's own: wider starts, heavier bodies, slipperier ground.

For the probes of finalists alone. A simulator either makes the world that `task.env.disturbance` asks for or says why
it cannot; it never plays the plain one instead. A longer horizon needs nothing here: it is the task's `episode_steps`.
"""

from __future__ import annotations

import os
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardsmith.types import Disturbance, Task

NOISE_OPTIONS = ("reset_noise_scale", "reset_qpos_scale", "reset_qvel_scale")
"""What Gymnasium's MuJoCo environments, and EnvPool's of the same names, call the spread of their starts."""
PHYSICS = ("mass", "friction")
"""What is changed in a model, not by an option."""
MODELS = Path("mujoco", "assets_gym")
"""Where EnvPool's models of these environments lie, below its `base_path`."""
SLIDING = "1 0.005 0.0001"
"""MuJoCo's friction where a model names none: sliding, torsional, rolling."""


# --- EnvPool --------------------------------------------------------------------------------------------------------


def envpool_refuses(task: Task) -> str | None:
    """Why EnvPool cannot make that world; None where it can."""
    match task.env.disturbance:
        case None:
            return None
        case Disturbance(kind="reset_noise"):
            return None if _noise(task) else f"EnvPool's '{task.env.id}' has no option for the spread of its starts."
        case Disturbance(kind="mass" | "friction") as wanted:
            if _model(task) is None:
                return f"EnvPool takes no changed model for '{task.env.id}', so its {wanted.kind} cannot be changed."
            return None
        case Disturbance() as wanted:
            return f"EnvPool cannot change {wanted.kind}."


@contextmanager
def envpool_options(task: Task) -> Iterator[dict[str, Any]]:
    """The task's options, changed as its disturbance says; the changed model is there until the context ends.

    Raises: ValueError: `envpool_refuses` says why.
    """
    options, wanted = dict(task.env.options), task.env.disturbance
    if (refused := envpool_refuses(task)) is not None:
        raise ValueError(refused)
    if wanted is None:
        yield options
    elif wanted.kind == "reset_noise":
        yield options | {name: value * wanted.factor for name, value in _noise(task).items()}
    else:
        model = _model(task)
        assert model is not None
        with tempfile.TemporaryDirectory() as folder:
            changed = Path(folder, "model.xml")
            changed.write_bytes(changed_model(model, wanted))
            yield options | {"xml_file": os.path.relpath(changed, model.parent)}


def _noise(task: Task) -> dict[str, float]:
    """The options that spread the starts, with their values."""
    import envpool

    spec = envpool.make_spec(task.env.id, **task.env.options)
    return {name: float(getattr(spec.config, name)) for name in NOISE_OPTIONS if name in spec._config_keys}


def _model(task: Task) -> Path | None:
    """The model file that EnvPool loads for the task; None where it does not say, or takes no other one."""
    import envpool

    spec = envpool.make_spec(task.env.id, **task.env.options)
    if "xml_file" not in spec._config_keys:
        return None
    folder, name = Path(spec.config.base_path) / MODELS, Path(spec.config.xml_file)
    found = next((p for p in (folder / f"{name.stem}_envpool.xml", folder / name) if p.is_file()), None)
    return None if found is None or _refers_to_files(found) else found


def _refers_to_files(model: Path) -> bool:
    """Whether a model needs files beside it, which a copy elsewhere would not find."""
    return any("file" in element.attrib for element in ET.parse(model).iter())


# --- models ---------------------------------------------------------------------------------------------------------


def changed_model(model: Path, wanted: Disturbance) -> bytes:
    """The model as MJCF with every mass and inertia, or every sliding friction, times the factor."""
    root = ET.parse(model).getroot()
    if wanted.kind == "mass":
        _child(root, "compiler").set("settotalmass", repr(_total_mass(model) * wanted.factor))
    else:
        _scale_friction(root, wanted.factor)
    return ET.tostring(root)


def _total_mass(model: Path) -> float:
    import mujoco

    return float(mujoco.MjModel.from_xml_path(str(model)).body_mass.sum())


def _scale_friction(root: ET.Element, factor: float) -> None:
    plain = _child(_child(root, "default"), "geom")
    plain.set("friction", plain.get("friction", SLIDING))
    for element in root.iter():
        sliding = {"geom": 1, "pair": 2}.get(element.tag, 0)  # how many of the numbers are; a pair has one an axis
        if sliding and "friction" in element.attrib:
            numbers = element.attrib["friction"].split()
            changed = [repr(float(n) * factor) for n in numbers[:sliding]]
            element.set("friction", " ".join([*changed, *numbers[sliding:]]))


def _child(parent: ET.Element, tag: str) -> ET.Element:
    found = parent.find(tag)
    return ET.SubElement(parent, tag) if found is None else found


# --- Gymnasium ------------------------------------------------------------------------------------------------------


def gymnasium_refuses(task: Task, *, defaults: Mapping[str, float]) -> str | None:
    """Why Gymnasium cannot make that world, if other than in its physics; None where it can.

    `defaults` are the number-valued parameters it is made with unless told otherwise.
    """
    match task.env.disturbance:
        case None:
            return None
        case Disturbance(kind="reset_noise"):
            known = any(name in defaults for name in NOISE_OPTIONS)
            return None if known else f"Gymnasium's '{task.env.id}' has no option for the spread of its starts."
        case Disturbance() as wanted:
            return f"Gymnasium cannot change {wanted.kind}."


def gymnasium_options(task: Task, *, defaults: Mapping[str, float]) -> dict[str, Any]:
    """The task's options, with wider starts where its disturbance asks for them."""
    options: dict[str, Any] = dict(task.env.options)
    wanted = task.env.disturbance
    if wanted is None or wanted.kind != "reset_noise":
        return options
    spread = {name: options.get(name, defaults[name]) for name in NOISE_OPTIONS if name in defaults}
    return options | {name: value * wanted.factor for name, value in spread.items()}


def change_physics(env: Any, wanted: Disturbance | None) -> None:
    """Change the model of a Gymnasium MuJoCo environment in place, before its first reset."""
    if wanted is None or wanted.kind not in PHYSICS:
        return
    import mujoco

    model, data = env.unwrapped.model, env.unwrapped.data
    if wanted.kind == "friction":
        model.geom_friction[:, 0] *= wanted.factor
        model.pair_friction[:, :2] *= wanted.factor
        return
    model.body_mass *= wanted.factor
    model.body_inertia *= wanted.factor
    mujoco.mj_setConst(model, data)  # what MuJoCo derives from masses


def keeps_changed_physics(env: Any, wanted: Disturbance) -> bool:
    """Change the physics of a Gymnasium MuJoCo environment, reset it, and say whether they are still as changed.

    They are not where a reset makes the model anew, or draws its masses or frictions.
    """
    change_physics(env, wanted)
    changed = _physics(env.unwrapped.model, wanted).copy()
    env.reset(seed=0)
    return np.array_equal(_physics(env.unwrapped.model, wanted), changed)


def _physics(model: Any, wanted: Disturbance) -> NDArray[np.float64]:
    found: NDArray[np.float64] = model.body_mass if wanted.kind == "mass" else model.geom_friction
    return found
