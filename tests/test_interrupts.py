"""Ctrl-C in this process and in others: what is held finishes, the second ends at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from rewardsmith.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_interrupts_what_is_not_held(number: signal.Signals) -> None:
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_what_is_held_finishes_before_the_signal_takes_effect() -> None:
    done = []

    def write(interrupts: Interrupts) -> None:
        with interrupts.held():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the event")
        done.append("what follows")

    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        write(interrupts)
    assert done == ["the event"]


def test_an_error_inside_what_is_held_is_not_replaced_by_the_interrupt() -> None:
    def write(interrupts: Interrupts) -> None:
        with interrupts.held():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError("the disk")

    with Interrupts() as interrupts, pytest.raises(ValueError, match="the disk"):
        write(interrupts)


def test_handlers_from_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_the_second_signal_ends_the_process_at_once_even_where_the_first_is_held() -> None:
    script = (
        "import os, signal, time\n"
        "from rewardsmith.interrupts import Interrupts\n"
        "with Interrupts() as i, i.held():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    print('still here', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    print('too late', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (130, "still here\n")
