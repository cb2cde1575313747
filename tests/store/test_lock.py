"""One writer at a time, and the second is told who the first is."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rewardsmith.errors import RunLocked
from rewardsmith.store.lock import Lock, held_still

HOLDER = """
import sys, time
from pathlib import Path
from rewardsmith.store.lock import Lock
lock = Lock(Path(sys.argv[1]), since="2026-11-21T06:20:00Z")
print("held", flush=True)
time.sleep(60)
"""


def test_the_second_is_told_who_holds_it_and_a_kill_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said = f"process {holder.pid} on {socket.gethostname()}, since 2026-11-21T06:20:00Z"
        with pytest.raises(RunLocked, match=re.escape(said)):
            Lock(path, since="later")
        holder.send_signal(signal.SIGKILL)
    Lock(path, since="later").release()


def test_within_one_process_the_second_is_refused_as_well(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock", since="now"), pytest.raises(RunLocked, match=f"process {os.getpid()}"):
        Lock(tmp_path / "lock", since="later")


def test_a_lock_with_nothing_written_yet_is_still_a_lock(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock", since="now"):
        (tmp_path / "lock").write_text("")
        with pytest.raises(RunLocked, match="another process that has only just begun"):
            Lock(tmp_path / "lock", since="later")


def test_releasing_twice_is_no_error(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock", since="now")
    lock.release()
    lock.release()


def test_who_looks_keeps_writers_out(tmp_path: Path) -> None:
    with held_still(tmp_path / "lock", since="now"), pytest.raises(RunLocked, match=f"process {os.getpid()}"):
        Lock(tmp_path / "lock", since="later")
    Lock(tmp_path / "lock", since="later").release()


def test_a_lock_that_may_only_be_read_tells_whether_somebody_writes(
    tmp_path: Path, of_another: Callable[..., AbstractContextManager[Path]]
) -> None:
    (tmp_path / "lock").write_text('{"pid": 7, "host": "there", "since": "noon"}')
    with of_another(tmp_path) as folder:
        with held_still(folder / "lock", since="now"), held_still(folder / "lock", since="now"):
            pass
        writer = os.open(folder / "lock", os.O_RDONLY)
        fcntl.flock(writer, fcntl.LOCK_EX)
        with pytest.raises(RunLocked, match="process 7 on there, since noon"), held_still(folder / "lock", since="now"):
            pass
        os.close(writer)
