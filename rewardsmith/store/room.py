"""Room on a run's disk, looked at before something is begun whose outcome could otherwise not be kept.

A look is no promise: other programs write too. Every write of a run may still find the disk full, and says so by the
same `DiskFull`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from shlex import quote

from rewardsmith.errors import DiskFull
from rewardsmith.store.artefacts import not_written

MIB = 2**20


def need_room(folder: Path, *, least_mib: int) -> None:
    """Raises: DiskFull: less than `least_mib` MiB are free where `folder` lies."""
    try:
        free = shutil.disk_usage(folder).free // MIB
    except OSError as error:
        raise not_written(folder, error) from error
    if free < least_mib:
        raise DiskFull(
            f"The disk of {folder} has {free} MiB left, and limits.free_mib asks for {least_mib}. Nothing is lost: "
            f"free some space, then `rewardsmith resume {quote(str(folder))}`."
        )


def size_mib(folder: Path) -> float:
    """What all files under `folder` take, in MiB."""
    found = (Path(where) / name for where, _, names in os.walk(folder) for name in names)
    return sum(_size(file) for file in found) / MIB


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # it was there a moment ago: a part of a file that has its name by now
        return 0
