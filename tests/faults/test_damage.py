"""Files of a run that are torn or changed: told in words, with what to do, and never taken for what was recorded."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rewardsmith import cli
from rewardsmith.errors import RunError
from rewardsmith.store import Run
from rewardsmith.store.ledger import Event, Ledger, Row, relinked

RECORDED = ("candidates", "curves", "policies", "prompts", "replies", "trajectories")
TENTHS = range(10)
ABS = r"{\"op\":\"abs\""
COLUMNS = ("seq", "key", "kind", "at", "body", "link")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A run that went well, as it was left, and what is read from it."""

    folder: Path
    events: tuple[Event, ...]
    shown: str


@pytest.fixture(scope="module")
def finished(nursery: Any, rig: Any) -> Kept:
    ended = nursery.call("evolve", "task.yaml", "--seed", "3", "--plain", "--name", "finished")
    assert ended.code == 0, ended.said
    shown = nursery.call("show", "finished").said
    folder = nursery.folder / "runs" / "finished"
    with_kinds = tuple(sorted({kind for _, kind, _ in rig.rows(folder)}))
    return Kept(folder=folder, events=_events(folder, with_kinds), shown=shown)


@pytest.fixture(scope="module")
def stopped(nursery: Any, rig: Any, finished: Kept) -> Path:
    """The same run, killed while the second generation's files were written."""
    whole = nursery.call("evolve", "task.yaml", "--seed", "3", "--plain", "--name", "counted")
    ended = nursery.call("evolve", "task.yaml", "--seed", "3", "--plain", "--name", "stopped", at=whole.moments - 6)
    assert ended.code == -9, ended.said
    folder: Path = finished.folder.with_name("stopped")
    rig.rows(folder)  # closing it last moves what lies beside the ledger into it
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Path], Path]:
    """Copies a run to a folder of the test's own, called `run`; each time anew."""

    def make(folder: Path) -> Path:
        target = tmp_path / "runs" / "run"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        return target

    return make


def _events(folder: Path, kinds: tuple[str, ...]) -> tuple[Event, ...]:
    ledger = Ledger(folder / "ledger.sqlite")
    try:
        return ledger.of(*kinds)
    finally:
        ledger.close()


def _damages(content: bytes, *, flips: int) -> Iterator[tuple[str, bytes]]:
    """The content cut short at each tenth, and with single bits flipped, evenly spread; with words on each."""
    for tenth in TENTHS:
        if (cut := len(content) * tenth // 10) < len(content):
            yield f"cut to {cut} bytes", content[:cut]
    for i in range(min(flips, len(content))):
        at = i * (len(content) - 1) // max(1, flips - 1)
        yield f"bit {i % 8} of byte {at}", bytes([*content[:at], content[at] ^ 1 << i % 8, *content[at + 1 :]])


# --- artefacts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", RECORDED)
def test_a_damaged_artefact_is_named_and_the_rest_of_the_run_still_shows(
    finished: Kept, copy: Callable[[Path], Path], capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    run = copy(finished.folder)
    with Run.open(run, write=False) as opened:
        for file in sorted((run / kind).iterdir()):
            whole = file.read_bytes()
            for what, damaged in _damages(whole, flips=3):
                file.write_bytes(damaged)
                [line] = opened.damaged()
                assert f"{kind}/{file.name}" in line, what
            file.unlink()
            assert len(opened.damaged()) == 1
            file.write_bytes(whole)
        assert opened.damaged() == ()
    file.write_bytes(b"")
    assert cli.run(["show", str(run)]) == 0
    out = capsys.readouterr().out
    assert out.partition("\n")[2] == finished.shown.partition("\n")[2]


# --- the ledger -------------------------------------------------------------------------------------------------------


def _read_or_refused(run: Path, finished: Kept, what: str, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether a damaged ledger was refused; one that was not must hold what it held, to the letter."""
    code = cli.run(["show", str(run)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err, f"{what}: {err}"
    if code != 0:
        assert code == 3, f"{what}: {err}"
        assert err.startswith("error: "), what
        assert len(err.splitlines()) == 1, err
        assert err.rstrip().endswith((".", "`")), err
        return True
    assert out.partition("\n")[2] == finished.shown.partition("\n")[2], what
    assert _events(run, tuple(sorted({event.kind for event in finished.events}))) == finished.events, what
    return False


def _repair(run: Path, finished: Kept, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A refused ledger is found out and repaired, after which the run holds all that it held."""
    assert [cli.run(["fsck", str(run), *more]) for more in ((), ("--repair",), ())] == [3, 0, 0], what
    assert "Traceback" not in capsys.readouterr().err, what
    kinds = tuple(sorted({event.kind for event in finished.events}))
    assert [(e.key, e.body) for e in _events(run, kinds)] == [(e.key, e.body) for e in finished.events], what


def _try_ledgers(
    finished: Kept, copy: Callable[[Path], Path], capsys: pytest.CaptureFixture[str], *, flips: int
) -> None:
    whole = (finished.folder / "ledger.sqlite").read_bytes()
    refused = 0
    for what, damaged in _damages(whole, flips=flips):
        run = copy(finished.folder)
        (run / "ledger.sqlite").write_bytes(damaged)
        if _read_or_refused(run, finished, what, capsys):
            refused += 1
            _repair(run, finished, what, capsys)
    assert refused >= flips // 4  # pages have room that holds nothing


def test_a_damaged_ledger_is_read_as_it_was_or_refused(
    finished: Kept, copy: Callable[[Path], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _try_ledgers(finished, copy, capsys, flips=40)


@pytest.mark.slow
def test_a_ledger_damaged_at_any_place_is_read_as_it_was_or_refused(
    finished: Kept, copy: Callable[[Path], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _try_ledgers(finished, copy, capsys, flips=1000)


# --- going on with a damaged run --------------------------------------------------------------------------------------

DAMAGES = {
    "a torn ledger": ("ledger.sqlite", 3, 4),
    "an empty ledger": ("ledger.sqlite", 0, 1),
    "a torn trajectory": ("trajectories/g001-00.safetensors", 1, 2),
    "a torn opening": ("trajectories/start.safetensors", 1, 2),
    "a torn policy": ("policies/g001-01.safetensors", 1, 2),
    "a torn page": ("candidates/g001-00.py", 1, 2),
    "a torn prompt": ("prompts/g001-00.md", 1, 2),
    "a torn reply": ("replies/g001-00.md", 1, 2),
    "a torn best": ("best/reward.py", 1, 2),
    "torn settings": ("config.yaml", 1, 2),
}
FEW = ("a torn ledger", "a torn trajectory", "a torn best")


def _repaired(nursery: Any, rig: Any, finished: Kept, stopped: Path, name: str, what: str) -> None:
    """A damaged run is told apart and refused, then repaired, and ends as the run to which nothing happened."""
    file, part, of = DAMAGES[what]
    run = nursery.folder / "runs" / name
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(stopped, run)
    whole = (run / file).read_bytes()
    (run / file).write_bytes(whole[: len(whole) * part // of])
    for words in (("resume", name), ("fsck", name)):
        ended = nursery.call(*words)
        assert ended.code == 3, f"{words}: {ended.said}"
        assert "Traceback" not in ended.said
        assert file in ended.said
        assert f"rewardsmith fsck runs/{name}" in ended.said
    repaired = nursery.call("fsck", name, "--repair")
    assert repaired.code == 0, repaired.said
    assert nursery.call("fsck", name).code == 0
    ended = nursery.call("resume", name)
    assert ended.code == 0, ended.said
    assert rig.log(run) == rig.log(finished.folder)
    gone = {file} if file.startswith("policies/") else set()  # it is nobody's parent: set aside for good
    assert rig.files(run) == {name: sha for name, sha in rig.files(finished.folder).items() if name not in gone}


@pytest.mark.parametrize("what", FEW)
def test_a_damaged_run_is_repaired_and_ends_as_the_whole_one(
    nursery: Any, rig: Any, finished: Kept, stopped: Path, what: str
) -> None:
    _repaired(nursery, rig, finished, stopped, "torn", what)


@pytest.mark.slow
@pytest.mark.parametrize("what", [what for what in DAMAGES if what not in FEW])
def test_a_run_with_any_damage_is_repaired_and_ends_as_the_whole_one(
    nursery: Any, rig: Any, finished: Kept, stopped: Path, what: str
) -> None:
    _repaired(nursery, rig, finished, stopped, "torn-too", what)


# --- a run that somebody has changed ----------------------------------------------------------------------------------


def test_a_doctored_graph_is_not_run_though_its_links_are_right(finished: Kept, copy: Callable[[Path], Path]) -> None:
    """Whoever writes events can write links; what a graph may do is checked when it is read."""
    run = copy(finished.folder)
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db:
        body = db.execute("SELECT body FROM events WHERE key = 'generation:1'").fetchone()[0]
        assert ABS in body
        db.execute(
            "UPDATE events SET body = ? WHERE key = 'generation:1'", (body.replace(ABS, ABS.replace("abs", "save")),)
        )
        found = [
            Row(**dict(zip(COLUMNS, columns, strict=True)))
            for columns in db.execute("SELECT seq, key, kind, at, body, link FROM events")
        ]
        for row in relinked(found):
            db.execute("UPDATE events SET link = ? WHERE seq = ?", (row.link, row.seq))
        db.commit()
    with Run.open(run, write=False) as opened, pytest.raises(RunError, match=r"A traced reward .* may not run"):
        opened.history()
