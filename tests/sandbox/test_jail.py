"""Tests of `sandbox.jail`, each in a process of its own: what is given up stays given up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json, os, resource, sys
sys.path.insert(0, sys.argv[1])
from rewardsmith.sandbox import jail
secret = os.open(sys.argv[2], os.O_RDWR)
jail.enter(jail.Limits(seconds=5.0, memory_mib=64), answer=int(sys.argv[3]))
def attempt(act):
    try:
        act()
        return "done"
    except (OSError, MemoryError, ValueError) as error:
        return type(error).__name__
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def write():
    descriptor = os.open(sys.argv[2], os.O_WRONLY)
    os.write(descriptor, b"x")
told = {
    "open": sorted(int(n) for n in os.listdir("/proc/self/fd"))[:4],
    "inherited": attempt(lambda: os.fstat(secret)) if secret > 3 else "moved",
    "write": attempt(write),
    "memory": attempt(lambda: bytearray(200 * 2**20)),
    "raise_limit": attempt(lambda: resource.setrlimit(resource.RLIMIT_CPU, (5, 5))),
    "stdin": os.read(0, 10).decode(),
}
os.write(jail.ANSWER, json.dumps(told).encode())
"""


def test_what_a_worker_gives_up(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("secret")
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
    assert told["open"] == [0, 1, 2, 3]
    assert told["inherited"] in ("OSError", "moved")
    assert told["write"] == "OSError"
    assert told["memory"] == "MemoryError"
    assert told["stdin"] == ""
    assert kept.read_text() == "secret"
