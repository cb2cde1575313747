"""Trainings under way, on disk: one safetensors file each, replaced as the training goes on.

A file's name says which training it is of, how far it is, and its own hash, so that what is torn or changed is no
checkpoint. None is part of the run's record: losing one costs the time since the training began, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardsmith.store import artefacts

if TYPE_CHECKING:
    from rewardsmith.interfaces import Saved

HEADER = "rewardsmith"
FOLDER = "checkpoints"
_KEY = 24  # characters of a key that a name carries


class Checkpoints:
    """An `interfaces.Checkpoints` in a run's folder. `before` is called ahead of every training, and may refuse it."""

    def __init__(self, run: Path, *, before: Callable[[], None]) -> None:
        self._folder, self._before = run / FOLDER, before

    def load(self, key: str) -> Saved | None:
        """The training `key` as it stood last; None where nothing sound is kept of it."""
        self._before()
        return next((saved for file in self._of(key) if (saved := _read(file)) is not None), None)

    def save(self, key: str, saved: Saved) -> None:
        """Keep the training as it stands now, in place of how it stood. Raises: RunError: the disk is full."""
        content = _to_bytes(saved)
        file = self._folder / f"{key[:_KEY]}-{saved.position:09d}-{artefacts.sha256(content)}.safetensors"
        artefacts.write(file, content)
        for older in self._of(key):
            if older != file:
                older.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget all trainings: what became of them stands in the ledger."""
        for file in [*self.files(), *self._folder.glob(".*.part")]:  # and what a kill left half written
            file.unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """All that is kept."""
        return sorted(self._folder.glob("*.safetensors")) if self._folder.is_dir() else []

    def _of(self, key: str) -> Iterator[Path]:
        """The training's files, the furthest first."""
        return reversed([file for file in self.files() if file.name.startswith(f"{key[:_KEY]}-")])


def is_sound(file: Path) -> bool:
    """Whether a file is what its name says."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == file.stem.rpartition("-")[2]
    except OSError:
        return False


def _to_bytes(saved: Saved) -> bytes:
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in saved.tensors.items()}
    about = json.dumps({"position": saved.position, "about": saved.about}, sort_keys=True, allow_nan=False)
    return bytes(save(tensors, metadata={HEADER: about}))


def _read(file: Path) -> Saved | None:
    if not is_sound(file):
        return None
    from safetensors import SafetensorError, safe_open

    from rewardsmith.interfaces import Saved  # not before: it imports torch

    try:
        with safe_open(file, framework="pt") as opened:
            found: Mapping[str, Any] = json.loads(opened.metadata()[HEADER])
            # copied: as long as one lived, it would hold the whole file, which is soon replaced
            tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
        return Saved(position=int(found["position"]), tensors=tensors, about=found["about"])
    except (SafetensorError, ValueError, KeyError, TypeError):  # whoever wrote it, it was not `save`
        return None
