"""Files of a run: written whole or not at all, named in the ledger with their hash, and checked when read.

Text and bytes go to a temporary file, are synced, and take their name in one step. Policies are safetensors: tensors
by name and nothing that runs. What the files mean is `run.py`'s.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rewardsmith.errors import DiskFull, RunError, no_room

if TYPE_CHECKING:
    from torch import Tensor


def sha256(content: bytes) -> str:
    """The hash that the ledger records, in hex."""
    return hashlib.sha256(content).hexdigest()


def to_bytes(text: str) -> bytes:
    """UTF-8; a lone surrogate, as a broken reply may hold, is kept rather than refused."""
    return text.encode("utf-8", "surrogatepass")


def write(path: Path, content: bytes) -> str:
    """Write `content` so that a reader sees the old file or the new one, even after a power cut; returns its hash.

    Raises: RunError: the disk is full or the folder cannot be written to.
    """
    part = path.with_name(f".{path.name}.part")  # always the same: what a kill leaves behind is overwritten
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise not_written(path, error) from error
    return sha256(content)


def refuses(folder: Path) -> str | None:
    """Why nothing can be written in `folder`, which is made if need be; None where it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def not_written(path: Path, error: OSError) -> RunError:
    """Why a file cannot be written, and what to do: `DiskFull` where there is no room."""
    kind = DiskFull if no_room(error) else RunError
    return kind(
        f"{path} cannot be written ({error.strerror}). Free some space or allow writing there, then resume: "
        "everything recorded so far is kept."
    )


def fault(root: Path, file: str, *, any_of: Collection[str]) -> str | None:
    """What is wrong with `root/file`, which must have one of the recorded hashes; None where nothing is."""
    try:
        content = _content(root, file)
    except RunError as error:
        return str(error).removesuffix(f" {_REMEDY}")
    return None if sha256(content) in any_of else _damaged(root / file, content, max(any_of))


def read(root: Path, file: str, *, expected: str) -> bytes:
    """The content of `root/file`, which must have the hash `expected`.

    Raises: RunError: the file is missing or not what was recorded, or `file` points outside `root`.
    """
    content = _content(root, file)
    if sha256(content) != expected:
        raise RunError(f"{_damaged(root / file, content, expected)} {_REMEDY}")
    return content


def _damaged(path: Path, content: bytes, expected: str) -> str:
    return f"{path} is damaged: its sha256 begins with {sha256(content)[:12]}, the recorded one with {expected[:12]}."


_REMEDY = "Put back a copy of it, or run `rewardsmith fsck RUN --repair`; the rest of the run is unharmed."


def is_inside(file: str) -> bool:
    """Whether a file that a ledger names lies within its run."""
    parts = PurePosixPath(file)
    return not parts.is_absolute() and ".." not in parts.parts


def _content(root: Path, file: str) -> bytes:
    if not is_inside(file):
        raise RunError(
            f"The ledger of {root} names the file '{file}', which lies outside the run. It was tampered with."
        )
    try:
        return (root / file).read_bytes()
    except OSError as error:
        raise RunError(f"{root / file} cannot be read ({error.strerror}). {_REMEDY}") from error


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# --- policies -------------------------------------------------------------------------------------------------------


def tensors_to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors by name as safetensors; views of a stacked population are copied out of it."""
    from safetensors.torch import save

    return bytes(save({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}))


class StoredTensors(Mapping[str, "Tensor"]):
    """A policy's tensors on disk, read and checked against their hash at first use.

    So a run with one damaged policy still opens; using that policy raises `RunError`.
    """

    def __init__(self, root: Path, file: str, *, expected: str) -> None:
        self._root, self._file, self._expected = root, file, expected
        self._loaded: dict[str, Tensor] | None = None

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors())

    def __len__(self) -> int:
        return len(self._tensors())

    def __repr__(self) -> str:
        return f"StoredTensors({self._file})"

    def _tensors(self) -> dict[str, Tensor]:
        if self._loaded is None:
            self._loaded = _tensors(self._root / self._file, read(self._root, self._file, expected=self._expected))
        return self._loaded


def _tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return dict(load(content))
    except SafetensorError as error:
        raise RunError(f"{path} is no safetensors file ({error}). {_REMEDY}") from error
