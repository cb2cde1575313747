"""The ledger: what happened in a run, in order, one keyed event at a time, in one SQLite file.

SQLite because other processes write too (`rewardsmith feedback` while `evolve` runs) and because it kept every commit
on a full disk; WAL with synchronous=FULL, so that what `append` returned survives kill -9 and a power cut. WAL needs
the folder on a local disk. The ledger knows nothing of what an event's body means, and never changes or deletes one.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rewardsmith.errors import RunError
from rewardsmith.store.codec import Json, dumps, loads

SCHEMA = 1
BUSY_S = 30.0
_CREATE = """
CREATE TABLE events(
    seq  INTEGER PRIMARY KEY,
    key  TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    at   TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT
"""


def utc_now() -> str:
    """The time as `2026-11-21T06:20:00.123456Z`."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened; `seq` counts from 1 in the order of commits."""

    seq: int
    key: str
    kind: str
    at: str
    body: Json


class Ledger:
    """Events of one run. Safe to use from several threads and from several processes at once."""

    def __init__(self, path: Path, *, create: bool = False, now: Callable[[], str] = utc_now) -> None:
        """Open the ledger at `path`, or with `create` begin an empty one where there is none.

        Raises: RunError: no ledger there, not a ledger, or one of a newer rewardsmith.
        """
        if not create and not path.is_file():
            raise RunError(f"{path.parent} holds no run: there is no {path.name} in it.")
        self.path = path
        self._now = now
        self._thread = threading.RLock()
        with self._explained():
            self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
        with self._transaction():
            self._prepare(self._db.execute("PRAGMA user_version").fetchone()[0], create=create)

    def append(self, key: str, kind: str, body: Json) -> Event:
        """Record an event; once this returns it is on the disk. The same event again is a no-op.

        Raises: RunError: `key` stands with another body, or the disk is full; nothing was changed.
        """
        with self._transaction():
            known = self._get(key)
            if known is not None and dumps(known.body) != dumps(body):
                raise RunError(
                    f"{self.path} already holds '{key}', recorded at {known.at} with other content. What is recorded "
                    "is never changed: this run was continued with other settings, or by another version."
                )
            return known or self._insert(key, kind, body)

    def append_next(self, kind: str, body: Json) -> Event:
        """Record an event under the next free number of its kind, `<kind>:1` being the first."""
        with self._transaction():
            return self._insert(f"{kind}:{self._count(kind) + 1}", kind, body)

    def append_once(self, key: str, kind: str, body: Callable[[], Json]) -> Event:
        """The event under `key`; where there is none yet, what `body` computes is recorded, in one transaction."""
        with self._transaction():
            return self._get(key) or self._insert(key, kind, body())

    def get(self, key: str) -> Event | None:
        """The event under `key`, or None."""
        with self._explained():
            return self._get(key)

    def of(self, kind: str) -> tuple[Event, ...]:
        """All events of a kind, oldest first."""
        with self._explained():
            rows = self._db.execute(f"{_SELECT} WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
            return tuple(_event(row) for row in rows)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._thread:
            self._db.close()

    def _get(self, key: str) -> Event | None:
        row = self._db.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
        return _event(row) if row else None

    def _count(self, kind: str) -> int:
        return int(self._db.execute("SELECT count(*) FROM events WHERE kind = ?", (kind,)).fetchone()[0])

    def _insert(self, key: str, kind: str, body: Json) -> Event:
        at, text = self._now(), dumps(body)
        cursor = self._db.execute("INSERT INTO events(key, kind, at, body) VALUES (?, ?, ?, ?)", (key, kind, at, text))
        return Event(seq=int(cursor.lastrowid or 0), key=key, kind=kind, at=at, body=loads(text))

    def _prepare(self, schema: int, *, create: bool) -> None:
        if schema > SCHEMA:
            raise RunError(
                f"{self.path} was written by a newer rewardsmith (ledger schema {schema}; this one reads up to "
                f"{SCHEMA}). Upgrade with `pip install -U rewardsmith`."
            )
        if schema == 0 and not create:
            raise RunError(f"{self.path.parent} holds no run: its {self.path.name} is empty. Delete it and begin anew.")
        if schema == 0:
            self._db.execute(_CREATE)
            self._db.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Everything inside becomes durable together, or not at all."""
        with self._explained():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """One thread at a time, and the database's errors in words that say what to do."""
        with self._thread:
            try:
                yield
            except sqlite3.Error as error:
                raise RunError(f"{self.path} cannot be used: {error}. {_advice(error)}") from error


_SELECT = "SELECT seq, key, kind, at, body FROM events"


def _event(row: tuple[int, str, str, str, str]) -> Event:
    seq, key, kind, at, body = row
    return Event(seq=seq, key=key, kind=kind, at=at, body=loads(body))


def _advice(error: sqlite3.Error) -> str:
    match str(error):
        case "database or disk is full" | "disk I/O error":
            return "Free some space on its disk and resume: everything recorded so far is kept."
        case "database is locked":
            return f"Another process kept it busy for {BUSY_S:.0f} s. Try again."
        case "file is not a database" | "database disk image is malformed":
            return "The file is damaged: put back a copy, or begin a new run."
        case _:
            return "Check that its folder exists, is on a local disk, and may be written to."
