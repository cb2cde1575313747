"""One writer a run: an advisory lock that the kernel drops when its holder dies, however it dies.

It guards against a second process on this machine (and on file systems that carry `flock` between machines); it does
not guard against someone who deletes the lock file. Readers never take it; `fsck` does.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

from rewardsmith.errors import RunError, RunLocked
from rewardsmith.store.artefacts import not_written


class Lock:
    """Held from construction to `release`; `holder` says who works on the run."""

    def __init__(self, path: Path, *, since: str) -> None:
        """Take the lock at once.

        Raises: RunLocked: another process holds it; the message names its pid, host and since when.
        """
        self.holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        self._fd: int | None = _take(path)
        with suppress(OSError):  # on a full disk nobody can read who holds it; it holds all the same
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, json.dumps(self.holder).encode(), 0)

    def release(self) -> None:
        """Let the next writer in; safe to call twice."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()


@contextmanager
def held_still(path: Path, *, since: str) -> Iterator[None]:
    """Keeps writers out while somebody looks; where nobody may write a lock, or even read it, as well as that goes.

    Raises: RunLocked: somebody writes.
    """
    with ExitStack() as undo:
        if os.access(path if os.access(path, os.F_OK) else path.parent, os.W_OK):
            undo.enter_context(Lock(path, since=since))
        else:
            with suppress(FileNotFoundError, PermissionError):
                fd = os.open(path, os.O_RDONLY)
                undo.callback(os.close, fd)
                _lock(fd, path, fcntl.LOCK_SH)
        yield


def _take(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise not_written(path, error) from error
    try:
        _lock(fd, path, fcntl.LOCK_EX)
    except RunError:
        os.close(fd)
        raise
    return fd


def _lock(fd: int, path: Path, how: int) -> None:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunLocked(_who_holds(path)) from None
    except OSError as error:
        raise RunError(f"{path} cannot be locked ({error.strerror}). Keep runs on a local disk.") from error


def _who_holds(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        who = f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError, OSError):
        who = "another process that has only just begun"
    return f"{path.parent} is being worked on by {who}. Wait for it or stop it; `rewardsmith show` works meanwhile."
