"""Tests of `sandbox.jail`, each in a process of its own: what is given up stays given up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rewardsmith.sandbox import jail, landlock, seccomp

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json, os, resource, signal, sys
sys.path.insert(0, sys.argv[1])
from rewardsmith.sandbox import jail, kernel
secret = os.open(sys.argv[2], os.O_RDWR)
held = [os.dup(secret) for _ in range(40)]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
jail.enter(jail.Limits(seconds=5.0, memory_mib=64), answer=int(sys.argv[3]), required=True)
def attempt(act):
    try:
        act()
        return "done"
    except (OSError, MemoryError, ValueError) as error:
        return type(error).__name__
def usable(descriptor):
    try:
        os.read(descriptor, 1)
        return True
    except OSError as error:
        return error.errno != 9
told = {
    "readable": [fd for fd in range(4, 200) if usable(fd)],
    "stdin": os.read(0, 10).decode(),
    "open": attempt(lambda: os.open(sys.argv[2], os.O_RDONLY)),
    "memory": attempt(lambda: bytearray(200 * 2**20)),
    "raise_limit": attempt(lambda: resource.setrlimit(resource.RLIMIT_CPU, (5, 5))),
    "user": os.getuid(),
}
os.write(jail.ANSWER, json.dumps(told).encode())
"""

locked = pytest.mark.skipif(
    not landlock.abi() or not seccomp.machine(), reason="this kernel cannot lock a process in (Landlock, seccomp)"
)


@locked
def test_what_a_worker_gives_up(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("secret", encoding="utf-8")
    reading, writing = os.pipe()
    subprocess.run(
        [sys.executable, "-c", SCRIPT, str(ROOT), str(kept), str(writing)],
        env={},
        pass_fds=[writing],
        input=b"typed",
        check=True,
        timeout=60,
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        told = json.load(answer)
    assert told["readable"] == []
    assert told["stdin"] == ""
    assert told["open"] == "PermissionError"
    assert told["memory"] == "MemoryError"
    assert told["raise_limit"] in ("PermissionError", "ValueError")
    assert told["user"] == (65534 if os.getuid() == 0 else os.getuid())


@locked
def test_the_layers_are_tried_before_they_are_named() -> None:
    layers = jail.prove(jail.Limits(seconds=5.0, memory_mib=64))
    assert list(layers) == ["Landlock", "seccomp", "privileges", "limits", "network namespace"]
    assert layers["Landlock"].startswith("ABI ")


@pytest.mark.parametrize(
    ("module", "name", "value", "says"),
    [
        (landlock, "abi", lambda: 0, "Landlock is missing"),
        (landlock, "deny_all", lambda: None, "Landlock let a file be opened"),
        (seccomp, "machine", lambda: None, "no filter of system calls"),
        (seccomp, "install", lambda: None, "seccomp let a socket be made"),
    ],
)
@locked
def test_a_layer_that_does_not_hold_is_named(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: object, says: str
) -> None:
    monkeypatch.setattr(module, name, value)
    with pytest.raises(jail.NotLocked, match=says):
        jail.prove(jail.Limits(seconds=5.0, memory_mib=64))


def test_no_other_system_locks_a_process_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail.sys, "platform", "darwin")
    with pytest.raises(jail.NotLocked, match="only Linux"):
        jail.prove(jail.Limits(seconds=5.0, memory_mib=64))
