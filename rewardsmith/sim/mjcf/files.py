"""Which files of its own a task's world is made of, so that they can be kept with a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import mujoco

from rewardsmith.sim.mjcf import declared
from rewardsmith.sim.mjcf.declared import MjcfKeys
from rewardsmith.sim.mjcf.model import FLAT, folder_of, is_file_name
from rewardsmith.types import Task


def files_of(task: Task) -> tuple[Path, ...]:
    """The model, the scene, the code and `env.files`, and every file that a model names, where they exist.

    A robot by name is not among them: its files belong to an installed package.

    Raises: ConfigError: an option is unknown or does not fit.
    """
    keys = declared.read(task)
    folder = folder_of(task)
    models = [folder / name for name in _models(keys)]
    plain = [folder / name for name in (*((keys.code,) if keys.code else ()), *keys.files)]
    named = [file for model in models if model.is_file() for file in _named_in(model)]
    found = (Path(os.path.normpath(file.absolute())) for file in (*models, *plain, *named) if file.is_file())
    return tuple(dict.fromkeys(found))


def _models(keys: MjcfKeys) -> Iterator[str]:
    if is_file_name(keys.model):
        yield keys.model
    if keys.scene not in (None, FLAT):
        yield str(keys.scene)


def _named_in(model: Path) -> Iterator[Path]:
    """What a model may mean by its names. MuJoCo's own list misses the `meshdir` of a file that includes others."""
    try:
        yield from map(Path, mujoco.mju_getXMLDependencies(str(model)))
        spec = mujoco.MjSpec.from_file(str(model))
    except (ValueError, mujoco.FatalError):  # said where the model is read
        return
    folders = {model.parent, *(model.parent / name for name in (spec.meshdir, spec.texturedir))}
    for name, folder in product(_assets(spec), folders):
        yield folder / (Path(name).name if spec.strippath else name)


def _assets(spec: Any) -> Iterator[str]:
    for element in (*spec.meshes, *spec.hfields, *spec.skins):
        yield element.file
    for texture in spec.textures:
        yield from (texture.file, *texture.cubefiles)
