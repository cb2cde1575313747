"""The ledger: what happened in a run, in order, one keyed event at a time, in one SQLite file.

SQLite because other processes write too (`rewardsmith feedback` while `evolve` runs) and because it kept every commit
on a full disk; WAL with synchronous=FULL, so that what `append` returned survives kill -9 and a power cut. WAL needs
the folder on a local disk, and writes there to read, too: where nobody may write, a copy is read. The ledger knows
nothing of what an event's body means, and never changes or deletes one.

Each event carries a link: a hash of the event and of the link before it. So an event that changed on disk is found out
when it is read, and so is one that was taken from the middle. It is no signature: whoever writes events can write
links. What to do about a damaged ledger is `fsck.py`'s.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any

from rewardsmith.errors import DiskFull, RunError
from rewardsmith.store.artefacts import not_written, sync
from rewardsmith.store.codec import Json, dumps, loads

SCHEMA = 2
BUSY_S = 30.0
BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a ledger while it is open, or was killed."""
COPIES = 5
"""How often a ledger is copied at most, that somebody writes to meanwhile."""
_CREATE = """
CREATE TABLE events(
    seq  INTEGER PRIMARY KEY,
    key  TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    at   TEXT NOT NULL,
    body TEXT NOT NULL,
    link TEXT NOT NULL
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """An event as it lies in the file, with its link; `body` is JSON text, not looked into."""

    seq: int
    key: str
    kind: str
    at: str
    body: str
    link: str

    def linked(self, before: str) -> str:
        """The link this row must have after a row with the link `before`."""
        text = "\n".join((before, str(self.seq), self.key, self.kind, self.at, self.body))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Ledger:
    """Events of one run. Safe to use from several threads and from several processes at once."""

    def __init__(self, path: Path, *, create: bool = False, now: Callable[[], str] = utc_now) -> None:
        """Open the ledger at `path`, or with `create` begin an empty one where there is none.

        One that cannot be written is read as it is now; what is appended to it is refused.

        Raises: RunError: no ledger there, not a ledger, or one of a newer rewardsmith.
        """
        if not create and not path.is_file():
            raise RunError(f"{path.parent} holds no run: there is no {path.name} in it.")
        self.path = path
        self._now = now
        self._thread = threading.RLock()
        writable = create or _is_writable(path)
        with self._explained():
            self._db = _connected(path) if writable else _in_memory(path)
            as_it_should = self._schema() == SCHEMA
        if not as_it_should:  # else whoever only reads need not wait for whoever writes
            with self._transaction():
                self._prepare(self._schema(), create=create)
        if not writable:
            self._db.execute("PRAGMA query_only=ON")

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
        """Record an event under the number after the last of its kind, `<kind>:1` being the first."""
        with self._transaction():
            return self._insert(f"{kind}:{self._last(kind) + 1}", kind, body)

    def append_once(self, key: str, kind: str, body: Callable[[], Json]) -> Event:
        """The event under `key`; where there is none yet, what `body` computes is recorded, in one transaction."""
        with self._transaction():
            return self._get(key) or self._insert(key, kind, body())

    def get(self, key: str) -> Event | None:
        """The event under `key`, or None."""
        with self._explained():
            return self._get(key)

    def of(self, *kinds: str, after: int = 0) -> tuple[Event, ...]:
        """All events of some kinds, oldest first; only those past number `after`."""
        marks = ", ".join("?" * len(kinds))
        with self._explained():
            query = f"{_SELECT} WHERE kind IN ({marks}) AND seq > ? ORDER BY seq"
            return tuple(self._event(row) for row in self._db.execute(query, (*kinds, after)).fetchall())

    def moments(self) -> list[tuple[str, str]]:
        """The kind and the time of every event, oldest first."""
        with self._explained():
            return [(str(kind), str(at)) for kind, at in self._db.execute("SELECT kind, at FROM events ORDER BY seq")]

    def verify(self) -> None:
        """Look at every event. Raises: RunError: one was changed on disk, or is missing from the middle."""
        with self._explained():
            for found in self._db.execute(f"{_SELECT} ORDER BY seq"):
                self._borne_out(found)

    def back_up(self, file: Path) -> None:
        """Copy the whole ledger to `file`, which takes its name in one step. Raises: RunError: the disk is full."""
        part = file.with_name(f".{file.name}.part")
        try:
            part.unlink(missing_ok=True)
            with self._explained(), closing(sqlite3.connect(part)) as copy:
                copy.execute("PRAGMA journal_mode=OFF")
                copy.execute("PRAGMA synchronous=OFF")
                self._db.backup(copy)
            sync(part)
            part.replace(file)
        except OSError as error:
            raise not_written(file, error) from error

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._thread:
            self._db.close()

    def _get(self, key: str) -> Event | None:
        row = self._db.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
        return self._event(row) if row else None

    def _event(self, found: Sequence[Any]) -> Event:
        row = self._borne_out(found)
        return Event(seq=row.seq, key=row.key, kind=row.kind, at=row.at, body=loads(row.body))

    def _borne_out(self, found: Sequence[Any]) -> Row:
        """The row, whose last column is the link before it. Raises: RunError: its own link does not bear it out."""
        *columns, before = found
        row = row_of(columns)
        if row.linked(before or "") != row.link:
            raise RunError(
                f"{self.path}: event {row.seq} ('{row.key}') is not what was recorded. {remedy(self.path.parent)}"
            )
        return row

    def _last(self, kind: str) -> int:
        """Numbers may be missing: a repair drops what is damaged."""
        number = "CAST(substr(key, length(kind) + 2) AS INTEGER)"
        found = self._db.execute(f"SELECT max({number}) FROM events WHERE kind = ?", (kind,)).fetchone()[0]
        return int(found or 0)

    def _insert(self, key: str, kind: str, body: Json) -> Event:
        last = self._db.execute("SELECT seq, link FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        before, link = last or (0, "")
        bare = Row(seq=before + 1, key=key, kind=kind, at=self._now(), body=dumps(body), link="")
        insert(self._db, replace(bare, link=bare.linked(link)))
        return Event(seq=bare.seq, key=key, kind=kind, at=bare.at, body=loads(bare.body))

    def _schema(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _prepare(self, schema: int, *, create: bool) -> None:
        if schema > SCHEMA:
            raise RunError(newer(self.path, schema))
        if schema == 0 and not create:
            raise RunError(
                f"{self.path.parent} holds no run: its {self.path.name} is empty. {remedy(self.path.parent)} If no run "
                "ever began there, delete it and begin anew."
            )
        if schema == 0:
            create_table(self._db)
            return
        for version in range(schema, SCHEMA):
            MIGRATIONS[version](self._db)
            self._db.execute(f"PRAGMA user_version = {version + 1}")

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
                raise explained(error, self.path) from error
            except UnicodeDecodeError as error:  # what the database quotes of itself, where that is torn
                raise RunError(
                    f"{self.path} is damaged: it holds what is no text. {remedy(self.path.parent)}"
                ) from error


# --- opening --------------------------------------------------------------------------------------------------------


@contextmanager
def copied(path: Path) -> Iterator[sqlite3.Connection]:
    """A temporary copy of the ledger at `path`, with all that was committed.

    Raises: RunError: it cannot be read. DiskFull: there is no room for the copy.
    """
    with TemporaryDirectory() as temporary:
        copy = Path(temporary) / path.name
        try:
            _copy(path, copy)
        except PermissionError as error:
            raise RunError(f"{path} cannot be read ({error.strerror}). Ask its owner to let you.") from error
        except OSError as error:
            raise not_written(copy, error) from error
        with closing(sqlite3.connect(copy)) as db:
            yield db


def _copy(path: Path, copy: Path) -> None:
    """Copy the ledger and what is not in it yet, again where SQLite moved that into it meanwhile."""
    wal, wal_copy = (file.with_name(file.name + BESIDE[0]) for file in (path, copy))
    for _ in range(COPIES):
        before = path.stat().st_mtime_ns
        shutil.copyfile(path, copy)
        wal_copy.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(wal, wal_copy)
        if path.stat().st_mtime_ns == before:
            return


def _is_writable(path: Path) -> bool:
    """Whether SQLite can write to a ledger and beside it."""
    beside = (path.with_name(path.name + suffix) for suffix in BESIDE)
    return all(os.access(file, os.W_OK) for file in (path.parent, path, *(file for file in beside if file.exists())))


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    return db


def _in_memory(path: Path) -> sqlite3.Connection:
    """What a ledger holds now."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with copied(path) as copy:
        copy.backup(db)
    return db


# --- rows -----------------------------------------------------------------------------------------------------------


_SELECT = """
SELECT seq, key, kind, at, body, link,
       (SELECT p.link FROM events p WHERE p.seq < events.seq ORDER BY p.seq DESC LIMIT 1)
FROM events"""


def create_table(db: sqlite3.Connection) -> None:
    """Make an empty ledger of this version."""
    db.execute(_CREATE)
    db.execute(f"PRAGMA user_version = {SCHEMA}")


def insert(db: sqlite3.Connection, row: Row) -> None:
    """Put a row where it belongs."""
    values = (row.seq, row.key, row.kind, row.at, row.body, row.link)
    db.execute("INSERT INTO events(seq, key, kind, at, body, link) VALUES (?, ?, ?, ?, ?, ?)", values)


def relinked(rows: Sequence[Row]) -> Iterator[Row]:
    """The same rows, which come in order, each with the link that it must have."""
    before = ""
    for row in rows:
        before = row.linked(before)
        yield replace(row, link=before)


def newer(path: Path, schema: int) -> str:
    """What to say of a ledger of a later version."""
    return (
        f"{path} was written by a newer rewardsmith (ledger schema {schema}; this one reads up to {SCHEMA}). "
        "Upgrade with `pip install -U rewardsmith`."
    )


def remedy(folder: Path) -> str:
    """What to do about damage in a run."""
    fsck = f"rewardsmith fsck {quote(str(folder))}"
    return f"`{fsck}` says what is damaged; with --repair it goes back to the last good state."


def row_of(columns: Sequence[Any]) -> Row:
    """A row of its columns; those of schema 1 have no link."""
    seq, key, kind, at, body, link = (*columns, "") if len(columns) == 5 else columns
    return Row(seq=int(seq), key=str(key), kind=str(kind), at=str(at), body=str(body), link=str(link))


def _link_events(db: sqlite3.Connection) -> None:
    """Schema 1 had no links: give one to every event as it stands."""
    db.execute("ALTER TABLE events ADD COLUMN link TEXT NOT NULL DEFAULT ''")
    found = db.execute("SELECT seq, key, kind, at, body, link FROM events ORDER BY seq").fetchall()
    for row in relinked([row_of(columns) for columns in found]):
        db.execute("UPDATE events SET link = ? WHERE seq = ?", (row.link, row.seq))


MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _link_events}
"""How a ledger of each earlier version becomes one of the next; all in the transaction that opens it."""


def explained(error: sqlite3.Error, path: Path) -> RunError:
    """A database's error in words that say what to do."""
    match str(error):
        case "database or disk is full" | "disk I/O error":
            return DiskFull(
                f"{path} cannot be written to: {error}. Free some space on its disk and resume: everything recorded so "
                "far is kept."
            )
        case "database is locked":
            advice = f"Another process kept it busy for {BUSY_S:.0f} s. Try again."
        case "file is not a database" | "database disk image is malformed":
            advice = f"The file is damaged. {remedy(path.parent)}"
        case _:
            advice = "Check that its folder exists, is on a local disk, and may be written to."
    return RunError(f"{path} cannot be used: {error}. {advice}")
