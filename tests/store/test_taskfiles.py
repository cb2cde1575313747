"""A run has its task's own files with it, laid out as they were, and fsck knows where they came from."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rewardsmith.config import EvolveConfig
from rewardsmith.errors import RunError
from rewardsmith.graph import allowed_inputs
from rewardsmith.store import Run, fsck
from rewardsmith.store.taskfiles import gathered, in_run
from rewardsmith.types import Task

MESH = "task/shared/box.obj"


@pytest.fixture
def mine(tmp_path: Path, task: Task) -> Task:
    """A task in `mine/hop/` whose model lies beside it and whose mesh lies above."""
    folder = tmp_path / "mine" / "hop"
    folder.mkdir(parents=True)
    (folder.parent / "shared").mkdir()
    (folder / "hop.yaml").write_text("name: hop\n")
    (folder / "robot.xml").write_text("<mujoco/>")
    (folder.parent / "shared" / "box.obj").write_text("v 0 0 0")
    return replace(task, path=str(folder / "hop.yaml"))


@pytest.fixture
def begun(tmp_path: Path, mine: Task) -> Run:
    here = Path(mine.path).parent
    files = [here / "robot.xml", here.parent / "shared" / "box.obj"]
    run = Run.create(
        tmp_path / "run", task=mine, config=EvolveConfig(), task_text="", allowed=allowed_inputs(mine), task_files=files
    )
    run.end("interrupted")
    run.close()
    return run


def test_a_run_is_of_the_files_as_they_were_when_it_began(begun: Run, mine: Task) -> None:
    shutil.rmtree(Path(mine.path).parent.parent)
    with Run.open(begun.folder, write=False) as run:
        here = Path(run.task.path)
        assert here == run.folder / "task" / "hop" / "hop.yaml"
        assert here.read_text() == "name: hop\n"
        assert (here.parent / "robot.xml").read_text() == "<mujoco/>"
        assert (here.parent / ".." / "shared" / "box.obj").read_text() == "v 0 0 0"
        assert replace(run.task, path="") == replace(mine, path="")


def test_a_run_that_is_moved_takes_its_files_along(begun: Run, tmp_path: Path) -> None:
    moved = begun.folder.rename(tmp_path / "elsewhere")
    with Run.open(moved, write=False) as run:
        assert Path(run.task.path).is_file()
        assert run.folder in Path(run.task.path).parents
    assert fsck.check(moved).faults == ()


def test_a_task_without_files_of_its_own_stays_where_it_is(run: Run, task: Task) -> None:
    assert run.task == task
    assert not (run.folder / "task").exists()
    assert in_run(task, gathered(task, ()).place, run.folder) == task


def test_a_damaged_copy_is_copied_again_from_the_original(begun: Run) -> None:
    (begun.folder / MESH).write_text("v 9 9 9")
    [fault] = fsck.check(begun.folder).faults
    assert "box.obj" in fault.what
    assert "anew" in fault.cure
    fsck.repair(begun.folder)
    assert (begun.folder / MESH).read_text() == "v 0 0 0"
    assert fsck.check(begun.folder).faults == ()


def test_a_copy_whose_original_was_changed_is_asked_for(begun: Run, mine: Task) -> None:
    """The run's first event is not given up for it, and the run stays damaged until somebody puts the file back."""
    (begun.folder / MESH).write_text("v 9 9 9")
    (Path(mine.path).parent.parent / "shared" / "box.obj").write_text("v 1 1 1")
    assert "put back a good copy" in fsck.repair(begun.folder).faults[0].cure
    assert fsck.check(begun.folder).faults
    with Run.open(begun.folder, write=False) as run:
        assert [line for line in run.damaged() if "box.obj" in line]
    (begun.folder / MESH).write_text("v 0 0 0")
    assert fsck.check(begun.folder).faults == ()


def test_a_file_that_cannot_be_read_begins_no_run(tmp_path: Path, mine: Task) -> None:
    with pytest.raises(RunError, match=r"gone\.obj cannot be read"):
        Run.create(
            tmp_path / "none", task=mine, config=EvolveConfig(), task_text="", allowed={},
            task_files=[Path(mine.path).parent / "gone.obj"],
        )  # fmt: skip
    assert not (tmp_path / "none").exists()
