"""`rewardsmith fsck`: what a person is told, and how a script can tell sound runs from damaged ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith import cli, taskfile
from rewardsmith.assemble import Extras, begin
from rewardsmith.config import EvolveConfig


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with begin(tmp_path / "my runs" / "mine", taskfile.load("reacher_reach"), EvolveConfig(), Extras()) as begun:
        begun.end("interrupted")
        return begun.folder


def _fsck(run: Path, *words: str) -> int:
    return cli.run(["fsck", run.name, "--runs", str(run.parent), *words])


def test_a_sound_run_ends_with_0(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _fsck(run) == 0
    assert "all is as it was recorded" in capsys.readouterr().out


def test_a_damaged_run_ends_with_3_is_not_resumed_and_ends_with_0_once_repaired(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_written = (run / "extras.json").read_bytes()
    (run / "extras.json").write_text("{}")
    assert _fsck(run) == 3
    out = capsys.readouterr().out
    assert "extras.json is damaged" in out
    assert "written anew from what else is kept" in out
    assert f"`rewardsmith fsck '{run}' --repair` does what stands under each; nothing is deleted." in out
    assert (run / "extras.json").read_text() == "{}"
    assert cli.run(["resume", run.name, "--runs", str(run.parent)]) == 3
    assert f"`rewardsmith fsck '{run}'` says what is damaged" in capsys.readouterr().err
    assert _fsck(run, "--repair") == 0
    assert "What was taken out lies in" in capsys.readouterr().out
    assert _fsck(run) == 0
    assert (run / "extras.json").read_bytes() == as_written


def test_a_run_whose_ledger_is_gone_is_found_by_its_backup(run: Path) -> None:
    (run / "ledger.sqlite").unlink()
    assert _fsck(run) == 3
    assert _fsck(run, "--repair") == 0
    assert cli.run(["show", str(run)]) == 0


def test_no_run_is_told_as_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["fsck", "--runs", str(tmp_path)]) == 3
    assert "There is no run called 'latest'" in capsys.readouterr().err
