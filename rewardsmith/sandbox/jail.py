"""What a worker gives up before it runs a candidate's code.

Covered here: every inherited descriptor but the one the answer goes to; processor time, memory, file size (no byte can
be written to any file), open files, core dumps; new privileges; being traced or read by other processes; outliving its
zygote. Covered by `zygote.py` and `parent.py`: an empty environment, a process group of its own, wall-clock deadline,
capped output, and the death of everything it started.

Not covered yet: system calls and paths. A candidate that gets past the gate can still read files the user can read,
open sockets and send signals; Landlock, seccomp, dropped capabilities and namespaces belong in `enter`, after the
limits. Until then this holds against mistakes, hangs and crashes, not against a determined attacker.
"""

from __future__ import annotations

import ctypes
import math
import os
import re
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

ANSWER = 3
"""The only descriptor a worker keeps besides /dev/null on 0, 1 and 2."""

_OPEN_FILES = 32
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38


@dataclass(frozen=True, slots=True)
class Limits:
    """What one candidate may take: seconds of wall clock and of processor, MiB beyond what the zygote holds."""

    seconds: float
    memory_mib: int


def enter(limits: Limits, *, answer: int) -> None:
    """Give up, in this process and for good, whatever tracing does not need. `answer` becomes descriptor 3."""
    _keep_only(answer)
    _limit(limits)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def adopt_orphans() -> None:
    """Make this process the parent of whatever its children leave behind, so that it can end them."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _keep_only(answer: int) -> None:
    os.dup2(answer, ANSWER)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.closerange(ANSWER + 1, os.sysconf("SC_OPEN_MAX"))


def _limit(limits: Limits) -> None:
    cpu_s = math.ceil(limits.seconds) + 1
    data = _data_bytes() + limits.memory_mib * 2**20
    for what, most in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_DATA, data),  # not RLIMIT_AS: torch maps far more than it uses
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _data_bytes() -> int:
    """What this process holds already; a fork inherits its zygote's torch."""
    found = re.search(r"^VmData:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
