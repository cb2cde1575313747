"""What a worker gives up before it runs a candidate's code. Pure ctypes; as root and without privileges alike.

Covered, each by the layer named:

- files: no path can be opened, made, changed, removed or looked at (Landlock, and again seccomp)
- network: no socket of any kind can be made (seccomp; Landlock for TCP; an own network namespace where one can be had)
- processes: nothing can be executed, forked, signalled, traced or read (seccomp; not dumpable; Landlock for signals)
- kernel: some forty system calls are left; io_uring, bpf, keyrings, namespaces, modules end the process (seccomp)
- memory: nothing new can be made executable (seccomp); a limit on its size (rlimit)
- privileges: no capability, no new privileges, user `nobody` where it was root
- descriptors: /dev/null on 0 to 2, the pipe for the answer on 3, no other
- time, processor, written bytes, open files, core dumps: rlimits here, wall clock and size of the answer in `zygote.py`
- secrets: the environment is empty, and was when the zygote was executed (`parent.py`)

Not covered: bugs of the kernel's allowed calls, and what a process can learn by timing. It shares the kernel and, up
to its limits, processor and memory with everything else. A forged answer is no escape: it is checked outside like any.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import resource
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.sandbox import kernel, landlock, seccomp

ANSWER = 3
"""The only descriptor a worker keeps besides /dev/null on 0, 1 and 2."""

_OPEN_FILES = 32
_MAPPED = 256 * 2**20  # bytes of address space that tracing may map beside its data
_NOBODY = 65534
_STOPPED, _UNPROTECTED = 42, 7  # how a process that tries the locks ends


class NotLocked(Exception):
    """A layer that must hold does not; the message says which and what it needs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one candidate may take: seconds of wall clock and of processor, MiB beyond what the zygote holds."""

    seconds: float
    memory_mib: int


def enter(limits: Limits, *, answer: int, required: bool) -> None:
    """Give up, in this process and for good, whatever tracing does not need. `answer` becomes descriptor 3.

    `required`: whether a layer this machine lacks is an error, or is done without.
    Raises: OSError: a required layer cannot be had.
    """
    _keep_only(answer)
    _limit(limits)
    if sys.platform == "linux":
        _lock(required=required)


def settle() -> None:
    """Once, in the zygote: namespaces of its own where they can be had, and whatever its children leave is its own."""
    if sys.platform != "linux":
        return
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    apart = kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
    try:
        kernel.unshare(apart)
    except OSError:
        with contextlib.suppress(OSError):
            kernel.unshare(apart | kernel.CLONE_NEWUSER)


def prove(limits: Limits) -> dict[str, str]:
    """The layers that hold here, each with a word on it; tried in a process of its own, not taken for granted.

    Raises: NotLocked: files or system calls are not locked; the message says what is missing.
    """
    if sys.platform != "linux":
        raise NotLocked(f"this is {sys.platform}, and only Linux can lock a process in")
    version = landlock.abi()
    if not version:
        raise NotLocked("Landlock is missing (Linux 5.13 or newer, with landlock among the security modules)")
    if seccomp.machine() is None:
        raise NotLocked("no filter of system calls is written for this processor")
    if _in_a_child(_open_behind_landlock) != _STOPPED:
        raise NotLocked("Landlock let a file be opened when that was tried")
    if _in_a_child(lambda: _call_behind_all(limits)) != -signal.SIGSYS:
        raise NotLocked("seccomp let a socket be made when that was tried")
    own_network = not _interfaces() - {"lo"}
    return {
        "Landlock": f"ABI {version}: no file, no TCP, no signals",
        "seccomp": f"{len([r for r in seccomp.rules(seccomp.machine() or 'x86_64') if r.call != 'kill'])} calls left",
        "privileges": "no capabilities, no new privileges" + (", user nobody" if os.geteuid() == 0 else ""),
        "limits": "processor, memory, written bytes, open files",
        "network namespace": "its own, empty" if own_network else "shared (none can be made here); sockets are refused",
    }


# --- the layers, in the order they are put on -----------------------------------------------------------------------


def _keep_only(answer: int) -> None:
    os.dup2(answer, ANSWER)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.closerange(ANSWER + 1, os.sysconf("SC_OPEN_MAX"))


def _limit(limits: Limits) -> None:
    cpu_s = math.ceil(limits.seconds) + 1
    more = limits.memory_mib * 2**20
    for what, most in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_DATA, _held("VmData") + more),
        (resource.RLIMIT_AS, _held("VmSize") + more + _MAPPED),  # shared and growing mappings are not data
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _lock(*, required: bool) -> None:
    if os.geteuid() == 0:
        _become_nobody()
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which would clear it
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    for layer in (landlock.deny_all, seccomp.install):
        try:
            layer()
        except OSError:
            if required:
                raise


def _become_nobody() -> None:
    """Root gives up its name; in a container that has no other user it stays."""
    with contextlib.suppress(OSError):
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _held(what: str) -> int:
    """Bytes of one kind that this process holds already; a fork inherits its zygote's torch."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 2**40  # no Linux: memory is not limited here
    found = re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 2**40


# --- trying them ----------------------------------------------------------------------------------------------------


def _in_a_child(act: Callable[[], None]) -> int:
    """How a child ends that does this."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(_UNPROTECTED)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _open_behind_landlock() -> None:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    landlock.deny_all()
    try:
        os.open("/", os.O_RDONLY)
    except PermissionError:
        os._exit(_STOPPED)


def _call_behind_all(limits: Limits) -> None:
    enter(limits, answer=os.open(os.devnull, os.O_WRONLY), required=True)
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # ends the process


def _interfaces() -> set[str]:
    try:
        return {name for _, name in socket.if_nameindex()}
    except OSError:
        return set()
