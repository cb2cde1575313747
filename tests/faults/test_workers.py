"""Workers of the sandbox that stop, break or take too much: one candidate's rejection, and the next one is fine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rewardsmith.config import VerifySettings
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.types import Rejected

SIGNALS = {"speed": ()}
FINE = "def compute_reward(speed):\n    return speed * 2.0, {}"
ENDLESS = "def compute_reward(speed):\n    while True:\n        pass\n    return speed, {}"
GREEDY = "import torch\ndef compute_reward(speed):\n    x = [0.0] * 300_000_000\n    return speed + x[0], {}"
TIMEOUT_S = 2.0


@pytest.fixture(scope="module")
def locked() -> Iterator[ProcessSandbox]:
    with ProcessSandbox(VerifySettings(timeout_s=TIMEOUT_S, memory_mib=256)) as started:
        assert isinstance(started.trace([FINE], signals=SIGNALS)[0], str)
        yield started


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _zygote(locked: ProcessSandbox) -> int:
    assert locked._worker
    return locked._worker._process.pid


def _while_running(locked: ProcessSandbox, act: Callable[[int, int], None]) -> tuple[str | Rejected, float]:
    """Trace endless code, do something to its zygote and process, and see what comes of it after how many seconds."""
    results: list[str | Rejected] = []
    zygote, started = _zygote(locked), time.monotonic()
    thread = threading.Thread(target=lambda: results.extend(locked.trace([ENDLESS], signals=SIGNALS)))
    thread.start()
    while not (children := _children(zygote)):
        assert time.monotonic() - started < 20.0, "no process was started for the candidate"
        time.sleep(0.005)
    act(zygote, children[0])
    thread.join()
    return results[0], time.monotonic() - started


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGSEGV, signal.SIGBUS, signal.SIGKILL])
def test_a_process_that_stops_or_breaks_is_its_candidates_rejection_alone(
    locked: ProcessSandbox, number: signal.Signals
) -> None:
    outcome, seconds = _while_running(locked, lambda _, child: os.kill(child, number))
    assert isinstance(outcome, Rejected)
    told = "was still running" if number is signal.SIGSTOP else f"ended its worker process (killed by {number.name})"
    assert told in outcome.reason
    assert seconds < TIMEOUT_S + 10.0
    assert isinstance(locked.trace([FINE], signals=SIGNALS)[0], str)


def test_memory_beyond_the_limit_is_a_rejection_that_says_so(locked: ProcessSandbox) -> None:
    greedy, fine = locked.trace([GREEDY, FINE], signals=SIGNALS)
    assert isinstance(greedy, Rejected)
    assert "memory" in greedy.reason.lower()
    assert isinstance(fine, str)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGSEGV])
def test_a_worker_that_stops_or_breaks_is_replaced(locked: ProcessSandbox, number: signal.Signals) -> None:
    before = _zygote(locked)
    outcome, seconds = _while_running(locked, lambda zygote, _: os.kill(zygote, number))
    assert isinstance(outcome, Rejected)
    assert seconds < TIMEOUT_S + 20.0
    assert isinstance(locked.trace([FINE], signals=SIGNALS)[0], str)
    assert _zygote(locked) != before
    assert not Path(f"/proc/{before}").exists()
