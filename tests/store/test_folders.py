"""A person names a run by as little as tells it from the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from rewardsmith.errors import RunError
from rewardsmith.store import Run, claim_folder, fsck, list_runs, new_folder, resolve

NAMES = ("20261120-090000-hopper_hop", "20261121-062000-hopper_hop", "20261121-070000-reacher_reach")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in reversed(NAMES):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "ledger.sqlite").touch()
    (tmp_path / "runs" / "not-a-run").mkdir()
    return tmp_path / "runs"


def test_a_new_folder_has_the_utc_time_and_never_exists_yet(tmp_path: Path) -> None:
    berlin = timezone(timedelta(hours=1))
    at = datetime(2026, 11, 21, 7, 20, tzinfo=berlin)
    first = new_folder(tmp_path, "hopper_hop", now=at)
    assert first.name == "20261121-062000-hopper_hop"
    first.mkdir()
    assert new_folder(tmp_path, "hopper_hop", now=at).name == "20261121-062000-hopper_hop-2"


def test_folders_claimed_at_the_same_time_are_different_ones(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        claimed = list(threads.map(lambda _: claim_folder(tmp_path / "runs", "t"), range(8)))
    assert len(set(claimed)) == 8
    assert all(folder.is_dir() for folder in claimed)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="Choose another"):
        claim_folder(tmp_path / "file", "t")


def test_a_task_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    folder = new_folder(tmp_path, "../../etc/a b", now=datetime(2026, 1, 2, tzinfo=UTC))
    assert folder == tmp_path / "20260102-000000-.._.._etc_a_b"


def test_runs_are_listed_oldest_first(runs: Path) -> None:
    assert tuple(f.name for f in list_runs(runs)) == NAMES
    assert list_runs(runs / "nowhere") == ()


@pytest.mark.parametrize(("at", "place"), [((2026, 11, 21, 6, 30), 2), ((2026, 11, 22), 3), ((2020, 1, 1), 0)])
def test_a_run_that_a_person_named_has_its_place_by_when_it_began(runs: Path, at: tuple[int, ...], place: int) -> None:
    (runs / "small").mkdir()
    (runs / "small" / "run.json").touch()
    began = datetime(*at, tzinfo=UTC).timestamp()  # type: ignore[misc]
    os.utime(runs / "small" / "run.json", (began, began))
    (runs / "small" / "ledger.sqlite").touch()  # written ever since
    assert [f.name for f in list_runs(runs)].index("small") == place


@pytest.mark.parametrize(
    ("text", "name"),
    [("latest", NAMES[2]), (NAMES[0], NAMES[0]), ("20261120", NAMES[0]), ("20261121-07", NAMES[2])],
)
def test_a_name_its_beginning_or_latest_is_enough(runs: Path, text: str, name: str) -> None:
    assert resolve(text, runs) == runs / name


def test_a_path_is_taken_as_it_is(runs: Path) -> None:
    assert resolve(str(runs / NAMES[0]), Path("elsewhere")) == runs / NAMES[0]


def test_a_whole_name_wins_over_a_longer_one(runs: Path) -> None:
    (runs / f"{NAMES[0]}-2").mkdir()
    (runs / f"{NAMES[0]}-2" / "ledger.sqlite").touch()
    assert resolve(NAMES[0], runs) == runs / NAMES[0]


def test_a_beginning_of_several_lists_them(runs: Path) -> None:
    with pytest.raises(RunError, match=f"'20261121' begins 2 runs in .*: {NAMES[1]}, {NAMES[2]}. Write more"):
        resolve("20261121", runs)


def test_an_unknown_name_lists_the_nearest(runs: Path) -> None:
    with pytest.raises(RunError, match=f"no run called '20261121-062001-hopper_hop' in .*Nearest: .*{NAMES[1]}"):
        resolve("20261121-062001-hopper_hop", runs)


def test_an_empty_folder_of_runs_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds none. Begin one with `rewardsmith evolve`"):
        resolve("latest", tmp_path / "runs")


def test_a_run_that_may_not_be_looked_into_is_none_and_hides_no_other(
    runs: Path, of_another: Callable[..., AbstractContextManager[Path]]
) -> None:
    with of_another(runs, closed=NAMES[2]) as theirs:
        assert tuple(f.name for f in list_runs(theirs)) == NAMES[:2]
        assert resolve("latest", theirs) == theirs / NAMES[1]
        with pytest.raises(RunError, match="no run called"):
            resolve(str(theirs / NAMES[2]), theirs)
        with pytest.raises(RunError, match="holds no run"):
            Run.open(theirs / NAMES[2], write=False)
        with pytest.raises(RunError, match="holds no run"):
            fsck.check(theirs / NAMES[2])


def test_runs_that_may_not_be_listed_are_one_clear_error(
    runs: Path, of_another: Callable[..., AbstractContextManager[Path]]
) -> None:
    with of_another(runs.parent, closed="runs") as theirs, pytest.raises(RunError, match="Permission denied"):
        list_runs(theirs / "runs")


def test_a_run_that_is_deleted_while_runs_are_listed_is_no_error(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (runs / NAMES[0]).rename(runs / "small")
    is_file = Path.is_file

    def then_deleted(path: Path) -> bool:
        found = is_file(path)
        if path == runs / "small" / "ledger.sqlite":
            path.parent.rename(runs.parent / "gone")
        return found

    monkeypatch.setattr(Path, "is_file", then_deleted)
    assert resolve("latest", runs) == runs / NAMES[2]
