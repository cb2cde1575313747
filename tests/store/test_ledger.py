"""What `append` returned stays, whatever happens afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from rewardsmith.errors import RunError
from rewardsmith.store.ledger import SCHEMA, Ledger, copied

# Ten times: a child appends events and prints the number of each once it is acknowledged, until it is killed at a
# random moment. Each line says what was acknowledged last and how many events the ledger then holds, if in order.
KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from rewardsmith.store.ledger import Ledger

def write(out, number):
    ledger = Ledger(Path(sys.argv[1]))
    while True:
        ledger.append(f"step:{number}", "step", {"number": number, "padding": "x" * 500})
        os.write(out, b"%d\\n" % number)
        number += 1

draw, held = random.Random(0), 0
for _ in range(10):
    heard, out = os.pipe()
    child = os.fork()
    if child == 0:
        write(out, held)
    os.close(out)
    first = os.read(heard, 20)
    time.sleep(draw.uniform(0.0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(heard, "rb") as rest:
        printed = (first + rest.read()).split()
    ledger = Ledger(Path(sys.argv[1]))
    numbers = [event.body["number"] for event in ledger.of("step")]
    ledger.close()
    assert numbers == list(range(len(numbers)))
    held = len(numbers)
    print(int(printed[-1]), held)
"""

# Appends events on a disk that is full after 200 kB; says how it ended.
CRAMPED = """
import resource, sys
from pathlib import Path
from rewardsmith.errors import RunError
from rewardsmith.store.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    for number in range(100_000):
        ledger.append(f"step:{number}", "step", {"number": number, "padding": "x" * 500})
        print(number, flush=True)
except RunError as error:
    print(error, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Ledger(tmp_path / "ledger.sqlite", create=True).close()
    return tmp_path / "ledger.sqlite"


def test_events_are_numbered_in_order_and_read_back(path: Path) -> None:
    ledger = Ledger(path, now=lambda: "2026-11-21T06:20:00.000000Z")
    ledger.append("b", "letter", {"n": 1})
    ledger.append("a", "letter", [1.5, None, "ü"])
    assert [(e.seq, e.key, e.body) for e in ledger.of("letter")] == [(1, "b", {"n": 1}), (2, "a", [1.5, None, "ü"])]
    assert ledger.get("a") == ledger.of("letter")[1]
    assert ledger.get("c") is None
    assert ledger.of("number") == ()


def test_the_same_event_again_changes_nothing(path: Path) -> None:
    ledger = Ledger(path)
    first = ledger.append("k", "kind", {"a": 1, "b": 2})
    assert ledger.append("k", "kind", {"b": 2, "a": 1}) == first
    assert len(ledger.of("kind")) == 1


def test_another_body_under_a_known_key_is_an_error_and_changes_nothing(path: Path) -> None:
    ledger = Ledger(path)
    first = ledger.append("k", "kind", {"a": 1})
    with pytest.raises(RunError, match=r"already holds 'k', recorded at .* with other content"):
        ledger.append("k", "kind", {"a": 2})
    assert ledger.of("kind") == (first,)


def test_a_number_that_a_repair_took_away_is_not_given_again(path: Path) -> None:
    ledger = Ledger(path)
    for word in ("one", "two", "three"):
        ledger.append_next("people", word)
    ledger.append_next("people_of_another_kind", "one")
    ledger._db.execute("DELETE FROM events WHERE key = 'people:2'")
    assert ledger.append_next("people", "four").key == "people:4"


def test_append_once_keeps_the_first_answer(path: Path) -> None:
    ledger = Ledger(path)
    assert ledger.append_once("k", "kind", lambda: 1).body == 1
    assert ledger.append_once("k", "kind", lambda: 2).body == 1


def test_a_failure_inside_a_transaction_records_nothing(path: Path) -> None:
    ledger = Ledger(path)
    with pytest.raises(ZeroDivisionError):
        ledger.append_once("k", "kind", lambda: 1 // 0)
    assert ledger.append("k", "kind", 3).seq == 1


def test_numbers_of_a_kind_are_dense_when_threads_and_ledgers_compete(path: Path) -> None:
    def add(ledger: Ledger) -> None:
        for _ in range(10):
            ledger.append_next("people", "hello")

    shared, other = Ledger(path), Ledger(path)
    threads = [threading.Thread(target=add, args=(ledger,)) for ledger in (shared, shared, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [e.key for e in shared.of("people")] == [f"people:{n}" for n in range(1, 31)]


def test_nothing_acknowledged_is_lost_over_ten_kills(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rounds = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(rounds) == 10
    assert all(held >= acknowledged + 1 for acknowledged, held in rounds)
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_full_disk_is_said_in_words_and_loses_nothing(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRAMPED, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    *printed, message = done.stdout.splitlines()
    assert "Free some space on its disk and resume" in message
    assert len(printed) > 10
    ledger = Ledger(path)
    assert [event.key for event in ledger.of("step")][: len(printed)] == [f"step:{number}" for number in printed]
    ledger.append("afterwards", "step", None)


def _change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement, values)
        db.commit()


@pytest.mark.parametrize("column", ["key", "kind", "at", "body", "link"])
def test_an_event_that_changed_on_disk_is_named_when_it_is_read(path: Path, column: str) -> None:
    with closing(Ledger(path)) as ledger:
        for number in range(3):
            ledger.append(f"step:{number}", "step", number)
    _change(path, f"UPDATE events SET {column} = 'other' WHERE seq = 2")
    with closing(Ledger(path)) as ledger:
        with pytest.raises(RunError, match=r"event 2 .* is not what was recorded"):
            ledger.verify()
        with pytest.raises(RunError, match="is not what was recorded"):
            ledger.of("step", "other")
        with pytest.raises(RunError, match="is not what was recorded"):
            ledger.get("other" if column == "key" else "step:1")


def test_an_event_taken_from_the_middle_is_found_out(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        for number in range(3):
            ledger.append(f"step:{number}", "step", number)
    _change(path, "DELETE FROM events WHERE seq = 2")
    with closing(Ledger(path)) as ledger, pytest.raises(RunError, match=r"event 3 \('step:2'\) is not what"):
        ledger.of("step")


SCHEMA_1 = """
CREATE TABLE events(
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL
) STRICT
"""


def test_a_ledger_of_the_first_version_is_brought_up_to_date_with_all_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute(SCHEMA_1)
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO events VALUES (1, 'a', 'letter', 'then', '{\"n\":1}'), (2, 'b', 'letter', 'then', '2')")
        db.commit()
    for _ in range(2):
        with closing(Ledger(path)) as ledger:
            assert [(e.seq, e.key, e.body, e.at) for e in ledger.of("letter")] == [
                (1, "a", {"n": 1}, "then"),
                (2, "b", 2, "then"),
            ]
    with closing(Ledger(path)) as ledger:
        assert ledger.append("c", "letter", 3).seq == 3
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA,)


def test_a_backup_is_the_ledger_at_that_time(path: Path, tmp_path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        ledger.append("a", "letter", 1)
        for _ in range(2):
            ledger.back_up(tmp_path / "copy.sqlite")
        ledger.append("b", "letter", 2)
    with closing(Ledger(tmp_path / "copy.sqlite")) as copy:
        assert [e.key for e in copy.of("letter")] == ["a"]
    assert not list(tmp_path.glob(".*"))


def test_a_ledger_of_a_newer_version_is_refused(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    db.close()
    with pytest.raises(RunError, match=rf"newer rewardsmith \(ledger schema {SCHEMA + 1}; this one reads up to"):
        Ledger(path)


def test_what_is_not_a_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, and long enough to be told from an empty file" * 20)
    with pytest.raises(RunError, match=r"file is not a database. The file is damaged. `rewardsmith fsck"):
        Ledger(tmp_path / "text")
    (tmp_path / "empty").touch()
    with pytest.raises(RunError, match="its empty is empty"):
        Ledger(tmp_path / "empty")
    with pytest.raises(RunError, match="holds no run: there is no missing in it"):
        Ledger(tmp_path / "missing")


def test_a_ledger_of_the_first_version_that_may_only_be_read_is_read(
    path: Path, of_another: Callable[..., AbstractContextManager[Path]]
) -> None:
    with closing(Ledger(path)) as ledger:
        ledger.append("a", "letter", 1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE events DROP COLUMN link")
        db.execute("PRAGMA user_version = 1")
    with of_another(path.parent) as folder, closing(Ledger(folder / path.name)) as ledger:
        ledger.verify()
        assert [event.key for event in ledger.of("letter")] == ["a"]


def test_a_copy_lacks_nothing_that_moves_into_the_ledger_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer empties what lies beside the ledger after the ledger itself was copied, and before that was."""
    copyfile = shutil.copyfile
    with closing(Ledger(path)) as writer, closing(sqlite3.connect(path)) as mover:
        writer.append("a", "letter", 1)
        os.utime(path, (0, 0))

        def late(source: Path, target: Path) -> None:
            if source.name.endswith("-wal"):
                mover.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            copyfile(source, target)

        monkeypatch.setattr(shutil, "copyfile", late)
        with copied(path) as copy:
            assert copy.execute("SELECT key FROM events").fetchall() == [("a",)]
