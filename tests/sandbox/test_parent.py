"""Tests of `sandbox.parent`: one candidate's end is never another's, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rewardsmith.errors import SandboxUnavailable
from rewardsmith.sandbox import ProcessSandbox, parent
from rewardsmith.types import Rejected

SIGNALS = {"speed": (), "hand": (3,)}
FINE = "def compute_reward(speed):\n    return speed * 2.0, {}"
ENDLESS = "def compute_reward(speed):\n    while True:\n        pass\n    return speed, {}"


@dataclass(frozen=True)
class Settings:
    timeout_s: float = 3.0
    memory_mib: int = 512


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    with ProcessSandbox(Settings()) as started:
        started.trace([FINE], signals=SIGNALS)
        yield started


def _zygote(sandbox: ProcessSandbox) -> int:
    assert sandbox._worker
    return sandbox._worker._process.pid


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _while_running(sandbox: ProcessSandbox, act: Callable[[int], object]) -> str | Rejected:
    """Trace endless code, and do something with its process while it runs."""
    results: list[str | Rejected] = []
    thread = threading.Thread(target=lambda: results.extend(sandbox.trace([ENDLESS], signals=SIGNALS)))
    thread.start()
    deadline = time.monotonic() + 10.0
    while not (children := _children(_zygote(sandbox))) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)  # past its lock-in, into the candidate's own loop
    act(children[0])
    thread.join()
    return results[0]


def test_a_hang_is_stopped_and_its_neighbours_are_not(sandbox: ProcessSandbox) -> None:
    before, hung, after = sandbox.trace([FINE, ENDLESS, FINE], signals=SIGNALS)
    assert isinstance(before, str)
    assert after == before
    assert isinstance(hung, Rejected)
    assert hung.reason == "The code was still running after 3 s and was stopped."
    assert _children(_zygote(sandbox)) == []


def test_a_crash_is_told_by_how_the_process_ended(sandbox: ProcessSandbox) -> None:
    crashed = _while_running(sandbox, lambda pid: os.kill(pid, signal.SIGSEGV))
    assert isinstance(crashed, Rejected)
    assert crashed.reason == "The code ended its worker process (killed by SIGSEGV)."
    assert isinstance(sandbox.trace([FINE], signals=SIGNALS)[0], str)


def test_a_candidate_runs_locked_in(sandbox: ProcessSandbox) -> None:
    seen: dict[str, str] = {}

    def look(pid: int) -> None:
        seen["environ"] = Path(f"/proc/{_zygote(sandbox)}/environ").read_text()
        seen["limits"] = Path(f"/proc/{pid}/limits").read_text()
        seen["status"] = Path(f"/proc/{pid}/status").read_text()
        seen["group"] = str(os.getpgid(pid) == pid)

    _while_running(sandbox, look)
    limits = {line[:26].strip(): line[26:].split()[:2] for line in seen["limits"].splitlines()[1:]}
    assert seen["environ"] == ""
    assert seen["group"] == "True"
    assert limits["Max file size"] == ["0", "0"]
    assert limits["Max core file size"] == ["0", "0"]
    assert limits["Max open files"] == ["32", "32"]
    assert limits["Max cpu time"] == ["4", "4"]
    assert "NoNewPrivs:\t1" in seen["status"]


@pytest.mark.slow
def test_a_lost_worker_is_replaced(sandbox: ProcessSandbox) -> None:
    lost = _zygote(sandbox)
    rejected = _while_running(sandbox, lambda _: os.killpg(lost, signal.SIGKILL))
    assert isinstance(rejected, Rejected)
    assert isinstance(sandbox.trace([FINE], signals=SIGNALS)[0], str)
    assert _zygote(sandbox) != lost


def test_closing_twice_is_fine_and_ends_the_worker() -> None:
    sandbox = ProcessSandbox(Settings())
    sandbox.trace([], signals=SIGNALS)
    sandbox.close()
    sandbox.close()


def test_too_much_output_is_not_read_to_its_end() -> None:
    reading, writing = os.pipe()
    flood = threading.Thread(target=_flood, args=(writing,))
    flood.start()
    assert parent._read_capped(reading, time.monotonic() + 5.0) is None
    os.close(reading)
    flood.join()


def _flood(writing: int) -> None:
    try:
        while True:
            os.write(writing, b"x" * 65536)
    except BrokenPipeError:
        os.close(writing)


def test_a_silent_worker_is_not_waited_for() -> None:
    reading, writing = os.pipe()
    started = time.monotonic()
    assert parent._read_capped(reading, started + 0.1) == b""
    assert time.monotonic() - started < 2.0
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b'{"graph": 1}', b'{"fault": {"kind": "x"}}', b"\xff", b"[" * 100_000]
)
def test_an_unusable_answer_is_a_rejection(said: bytes) -> None:
    answer = parent._answer(said)
    assert not isinstance(answer, str)
    assert answer.kind == "garbled"


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent.sys, "platform", "win32")
    with pytest.raises(SandboxUnavailable, match="only run on Linux"):
        ProcessSandbox(Settings()).trace([FINE], signals=SIGNALS)
