"""A process that imports everything once and then forks a child for each `rewardsmith` command it is asked for.

So a kill and a resume take about a second. A child counts its moments: each is the instant before a file takes its
name or the ledger commits, so what is on the disk just after one moment is what the next one finds. At the moment that
was asked for the child sends itself the signal, or finds the disk full from then on. It also counts the events whose
commit has returned: those are acknowledged. Nothing of the package is replaced but the sandbox (`trusting.py`).

A script; `rig.py` talks to it.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import resource
import signal
import sqlite3
import struct
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

PATIENCE_S = 120.0
HUNG = 99


def main(folder: Path) -> None:
    """Serve until the client hangs up. A child that hangs is killed after PATIENCE_S, and says so by its code."""
    os.chdir(folder)
    _import_everything()
    stopped: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if "kill" in asked:
            answer = _reap(asked["kill"])
            stopped.discard(asked["kill"])
        else:
            answer = _serve(asked)
            stopped |= {answer["stopped"]} if "stopped" in answer else set()
        print(json.dumps(answer), flush=True)
    for pid in stopped:
        _reap(pid)


def _import_everything() -> None:
    """All that a child would import by itself; nothing is computed, as torch's threads do not survive a fork."""
    import torch
    import trusting  # noqa: F401

    import rewardsmith.cli
    import rewardsmith.commands.evolve
    import rewardsmith.commands.runs
    import rewardsmith.plan
    import rewardsmith.propose.llm
    import rewardsmith.session
    import rewardsmith.sim.point  # noqa: F401

    torch.set_num_threads(1)


def _serve(asked: Mapping[str, Any]) -> dict[str, Any]:
    counts = Counts()
    started = time.monotonic()
    reading, writing = os.pipe()  # no file: those have no room where the disk is full
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 2**20)
    child = os.fork()
    if child == 0:
        _be_the_child(asked, counts, writing)
    os.close(writing)
    status = _see_to_its_end(child, asked["signals"], started)
    with os.fdopen(reading, "rb", buffering=0) as said:
        if status is None:
            return {"stopped": child}
        os.set_blocking(reading, False)
        words = said.read() or b""
    return {
        "said": words.decode("utf-8", "replace"),
        "code": os.waitstatus_to_exitcode(status),
        "moments": counts.moments,
        "acknowledged": counts.acknowledged,
        "seconds": time.monotonic() - started,
    }


class Counts:
    """Two numbers in memory that parent and child share, so that they outlive a kill."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 16)

    @property
    def moments(self) -> int:
        return self._get(0)

    @property
    def acknowledged(self) -> int:
        return self._get(8)

    def moment(self) -> int:
        return self._add(0, 1)

    def acknowledge(self, events: int) -> None:
        self._add(8, events)

    def _get(self, offset: int) -> int:
        return int(struct.unpack_from("Q", self._shared, offset)[0])

    def _add(self, offset: int, more: int) -> int:
        total = self._get(offset) + more
        struct.pack_into("Q", self._shared, offset, total)
        return total


def _see_to_its_end(child: int, signals: Sequence[tuple[float, int]], started: float) -> int | None:
    """The child's status; None where it stopped itself."""
    due = [*signals, (PATIENCE_S, int(signal.SIGABRT))]
    while True:
        done, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if done:
            return None if os.WIFSTOPPED(status) else status
        while due and time.monotonic() - started >= due[0][0]:
            os.kill(child, due.pop(0)[1])
        time.sleep(0.001)


def _reap(pid: int) -> dict[str, Any]:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return {"killed": os.waitstatus_to_exitcode(status)}


def _be_the_child(asked: Mapping[str, Any], counts: Counts, said: int) -> NoReturn:
    """Run the command as the shell would, and end with its exit code."""
    from trusting import Trusting

    import rewardsmith.sandbox
    from rewardsmith import cli

    nothing = os.open(os.devnull, os.O_RDONLY)
    for mine, standard in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(mine, standard)
    os.environ.update(asked["env"])
    signal.signal(signal.SIGABRT, _dump)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    rewardsmith.sandbox.ProcessSandbox = lambda _: Trusting(Path("verdicts.jsonl"))  # type: ignore[assignment, misc]
    _count(counts, at=asked["at"], send=asked["send"], full_at=asked["full_at"])
    code = cli.run(asked["words"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _dump(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's shape
    traceback.print_stack(frame)
    os._exit(HUNG)


def _count(counts: Counts, *, at: int | None, send: int, full_at: int | None) -> None:
    """Count moments and what is acknowledged; send ourselves the signal at one moment, have no more room at another."""

    def moment() -> None:
        now = counts.moment()
        if now == at:
            os.kill(os.getpid(), send)  # SIGKILL leaves no time for anything more
        if now == full_at:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    class Watched(sqlite3.Connection):
        inserted = 0

        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "BEGIN IMMEDIATE":
                self.inserted = 0
            if statement == "COMMIT":
                moment()
            done = super().execute(statement, *values)
            self.inserted += statement.startswith("INSERT")
            if statement == "COMMIT":
                counts.acknowledge(self.inserted)
            return done

    def renamed(event: str, _: tuple[object, ...]) -> None:
        if event == "os.rename":
            moment()

    plain = sqlite3.connect
    sqlite3.connect = lambda *args, **options: plain(*args, factory=Watched, **options)  # type: ignore[assignment]
    sys.addaudithook(renamed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
