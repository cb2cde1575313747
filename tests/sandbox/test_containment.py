"""The hostile corpus against the sandbox, as it ships and again without the gate: nothing gets out of either.

What a program may aim at is the range, which anybody may write to. Without the gate and the restricted namespace only
the locked process is left to hold it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rewardsmith import verify
from rewardsmith.config import VerifySettings
from rewardsmith.graph import allowed_inputs
from rewardsmith.sandbox import ProcessSandbox, landlock, seccomp, zygote
from rewardsmith.types import (
    Attempt,
    Candidate,
    Drafted,
    EnvSpec,
    Measure,
    References,
    Rejected,
    Signal,
    Task,
    Verified,
)

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus"
MANIFEST: dict[str, dict[str, Any]] = json.loads((CORPUS / "manifest.json").read_text(encoding="utf-8"))
AIM, PORT = "/tmp/rewardsmith-corpus", "47113"  # where the programs aim, as text to be replaced
SHORT = VerifySettings(timeout_s=2.0, memory_mib=512)
LATEST = 3 * SHORT.timeout_s + 3.0  # traced, checked and probed, each within its own deadline
GOOD = "def compute_reward(x_velocity):\n    return 2.0 * x_velocity, {'forward': 2.0 * x_velocity}"
OURS = re.compile(r"site-packages|dist-packages|rewardsmith/|/usr/|/home/|/etc/|\.py\b|" + re.escape(str(ROOT)))
QUOTED = re.compile(r"'[^']*'")
SHAPES = {
    "torso_height": (), "x_velocity": (), "torso_quat": (4,), "hand_pos": (3,), "goal_pos": (3,),
    "hand_to_goal_dist": (), "joint_vel": (6,), "foot_pos": (4, 3), "action": (6,),
}  # fmt: skip

torch.set_num_threads(1)

pytestmark = pytest.mark.skipif(
    not landlock.abi() or not seccomp.machine(), reason="this kernel cannot lock a process in (Landlock, seccomp)"
)
hostile = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, id=Path(name).stem, marks=[pytest.mark.slow] if entry["slow"] else [])
        for name, entry in MANIFEST.items()
        if name.startswith("hostile/")
    ],
)


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """A sandbox that hostile programs are given to, one after the other, and the worker it began with."""

    sandbox: ProcessSandbox
    worker: int
    good: str
    task: Task
    states: dict[str, Tensor]

    def stands(self) -> bool:
        """Whether the worker it began with is there, and has no children left."""
        children = Path(f"/proc/{self.worker}/task/{self.worker}/children")
        assert self.sandbox._worker
        return self.sandbox._worker._process.pid == self.worker and not children.read_text(encoding="ascii")


def _gallery(sandbox: ProcessSandbox) -> Gallery:
    signals = tuple(Signal(name=name, shape=shape, unit="1", doc=name, source=name) for name, shape in SHAPES.items())
    task = Task(
        name="range",
        goal="Get out.",
        env=EnvSpec(backend="envpool", id="Range-v0"),
        signals=signals,
        fitness=Measure(source="x_velocity", reduce="mean"),
        success=None,
        references=References(),
        episode_steps=100,
        control_dt_s=0.02,
        constants=(),
    )
    generator = torch.Generator().manual_seed(3)
    states = {name: torch.randn((32, *shape), generator=generator) for name, shape in allowed_inputs(task).items()}
    [good] = sandbox.trace([GOOD], signals=allowed_inputs(task))
    assert isinstance(good, str)
    assert sandbox._worker
    return Gallery(sandbox=sandbox, worker=sandbox._worker._process.pid, good=good, task=task, states=states)


@pytest.fixture(scope="module")
def shipped(range_: Any) -> Iterator[Gallery]:  # noqa: ARG001  the key stands in the environment first
    with ProcessSandbox(SHORT) as sandbox:
        yield _gallery(sandbox)


@pytest.fixture(scope="module")
def ablated(range_: Any) -> Iterator[Gallery]:  # noqa: ARG001
    with ProcessSandbox(SHORT, zygote=Path(__file__).with_name("ablated.py")) as sandbox:
        yield _gallery(sandbox)


@hostile
def test_nothing_gets_out(name: str, shipped: Gallery, range_: Any) -> None:
    began = time.monotonic()
    (attempt,) = verify.gauntlet([_aimed(name, range_)], shipped.task, shipped.sandbox, shipped.states)
    text = _check_contained(name, attempt, time.monotonic() - began, range_)
    assert "INJECTED" not in QUOTED.sub("", text)
    assert shipped.stands()


@hostile
def test_nothing_gets_out_without_the_gate(name: str, ablated: Gallery, range_: Any) -> None:
    began = time.monotonic()
    traced = verify.compile([_aimed(name, range_)], ablated.task, ablated.sandbox)
    (attempt,) = verify.probe(traced, ablated.task, ablated.sandbox, ablated.states)
    _check_contained(name, attempt, time.monotonic() - began, range_)
    assert ablated.stands()


def test_candidates_share_no_memory(shipped: Gallery) -> None:
    """A page that all children may write to would let one of them mark, or block, those that come after it."""
    maps = Path(f"/proc/{shipped.worker}/maps").read_text(encoding="utf-8").splitlines()
    assert [line for line in maps if line.split()[1].startswith("rw-s")] == []


@pytest.mark.parametrize("first", ["", "os.close(3)\n", "os.write(3, b'{}')\n"])
def test_a_candidate_cannot_say_that_its_locks_failed(first: str, ablated: Gallery) -> None:
    code = f"import os\n{first}os._exit({zygote.NOT_LOCKED})"
    [ended] = ablated.sandbox.trace([code], signals=allowed_inputs(ablated.task))
    assert isinstance(ended, Rejected)
    assert ended.reason == "The code ended its worker process (exit code 77)."
    assert ablated.stands()


@pytest.mark.parametrize("mode", ["shipped", "ablated"])
def test_the_worker_that_saw_them_all_still_traces_and_nothing_comes_late(
    mode: str, request: pytest.FixtureRequest, range_: Any
) -> None:
    gallery: Gallery = request.getfixturevalue(mode)
    assert gallery.sandbox.trace([GOOD], signals=allowed_inputs(gallery.task)) == [gallery.good]
    assert gallery.sandbox.probe([gallery.good], states=gallery.states, units={}) == [()]
    assert gallery.stands()
    time.sleep(2.5)
    assert range_.hits() == []


def _aimed(name: str, range_: Any) -> Attempt:
    """A program of the corpus, aimed at the range."""
    code = (CORPUS / name).read_bytes().decode(errors="surrogateescape")
    code = code.replace(AIM, str(range_.folder)).replace(PORT, str(range_.port))
    sha256 = hashlib.sha256(code.encode(errors="replace")).hexdigest()
    candidate = Candidate(id="g001-00", code=code, sha256=sha256, origin="manual", model="")
    return Attempt(candidate=candidate, outcome=Drafted())


def _check_contained(name: str, attempt: Attempt, seconds: float, range_: Any) -> str:
    """Whether nothing was reached and nothing was told; gives back the verdict's words."""
    outcome = attempt.outcome
    assert range_.hits() == []
    assert seconds < LATEST
    if isinstance(outcome, Rejected):
        parts, carried = [outcome.reason, outcome.hint], ""
        text = f"{outcome.stage}: {' '.join(parts)}"
    else:
        assert isinstance(outcome, Verified)
        assert MANIFEST[name]["may_be_accepted"]
        parts, carried = [*outcome.warnings], outcome.graph.to_json()
        text = f"accepted: {' '.join(outcome.graph.components)} {' '.join(parts)}"
    assert all(part.isprintable() and len(part) <= 300 for part in parts)
    assert not OURS.search(text)
    assert "pwned" not in text
    assert [form for form in _forms(range_.secret, range_.key) if form in text + carried] == []
    return text


def _forms(*secrets: object) -> Iterator[str]:
    """The beginning of each secret, as it is and as it might be written."""
    for secret in map(str, secrets):
        start = secret.encode()[:12]
        yield from (start.decode(), start.hex(), base64.b64encode(start).decode())
        for numbers in (list(start[:6]), [float(byte) for byte in start[:6]]):
            yield from (gap.join(map(str, numbers)) for gap in (",", ", ", " ", "_", ""))
