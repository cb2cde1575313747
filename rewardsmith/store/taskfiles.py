"""A task's own files in its run's folder: a model, meshes, code, as they were when the run began.

They lie under `task/` as they lay to each other, so that names in them that are relative still hold.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from rewardsmith.errors import RunError
from rewardsmith.types import Task

FOLDER = "task"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFiles:
    """Contents by path in the run's folder; `place` is the task file's own, None where nothing needs to be kept."""

    place: str | None = None
    contents: Mapping[str, bytes] = field(default_factory=dict)


def gathered(task: Task, files: Sequence[Path]) -> TaskFiles:
    """The task file and `files`, read.

    Raises: RunError: one of them cannot be read.
    """
    if not files:
        return TaskFiles()
    paths = [_plain(file) for file in (Path(task.path), *files)]
    root = Path(os.path.commonpath([path.parent for path in paths]))
    places = [str(PurePosixPath(FOLDER, path.relative_to(root).as_posix())) for path in paths]
    return TaskFiles(place=places[0], contents={place: _read(path) for place, path in zip(places, paths, strict=True)})


def in_run(task: Task, place: str | None, folder: Path) -> Task:
    """The task as its run uses it: its files are looked for in the run's folder, wherever that is by now."""
    return task if place is None else replace(task, path=str((folder / place).absolute()))


def original(task: Task, place: str, file: str) -> Path:
    """Where a file in the run's folder was copied from."""
    above = len(PurePosixPath(place).relative_to(FOLDER).parts) - 1
    return _plain(Path(task.path)).parents[above] / PurePosixPath(file).relative_to(FOLDER)


def _plain(path: Path) -> Path:
    """Absolute and without `..`; a link keeps its name, by which a model knows it."""
    return Path(os.path.normpath(path.absolute()))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise RunError(f"{path} cannot be read ({fault.strerror}). The task needs it; nothing was begun.") from fault
