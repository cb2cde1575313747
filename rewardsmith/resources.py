"""Where the data that ships with rewardsmith lies: prompts, tasks, anchors, methods, presets, suites.

`prompts/`, `tasks/` and `benchmarks/anchors/` stand at the top of the repository, where a person edits them; the built
wheel carries copies inside the package, under `_data/`. The other folders are part of the package in both. Nothing is
read here.
"""

from __future__ import annotations

from pathlib import Path

from rewardsmith.errors import RewardsmithError

PACKAGE = Path(__file__).resolve().parent


def prompts_folder() -> Path:
    """The folder of jinja2 templates."""
    return find("prompts")


def tasks_folder() -> Path:
    """The folder of `<name>.yaml` task files."""
    return find("tasks")


def methods_folder() -> Path:
    """The folder of published methods, each a YAML file of settings."""
    return find("methods")


def presets_folder() -> Path:
    """The folder of training presets, each a YAML file of settings."""
    return find("presets")


def suites_folder() -> Path:
    """The folder of suites, each a YAML file that lists tasks."""
    return find("suites")


def anchors_folder() -> Path:
    """The folder of `<task>.json`, what random actions and reference rewards reach."""
    return find("benchmarks/anchors")


def find(name: str, *, package: Path = PACKAGE) -> Path:
    """The first of `<package>/_data/<name>` (wheel), `<package>/<name>` and `<package>/../<name>` (checkout).

    Raises: RewardsmithError: none of them exists; the message says how to install anew.
    """
    places = (package / "_data" / name, package / name, package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise RewardsmithError(
        f"The folder '{name}' that ships with rewardsmith is missing from this installation. "
        "Install it anew: pip install --force-reinstall rewardsmith, or pip install -e . in a checkout."
    )
