"""Reads what is left of a ledger, however damaged, and writes one anew. Whether an event is kept is `fsck.py`'s.

An event is sound where its link bears it out, after one of the rows that stand for the event before: of the ledger or
of its backup. Nothing here touches a ledger that it reads: a copy is opened.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.errors import RunError
from rewardsmith.store.artefacts import not_written, sync
from rewardsmith.store.folders import BACKUP, LEDGER
from rewardsmith.store.ledger import (
    BESIDE,
    SCHEMA,
    Row,
    copied,
    create_table,
    explained,
    insert,
    newer,
    relinked,
    row_of,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Salvaged:
    """What is left of a ledger: its sound events in order, and a line for each thing that is wrong."""

    rows: tuple[Row, ...]
    faults: tuple[str, ...]


def salvage(folder: Path) -> Salvaged:
    """Every sound event of the ledger in `folder`, and of its backup where that knows better.

    Raises: RunError: it is of a newer rewardsmith, or cannot be copied.
    """
    main, backup = _read(folder / LEDGER), _read(folder / BACKUP)
    rows, lost = _sound(main.rows, backup.rows)
    faults = [*main.faults, *(backup.faults if (folder / BACKUP).exists() else ())]
    for seq in sorted({*main.rows, *backup.rows}):
        if seq in lost:
            faults.append(f"{LEDGER}: event {seq}{_named(main.rows.get(seq))} is not what was recorded")
        elif seq not in main.rows or main.rows[seq] != rows[seq]:
            faults.append(f"{LEDGER}: event {seq} ('{rows[seq].key}') is not what was recorded; the backup has it")
    return Salvaged(rows=tuple(rows.values()), faults=tuple(faults))


def rewrite(folder: Path, rows: Sequence[Row], *, aside: Path) -> None:
    """Put a ledger of these events in the place of the one in `folder`, of which copies are left in `aside`.

    The backup is replaced first, so that a kill in between loses no event. Raises: RunError: the disk is full.
    """
    aside.mkdir(parents=True, exist_ok=True)
    try:
        for name in (BACKUP, LEDGER, *(LEDGER + suffix for suffix in BESIDE)):
            if (folder / name).exists():
                shutil.copyfile(folder / name, aside / name)
        write(folder / BACKUP, rows)
        for suffix in BESIDE:
            (folder / (LEDGER + suffix)).unlink(missing_ok=True)
        write(folder / LEDGER, rows)
    except OSError as error:
        raise not_written(folder / LEDGER, error) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    rows: Mapping[int, Row]
    faults: tuple[str, ...] = ()


def _read(path: Path) -> _Found:
    """All rows that can be read at all."""
    if not path.exists():
        return _Found(rows={}, faults=(f"{path.name}: is missing",))
    with copied(path) as db:
        db.text_factory = lambda content: content.decode("utf-8", "replace")
        return _rows(db, path)


def _rows(db: sqlite3.Connection, path: Path) -> _Found:
    faults: list[str] = []
    found: dict[int, Row] = {}
    try:
        schema = int(db.execute("PRAGMA user_version").fetchone()[0])
        checked = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
        faults += [] if checked == "ok" else [f"{path.name}: {checked.splitlines()[-1]}"]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return _Found(rows={}, faults=(f"{path.name}: {error}",))
    if schema > SCHEMA:
        raise RunError(newer(path, schema))
    columns = "seq, key, kind, at, body" + (", link" if schema > 1 else "")
    for step in (_forwards, _backwards):
        try:
            for row in step(db, columns):
                if row.seq in found:
                    break
                found[row.seq] = row
        except (sqlite3.Error, TypeError, ValueError) as error:
            faults.append(f"{path.name}: {error}")
    if schema == 1:
        found = {row.seq: row for row in relinked([found[seq] for seq in sorted(found)])}
    return _Found(rows=found, faults=tuple(dict.fromkeys(faults)))


def _forwards(db: sqlite3.Connection, columns: str) -> Iterator[Row]:
    at = 0
    while found := db.execute(f"SELECT {columns} FROM events WHERE seq > ? ORDER BY seq LIMIT 1", (at,)).fetchone():
        if found[0] <= at:
            raise ValueError("its events are out of order")
        at = found[0]
        yield row_of(found)


def _backwards(db: sqlite3.Connection, columns: str) -> Iterator[Row]:
    """From the last event: what lies past a page that cannot be read."""
    at = 2**62
    query = f"SELECT {columns} FROM events WHERE seq < ? ORDER BY seq DESC LIMIT 1"
    while found := db.execute(query, (at,)).fetchone():
        if found[0] >= at:
            raise ValueError("its events are out of order")
        at = found[0]
        yield row_of(found)


def _sound(*ledgers: Mapping[int, Row]) -> tuple[dict[int, Row], set[int]]:
    """The rows that their links bear out, by number, and the numbers of those events that no row stands for."""
    rows: dict[int, Row] = {}
    lost: set[int] = set()
    before = {""}
    for seq in sorted({seq for ledger in ledgers for seq in ledger}):
        candidates = [ledger[seq] for ledger in ledgers if seq in ledger]
        sound = next((row for row in candidates if any(row.linked(link) == row.link for link in before)), None)
        if sound is None:
            lost.add(seq)
            before = {row.link for row in candidates}
        else:
            rows[seq], before = sound, {sound.link}
    return rows, lost


def _named(row: Row | None) -> str:
    return f" ('{row.key}')" if row is not None and row.key.isprintable() else ""


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write a ledger of these events, which takes its name in one step. Raises: RunError: the disk is full."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as db:
            db.execute("BEGIN")
            create_table(db)
            for row in relinked(sorted(rows, key=lambda row: row.seq)):
                insert(db, row)
            db.execute("COMMIT")
    except sqlite3.Error as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise explained(error, path) from error
    part.replace(path)
    sync(path.parent)
