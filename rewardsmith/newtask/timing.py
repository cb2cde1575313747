"""How long episodes and control steps last, as far as an environment says, and a marked guess where it does not."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

EPISODE_STEPS = 1000  # guessed where nothing is said
CONTROL_DT_S = 0.05
LONGEST_EPISODE = 100_000  # what is said beyond this means "no limit"
MUJOCO_TIMESTEP_S = 0.002  # MuJoCo's own default


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """A number, how it is known, and whether it is only guessed."""

    value: float
    why: str
    guessed: bool = False


def episode_steps(stated: int | None) -> Stated:
    """Control steps an episode, from what the environment states."""
    if stated is None or not 0 < stated <= LONGEST_EPISODE:
        return Stated(value=EPISODE_STEPS, why="the environment states no limit", guessed=True)
    return Stated(value=stated, why="as the environment states")


def of_gymnasium(env: Any) -> Stated:
    """Seconds a control step, from a Gymnasium environment: its `dt`, or else the rate it asks to be drawn at."""
    if dt := _positive(getattr(env.unwrapped, "dt", None)):
        return Stated(value=dt, why="the environment's dt")
    if fps := _positive((env.metadata or {}).get("render_fps")):
        return Stated(value=round(1 / fps, 6), why=f"it asks to be drawn {fps:g} times a second", guessed=True)
    return Stated(value=CONTROL_DT_S, why="the environment does not say", guessed=True)


def _positive(stated: object) -> float | None:
    """A number above 0, be it Python's or NumPy's, which may have been rounded to float32; None for all else."""
    if not isinstance(stated, numbers.Real) or isinstance(stated, bool):
        return None
    number = float(stated) if isinstance(stated, int | float) else float(f"{float(stated):.7g}")
    return number if 0 < number < math.inf else None


def of_envpool(env_id: str, config: Any) -> Stated | None:
    """Seconds a control step, from an EnvPool environment's settings and its model's file; None where neither says."""
    if (stated := getattr(config, "ctrl_dt", None)) is not None:
        return Stated(value=stated, why="the environment's ctrl_dt")
    skip, file = getattr(config, "frame_skip", None), _model_file(env_id, config)
    if skip is None or file is None:
        return None
    timestep = next(_timesteps(file), MUJOCO_TIMESTEP_S)
    return Stated(value=round(skip * timestep, 9), why=f"frame_skip {skip} x time step {timestep:g} of {file.name}")


def _model_file(env_id: str, config: Any) -> Path | None:
    """The MJCF file behind an EnvPool id: named in its settings, or known by EnvPool's folders."""
    folder = Path(config.base_path) / "mujoco"
    if named := getattr(config, "xml_file", ""):
        places = (folder / "assets_gym" / named, folder / "robotics" / "assets" / named)
        return next((place for place in places if place.is_file()), None)
    if env_id.startswith("MetaWorld/"):
        return next(folder.glob("metaworld/assets/scene/basic_scene.xml"), None)
    if getattr(config, "task_name", ""):
        return _dm_control_file(env_id, folder / "assets_dmc")
    return None


def _dm_control_file(env_id: str, folder: Path) -> Path | None:
    """`WalkerWalk-v1` -> `walker.xml`: the longest name that the id begins with."""
    fitting = [f for f in folder.glob("*.xml") if env_id.lower().startswith(f.stem.replace("_", "").lower())]
    return max(fitting, key=lambda f: len(f.stem), default=None)


def _timesteps(file: Path) -> Iterator[float]:
    """What a model and the files it includes set as physics time step, in seconds."""
    root = ElementTree.fromstring(re.sub(r"^<\?xml.*?\?>", "", file.read_text(encoding="utf-8")))
    for option in root.iter("option"):
        if "timestep" in option.attrib:
            yield float(option.attrib["timestep"])
    for include in root.iter("include"):
        other = file.parent / include.attrib.get("file", "")
        if other.is_file():
            yield from _timesteps(other)
