"""How long the worker lets a job go on, where waiting for a busy processor is not the job's own time; and what it says
of how a job ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rewardsmith.sandbox import zygote

BUSY = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"

schedstat = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not tell")


@schedstat
def test_a_process_that_shares_its_processor_is_seen_to_wait() -> None:
    processor = str(min(os.sched_getaffinity(0)))
    busy = [subprocess.Popen([sys.executable, "-c", BUSY, processor]) for _ in range(3)]
    try:
        deadline = time.monotonic() + 30.0
        while zygote._waited(busy[0].pid) < 0.3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert zygote._waited(busy[0].pid) >= 0.3
    finally:
        for process in busy:
            process.kill()
            process.wait()


@schedstat
def test_a_process_that_sleeps_does_not_wait() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as asleep:
        try:
            time.sleep(0.5)
            before = zygote._waited(asleep.pid)
            time.sleep(1.0)
            assert zygote._waited(asleep.pid) - before < 0.5
        finally:
            asleep.kill()


def test_of_a_process_that_is_not_there_nothing_is_known() -> None:
    assert zygote._waited(2**22 + 1) == 0.0


def test_an_answer_is_read_while_seconds_are_added_and_not_beyond() -> None:
    reading, writing = os.pipe()
    started = time.monotonic()
    allowed = iter([0.01, 0.01, 0.01, 0.01])
    said = zygote._read_capped(reading, lambda: next(allowed, 0.0))
    assert said is None
    assert time.monotonic() - started >= 0.04
    os.write(writing, b"late")
    os.close(writing)
    assert zygote._read_capped(reading, lambda: 5.0) == b"late"
    os.close(reading)


ENDINGS = """
import json, os
from rewardsmith.sandbox import jail, zygote

def fails(*_, **__):
    raise OSError

def stays(*_):
    while True:
        pass

jobs = {"answers": lambda *_: {"x": 1}, "leaves": lambda *_: os._exit(77), "stays": stays}
server = zygote._Server(1, jobs, locked=False)
enter = jail.enter
for name in (*jobs, "fails"):
    jail.enter = fails if name == "fails" else enter
    ended, said = server._in_a_child({"job": name, "seconds": 0.5 if name == "stays" else 20.0, "memory_mib": 256})
    print(json.dumps([name, ended["exit"], ended["locked"], said.decode()]))
"""


def test_a_child_that_could_not_be_locked_in_is_told_from_one_that_says_so() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDINGS], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True
    )
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [
        ["answers", 0, True, '{"x": 1}'],
        ["leaves", 77, True, ""],
        ["stays", -9, True, ""],
        ["fails", 77, False, ""],
    ]
