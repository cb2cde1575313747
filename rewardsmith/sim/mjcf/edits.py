"""What `env.edits` sets, adds and deletes in a `mujoco.MjSpec`.

Attributes are MjSpec's own. As in a model's file a number alone sets the first of a list, and what MuJoCo counts has
words: `spot`, `implicitfast`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import product
from typing import Any, Final

import mujoco
import numpy as np

from rewardsmith.errors import ConfigError, did_you_mean
from rewardsmith.sim.mjcf import refusals
from rewardsmith.sim.mjcf.declared import EditKeys, refused
from rewardsmith.sim.mjcf.elements import named, unknown
from rewardsmith.types import Task

KINDS: Final = (
    "body", "joint", "geom", "site", "actuator", "sensor", "camera", "light", "tendon", "equality", "key",
)  # fmt: skip
ALL: Final = ("joint", "geom", "site", "actuator", "key")
"""Kinds of which `geom(*)` and the like are all, named or not."""
COUNTED: Final[Mapping[str, Any]] = {
    "integrator": mujoco.mjtIntegrator,
    "cone": mujoco.mjtCone,
    "solver": mujoco.mjtSolver,
    "jacobian": mujoco.mjtJacobian,
}
"""Attributes of `option` that are plain numbers in an MjSpec, but mean one of these."""
INERTIAL: Final = ("mass", "inertia", "fullinertia", "ipos", "iquat")


def apply(task: Task, spec: Any, change: EditKeys) -> None:
    """Make one change.

    Raises: ConfigError: there is no such element, or it cannot be changed so.
    """
    if change.delete is not None:
        for element in _elements(task, spec, change.delete):
            if isinstance(element, mujoco.MjsBody) and element.name == "world":
                raise refused(task, "body(world) is the world itself, which cannot be deleted; delete what is in it.")
            _delete(task, spec, element, change.delete)
        return
    if change.set is not None:
        told = change.set
        elements = [spec.option] if told == "option" else _elements(task, spec, told)
    else:
        elements = [getattr(_element(task, spec, f"body({change.to})"), f"add_{change.add}")()]
        told = f"the {change.add} on body({change.to})"
    for element, (name, value) in product(elements, change.values.items()):
        _assign(task, element, name, value, told)
    for element in elements:
        _check_mass(task, spec, element, change, told)


def _delete(task: Task, spec: Any, element: Any, told: str) -> None:
    try:
        spec.delete(element)
    except ValueError as fault:  # a body takes its joints' numbers out of every keyframe, which must fit
        said = f"{refusals.one_line(fault)}{refusals.way_out(fault)}"
        raise refused(task, f"{told} cannot be deleted. MuJoCo says: {said}") from fault


def _elements(task: Task, spec: Any, told: str) -> list[Any]:
    """What is meant; `geom(*)` and the like are all of a kind."""
    every = re.fullmatch(rf"({'|'.join(ALL)})\(\*\)", told)
    return list(getattr(spec, f"{every[1]}s")) if every else [_element(task, spec, told)]


def _element(task: Task, spec: Any, told: str) -> Any:
    parts = re.fullmatch(r"""(\w+)\((["']?)(.+)\2\)""", told)
    if parts is None or parts[1] not in KINDS:
        raise refused(
            task, f"'{told}' is no element that can be edited. Write e.g. geom(foot); known: {', '.join(KINDS)}."
        )
    known = named(spec, parts[1])
    if parts[3] not in known:
        raise refused(task, unknown(parts[1], parts[3], known))
    return known[parts[3]]


def _assign(task: Task, element: Any, name: str, value: object, told: str) -> None:
    known = [word for word in dir(element) if not word.startswith("_") and not callable(getattr(element, word))]
    if name not in known:
        raise refused(task, f"{told} has no '{name}'.{did_you_mean(name, known)} Known: {', '.join(known)}.")
    current = getattr(element, name)
    words = _words(name, current)
    if words and isinstance(value, str):
        value = words.get(value.lower(), value)
    try:
        if isinstance(current, np.ndarray) and isinstance(value, list | int | float):
            given = value if isinstance(value, list) else [value]
            current[: len(given)] = given
        elif isinstance(current, mujoco.MjDoubleVec):  # of any length; MuJoCo loses it halfway through a wrong one
            setattr(element, name, np.array(value, dtype=np.float64).reshape(-1))
        else:
            setattr(element, name, value)
    except AttributeError:
        raise refused(task, f"{told} has its {name} from where it stands in the model; it cannot be set.") from None
    except (TypeError, ValueError, RuntimeError) as fault:
        raise _misfit(task, f"{told} cannot have {name}: {value!r}.", fault, current, words) from fault


def _words(name: str, current: object) -> dict[str, Any]:
    """What an attribute may be in words, `{"spot": mjLIGHT_SPOT, ...}`; empty where it is not counted."""
    members: Mapping[str, Any] = getattr(COUNTED.get(name, type(current)), "__members__", {})
    return {member.split("_", 1)[1].lower(): value for member, value in members.items() if "_" in member}


def _misfit(task: Task, refusal: str, fault: Exception, current: Any, words: Mapping[str, Any]) -> ConfigError:
    if str(fault).startswith("Error: "):  # MuJoCo's own words
        return refused(task, f"{refusal} MuJoCo says: {str(fault).removeprefix('Error: ').splitlines()[0]}.")
    if words:
        return refused(task, f"{refusal} Expected one of: {', '.join(words)}.")
    several = isinstance(current, np.ndarray | mujoco.MjDoubleVec)
    return refused(task, f"{refusal} Expected something like {[float(x) for x in current] if several else current!r}.")


def _check_mass(task: Task, spec: Any, element: Any, change: EditKeys, told: str) -> None:
    """A body whose mass comes from its geoms has no other."""
    given = [name for name in INERTIAL if name in change.values]
    if not given or not isinstance(element, mujoco.MjsBody):
        return
    always = spec.compiler.inertiafromgeom == mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_TRUE
    if always or not (element.explicitinertial or math.isfinite(element.ipos[0])):
        way = "" if always else ", or give the body mass, ipos and inertia in one edit"
        raise refused(
            task,
            f"{told} takes its mass from its geoms, so its {given[0]} would be without effect: set the mass of one of "
            f"its geoms, e.g. {{set: geom(...), mass: 1}}{way}.",
        )
