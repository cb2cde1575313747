"""Tests of `sandbox.landlock`, in a process of their own, without seccomp beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rewardsmith.sandbox import landlock

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys; sys.path.insert(0, sys.argv[1])
import os, socket
from rewardsmith.sandbox import kernel, landlock
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
landlock.deny_all()
def attempt(act):
    try:
        act()
        return "done"
    except PermissionError:
        return "refused"
kept = sys.argv[2]
for act in (
    lambda: open(kept),
    lambda: open(kept, "a"),
    lambda: os.unlink(kept),
    lambda: os.mkdir(kept + "-folder"),
    lambda: os.listdir("/"),
    lambda: os.symlink("/", kept + "-link"),
    lambda: os.execv("/bin/true", ["true"]),
):
    print(attempt(act), end=" ")
"""


@pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")
def test_no_path_can_be_used_any_more(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("secret", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(ROOT), str(kept)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["refused"] * 7
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]
    assert kept.read_text(encoding="utf-8") == "secret"
