"""Room is asked for before it is needed, and a write that finds none says so and harms nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rewardsmith.errors import DiskFull
from rewardsmith.store import Run
from rewardsmith.store.room import MIB, need_room, size_mib


def test_a_disk_with_less_than_asked_for_is_refused_in_words(tmp_path: Path) -> None:
    run = tmp_path / "my run"
    run.mkdir()
    need_room(run, least_mib=0)
    told = r"has \d+ MiB left, and limits\.free_mib asks for 10{9}\. Nothing is lost.*`rewardsmith resume '.*/my run'`"
    with pytest.raises(DiskFull, match=told):
        need_room(run, least_mib=10**9)


def test_a_folder_weighs_what_its_files_hold(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * MIB)
    (tmp_path / "c").write_bytes(b"x" * (MIB // 2))
    assert size_mib(tmp_path) == 1.5


def test_a_run_asks_for_the_room_its_limits_say(run: Run) -> None:
    run.need_room()
    limits = run.settings.limits.model_copy(update={"free_mib": 10**9})
    run.change(run.settings.model_copy(update={"limits": limits}))
    with pytest.raises(DiskFull):
        run.need_room()
    with pytest.raises(DiskFull):
        run.checkpoints.load("0" * 64)


# Adds the generations of SOURCE to TARGET where no file may grow past so many bytes, more each time, until it fits.
CRAMPED = """
import os, resource, sys
from pathlib import Path
from rewardsmith.errors import DiskFull, RunError
from rewardsmith.store import Run

source, target = Run.open(Path(sys.argv[1]), write=False), Path(sys.argv[2])
generations = source.history()
Run.create(target, task=source.task, config=source.config, task_text="name: cheetah_run\\n",
           allowed=source.start.allowed).close()

def add(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        with Run.open(target, write=True) as run:
            for generation in generations[len(run.history()):]:
                run.add_generation(generation)
    except DiskFull as error:
        os._exit(error.exit_code)
    except RunError:
        os._exit(1)
    os._exit(0)

for limit in [*range(64, 1024, 192), *range(1024, 60_000, 4000), 2**24]:
    child = os.fork()
    if child == 0:
        add(limit)
    status = os.waitpid(child, 0)[1]
    with Run.open(target, write=False) as reader:
        assert reader.damaged() == (), reader.damaged()
    print(os.WEXITSTATUS(status), flush=True)
    if os.WEXITSTATUS(status) == 0:
        break
"""


def test_a_full_disk_at_any_write_is_told_by_its_own_exit_code_and_loses_nothing(
    run: Run, generations: tuple[object, ...], tmp_path: Path
) -> None:
    for generation in generations:
        run.add_generation(generation)  # type: ignore[arg-type]
    done = subprocess.run(
        [sys.executable, "-c", CRAMPED, str(run.folder), str(tmp_path / "cramped")],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *full, last = done.stdout.split()
    assert last == "0"
    assert len(full) >= 3
    assert set(full) == {str(DiskFull.exit_code)}, done.stdout
    with Run.open(tmp_path / "cramped", write=False) as reader:
        assert len(reader.history()) == len(generations)
