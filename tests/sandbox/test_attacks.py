"""Tests of the sandbox against our own attacks: with root's privileges and without any."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.config import VerifySettings
from rewardsmith.sandbox import ProcessSandbox, attacks, landlock, seccomp

ROOT = Path(__file__).parents[2]
SHORT = VerifySettings(timeout_s=1.5, memory_mib=512)

pytestmark = pytest.mark.skipif(
    not landlock.abi() or not seccomp.machine(), reason="this kernel cannot lock a process in (Landlock, seccomp)"
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    with ProcessSandbox(SHORT) as started:
        yield started


@pytest.mark.parametrize("name", list(attacks.ATTACKS))
def test_no_attack_succeeds_or_leaves_a_trace(name: str, sandbox: ProcessSandbox, range_: Any) -> None:
    outcome = sandbox.attack(name, range_.target())
    assert outcome.startswith(("refused: ", "stopped: ")), outcome
    assert range_.hits() == []


def test_an_attack_that_is_not_contained_would_be_seen(range_: Any) -> None:
    """The range itself is tried, outside any sandbox: an attack that succeeds says so and leaves its trace."""
    target = range_.target()
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from rewardsmith.sandbox import attacks\n"
        f"print([attacks.attempt(name, {target!r}) for name in ('read-file', 'write-file', 'send-packet', 'execute')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == ["succeeded"] * 4
    assert range_.hits() == ["escaped", "heard"]
    (range_.folder / "escaped").unlink()
    range_.udp.recv(100)
    assert range_.hits() == []


UNPRIVILEGED = """
import json, sys; sys.path.insert(0, sys.argv[1])
from rewardsmith.config import VerifySettings
from rewardsmith.sandbox import ProcessSandbox, attacks, kernel
kernel.drop_capabilities()
assert kernel.effective_capabilities() == 0
with ProcessSandbox(VerifySettings(timeout_s=1.5, memory_mib=512)) as sandbox:
    told = {name: sandbox.attack(name, json.loads(sys.argv[2])) for name in attacks.ATTACKS}
    [graph] = sandbox.trace(["def compute_reward(x):\\n    return x + 1.0, {}"], signals={"x": ()})
print(json.dumps([told, graph]))
"""


@pytest.mark.slow  # a worker of its own
def test_a_process_without_privileges_locks_in_as_well(range_: Any) -> None:
    command = [sys.executable, "-c", UNPRIVILEGED, str(ROOT), json.dumps(range_.target())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told, graph = json.loads(done.stdout)
    assert isinstance(graph, str)
    assert {name: outcome for name, outcome in told.items() if outcome == "succeeded"} == {}
    assert range_.hits() == []
