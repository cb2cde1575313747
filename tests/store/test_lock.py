"""One writer at a time, and the second is told who the first is."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rewardsmith.errors import RunLocked
from rewardsmith.store.lock import Lock

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
