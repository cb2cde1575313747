"""A folder, listeners and a key for attacks to aim at, and whether any of them was reached."""

from __future__ import annotations

import os
import select
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

KEY = "REWARDSMITH_CORPUS_SECRET"
_OURS = ("secret", "victim", "socket")


@dataclass(frozen=True, kw_only=True)
class Range:
    """A shooting range: what attacks may aim at, all of it ours. `key` stands in this process's environment."""

    folder: Path
    secret: str
    key: str
    listeners: tuple[socket.socket, ...]
    before: Mapping[str, object]

    @property
    def port(self) -> int:
        return int(self.listeners[0].getsockname()[1])

    @property
    def udp(self) -> socket.socket:
        return self.listeners[1]

    def target(self) -> dict[str, str | int]:
        return {"folder": str(self.folder), "port": self.port, "pid": os.getpid()}

    def hits(self) -> list[str]:
        """Everything that shows that an attack got through."""
        made = sorted(path.name for path in self.folder.iterdir() if path.name not in _OURS)
        spoilt = [name for name, seen in self.before.items() if _look(self.folder / name) != seen]
        heard = select.select(self.listeners, [], [], 0.0)[0]
        return [*made, *spoilt, *("heard" for _ in heard)]


def _look(path: Path) -> object:
    """All of a file that an attack may change."""
    try:
        seen = path.lstat()
        kept = (seen.st_mode, seen.st_uid, seen.st_gid, seen.st_nlink, seen.st_ino, seen.st_mtime_ns)
        return kept, path.read_bytes(), os.listxattr(path)
    except OSError as error:
        return type(error).__name__


@pytest.fixture(scope="module")
def range_() -> Iterator[Range]:
    """A folder anybody may write to, so that only the sandbox stands in the way, whoever the worker runs as."""
    with (
        tempfile.TemporaryDirectory(prefix="range-") as name,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as local,
        socket.socket(socket.AF_UNIX) as abstract,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder, secret, key = Path(name), os.urandom(12).hex(), os.urandom(12).hex()
        patch.setenv(KEY, key)
        folder.chmod(0o777)
        for file in ("secret", "victim"):
            (folder / file).write_text(secret, encoding="utf-8")
            (folder / file).chmod(0o666)
        udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        local.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o666)
        abstract.bind(f"\0{folder / 'socket'}")
        for listener in (local, abstract):
            listener.listen()
        before = {file: _look(folder / file) for file in ("secret", "victim")}
        yield Range(folder=folder, secret=secret, key=key, listeners=(tcp, udp, local, abstract), before=before)
