"""Attempts to break out of the sandbox, for `rewardsmith doctor` and the tests to make against it.

Each does one thing that generated code must never manage, in the shortest way there is and with full Python, as if no
gate stood before it. They are harmless where they succeed: files are those of a folder made for the purpose, the
network is loopback, the process that is signalled is asked only whether it is there.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from rewardsmith.sandbox import kernel

Target = Mapping[str, str | int]
"""`folder` with a file `secret` in it, `port` of a listener on loopback, `pid` of the process that asks."""


class Attack(NamedTuple):
    """What is tried, in words, and how. It has succeeded where `act` returns."""

    about: str
    act: Callable[[Target], object]


def attempt(name: str, target: Target) -> str:
    """Try it: `succeeded`, or `refused: <error>`. May well end the process instead."""
    try:
        ATTACKS[name].act(target)
    except (OSError, MemoryError, ValueError, RuntimeError) as error:
        return f"refused: {type(error).__name__}"
    return "succeeded"


def _secret(target: Target) -> Path:
    return Path(str(target["folder"])) / "secret"


def _marker(target: Target) -> str:
    return f"{target['folder']}/escaped"


def _write(target: Target) -> None:
    Path(_marker(target)).write_text("escaped", encoding="ascii")


def _read_environment(target: Target) -> None:
    Path(f"/proc/{target['pid']}/environ").read_bytes()


def _connect(target: Target) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as line:
        line.connect(("127.0.0.1", int(target["port"])))
        line.sendall(b"escaped")


def _send_packet(target: Target) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.sendto(b"escaped", ("127.0.0.1", int(target["port"])))


def _execute(target: Target) -> None:
    shell = ["/bin/sh", "-c", f"echo escaped > {_marker(target)}"]
    if os.spawnv(os.P_WAIT, shell[0], shell):
        raise OSError("the shell failed")


def _fork(_: Target) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _thread(_: Target) -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _signal(target: Target) -> None:
    os.kill(int(target["pid"]), 0)


def _trace(target: Target) -> None:
    if _libc().ptrace(16, int(target["pid"]), 0, 0):  # PTRACE_ATTACH
        raise OSError(ctypes.get_errno(), "ptrace")


def _machine_code(_: Target) -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def _file_in_memory(_: Target) -> None:
    os.memfd_create("escaped")


def _namespace(_: Target) -> None:
    kernel.unshare(kernel.CLONE_NEWUSER)


def _fill_memory(_: Target) -> None:
    bytearray(64 * 2**30)


def _raise_limits(_: Target) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _hang(_: Target) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        pass


def _flood(_: Target) -> None:
    while True:
        os.write(3, b"x" * 65536)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


ATTACKS: Mapping[str, Attack] = {
    "read-file": Attack("read a file", lambda target: _secret(target).read_text(encoding="ascii")),
    "write-file": Attack("write a file", _write),
    "delete-file": Attack("delete a file", lambda target: _secret(target).unlink()),
    "change-mode": Attack("change a file's mode", lambda target: _secret(target).chmod(0o666)),
    "look-at-file": Attack("learn whether a file is there", lambda target: _secret(target).stat()),
    "list-folder": Attack("list a folder", lambda target: list(Path(str(target["folder"])).iterdir())),
    "read-keys": Attack("read the environment of the process that asked", _read_environment),
    "connect": Attack("open a TCP connection", _connect),
    "send-packet": Attack("send a UDP packet", _send_packet),
    "execute": Attack("run a shell", _execute),
    "fork": Attack("start a process", _fork),
    "thread": Attack("start a thread", _thread),
    "signal": Attack("signal the process that asked", _signal),
    "trace": Attack("attach a debugger to the process that asked", _trace),
    "machine-code": Attack("make memory executable", _machine_code),
    "file-in-memory": Attack("make a file in memory, to be executed", _file_in_memory),
    "namespace": Attack("gain privileges in a user namespace", _namespace),
    "memory": Attack("take 64 GiB of memory", _fill_memory),
    "raise-limits": Attack("raise its own limits", _raise_limits),
    "hang": Attack("never end", _hang),
    "flood": Attack("answer without end", _flood),
}
