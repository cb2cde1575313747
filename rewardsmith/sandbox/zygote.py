"""The worker process: imports torch once, then forks one locked child for each job.

It is executed, not forked, by `parent.py`, with an empty environment: after a mere fork the caller's keys would still
stand on the stack. It has one thread, runs no candidate's code itself, and ends when its caller does.

Run as a script: `python -I zygote.py FOLDER_OF_THE_PACKAGE locked|open`. It reads frames from descriptor 0 and writes
frames to descriptor 1, each four bytes of length and as many bytes. A request is a frame of JSON, and a second one of
numbers where it says so; what comes back is a frame of JSON on how the child ended, and one of what the child said.

A child that is locked in writes `_LOCKED` before it begins its job, for how it ends is then a candidate's to choose.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import math
import os
import pkgutil
import select
import signal
import struct
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from rewardsmith.sandbox.jail import Limits
    from rewardsmith.sandbox.jobs import Job

LENGTH = struct.Struct("!I")
MAX_ANSWER = 1_100_000  # bytes
NOT_LOCKED = 77  # a child's exit code where its locks could not be put on; believed of one that wrote nothing
_LOCKED = b"\n"
MOST_WAITING = 12.0
"""How many times its own seconds a job may wait, besides, for a processor of a busy machine."""

_GOOD = """
import torch
from rewardsmith.geometry import quat_apply
def compute_reward(a, b, c, q, dt: float):
    near = torch.exp(-torch.norm(a - b, dim=-1) / 0.5)
    flag = torch.where(c > 0, torch.ones_like(c), torch.zeros(c.shape[0]))
    flag[c > 1] += 1.0
    cost = -0.1 * torch.sum(torch.square(a) * torch.tensor([1.0, 2.0, 3.0]), dim=-1).clamp(max=3.0)
    total = near + flag + cost + dt * quat_apply(q, a)[:, 2] + a.std(dim=-1)
    return total, {"near": near, "cost": cost}
"""
_FAULTY = (
    "def compute_reward(c):\n    if c > 0:\n        c = c + 1\n    return c, {}",
    "def compute_reward(a):\n    return a[a[:, 0] > 0].sum(-1), {}",
)
"""With `_GOOD` they load all that the tests' corpus needs. More would make a start slower, and no child quicker."""
_IMPORTED_LATE = "assumptions concrete core functions logic polys printing series sets utilities"


def main(jobs: Mapping[str, Job] | None = None) -> None:
    """Serve until the caller hangs up. `jobs`: others than `jobs.JOBS`."""
    locked = sys.argv[2] == "locked"
    answers = _take_output()
    sys.path.insert(0, sys.argv[1])
    from rewardsmith.sandbox import jail
    from rewardsmith.sandbox.jobs import JOBS

    _warm_up()
    jail.settle()
    try:
        layers = jail.prove(jail.Limits(seconds=5.0, memory_mib=256))
    except jail.NotLocked as missing:
        _send(answers, {"missing": str(missing)})
        if locked:
            return
    else:
        _send(answers, {"layers": layers})
    _Server(answers, jobs or JOBS, locked=locked).serve()


def _take_output() -> int:
    """Descriptor 1 is the caller's; whatever prints goes to 2 from here on."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _warm_up() -> None:
    """Import and run whatever a candidate may need: once locked in, nothing more can be loaded."""
    gc.disable()  # what is loaded stays: collecting meanwhile takes a tenth of a start
    import torch

    from rewardsmith.graph import RewardGraph
    from rewardsmith.sandbox import properties, tracing

    torch.set_num_threads(1)
    torch.backends.mkldnn.set_flags(_enabled=False)  # it writes machine code at run time, which the lock forbids
    warnings.simplefilter("ignore")
    _share_no_lock()
    _import_all_of_sympy()
    del torch.Tensor.index  # of functorch's own dimensions, no indexing; a call would import functorch behind the lock
    logging.disable(logging.CRITICAL)
    shapes: dict[str, tuple[int, ...]] = {"a": (3,), "b": (3,), "c": (), "q": (4,)}
    for code in (*_FAULTY, _GOOD):
        traced = tracing.trace(code, shapes, {"dt": 0.02})
    assert isinstance(traced, str), f"the sandbox's own example is refused: {traced}"
    states = {name: torch.linspace(-1.0, 1.0, 8 * math.prod(shape)).view(8, *shape) for name, shape in shapes.items()}
    properties.examine(RewardGraph.from_json(traced, signals=shapes), states, {})
    gc.collect()
    gc.freeze()


def _share_no_lock() -> None:
    """tqdm, which torch loads, would make a semaphore in memory that all children share: one could block the next."""
    with contextlib.suppress(ImportError):
        importlib.import_module("tqdm").tqdm.set_lock(threading.RLock())


def _import_all_of_sympy() -> None:
    """Tracing reasons about the number of rows with sympy, which imports parts of itself in the middle of its work."""
    for part in _IMPORTED_LATE.split():
        package = importlib.import_module(f"sympy.{part}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not {"tests", "benchmarks"} & set(module.name.split(".")):
                importlib.import_module(module.name)


class _Server:
    """Answers requests one at a time; knows the states that probes run on."""

    def __init__(self, answers: int, jobs: Mapping[str, Job], *, locked: bool) -> None:
        self._answers, self._jobs, self._locked = answers, jobs, locked
        self._states: dict[str, Tensor] = {}

    def serve(self) -> None:
        while (frame := _receive()) is not None:
            request = json.loads(frame)
            if "states" in request:
                self._states = _tensors(request["states"], _receive() or b"")
            else:
                ended, said = self._in_a_child(request)
                _send(self._answers, ended, said)

    def _in_a_child(self, request: Mapping[str, Any]) -> tuple[Mapping[str, object], bytes]:
        """Fork a child for the request and see it to its end, or end it."""
        from rewardsmith.sandbox.jail import Limits

        limits = Limits(seconds=request["seconds"], memory_mib=request["memory_mib"])
        started = time.monotonic()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            self._be_the_child(request, limits, writing)
        os.close(writing)
        with contextlib.suppress(OSError):  # the child does the same; whichever comes first
            os.setpgid(child, child)

        waited = 0.0

        def left() -> float:
            """Seconds it has yet; what it stood in line for a processor is not counted as its own."""
            nonlocal waited
            waited = max(waited, _waited(child))
            return started + limits.seconds + min(waited, MOST_WAITING * limits.seconds) - time.monotonic()

        said = _read_capped(reading, left)
        too_much = said is not None and len(said) > MAX_ANSWER
        code, by_itself = _end(child, left if said is not None and not too_much else lambda: 0.0)
        os.close(reading)
        _end_orphans()
        ended = {"exit": code, "in_time": by_itself, "too_much": too_much, "waited": waited, "locked": said != b""}
        return ended, b"" if too_much else (said or b"").removeprefix(_LOCKED)

    def _be_the_child(self, request: Mapping[str, Any], limits: Limits, answer: int) -> None:
        """Do the job, say what came of it, end. Never returns."""
        from rewardsmith.sandbox import jail

        try:
            os.setpgid(0, 0)
            try:
                jail.enter(limits, answer=answer, required=self._locked)
            except OSError:
                os._exit(NOT_LOCKED)
            os.write(jail.ANSWER, _LOCKED)
            left = json.dumps(self._jobs[request["job"]](request, self._states)).encode()
            while left:
                left = left[os.write(jail.ANSWER, left) :]
            os._exit(0)
        finally:
            os._exit(1)


# --- children -------------------------------------------------------------------------------------------------------


def _waited(child: int) -> float:
    """Seconds that a process has stood in line for a processor; 0 where the kernel does not say."""
    try:
        return int(Path(f"/proc/{child}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _read_capped(descriptor: int, left: Callable[[], float]) -> bytes | None:
    """What is written until the other end closes, hardly more than MAX_ANSWER; None where no seconds are left first.

    The caller hanging up ends it too.
    """
    said = bytearray()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(0, getattr(select, "POLLRDHUP", 0) | select.POLLHUP)
    while (seconds := left()) > 0 and len(said) <= MAX_ANSWER:
        ready = dict(poll.poll(math.ceil(seconds * 1000)))
        if 0 in ready:
            return None
        if not ready:
            continue
        part = os.read(descriptor, 1 << 16)
        if not part:
            return bytes(said)
        said += part
    return bytes(said) if seconds > 0 else None


def _end(child: int, left: Callable[[], float]) -> tuple[int, bool]:
    """The exit code of a child, and whether it ended by itself: with no seconds left it is killed, with its group."""
    done, status = os.waitpid(child, os.WNOHANG)
    while not done and left() > 0:
        time.sleep(0.0005)
        done, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    if not done:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), bool(done)


def _end_orphans() -> None:
    """Kill what a child left running, however far it had moved from its process group."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while children.exists() and (left := children.read_text(encoding="ascii").split()):
        for pid in map(int, left):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


# --- frames ---------------------------------------------------------------------------------------------------------


def _receive() -> bytes | None:
    """One frame from the caller; None where it hung up."""
    head = _exactly(LENGTH.size)
    return _exactly(LENGTH.unpack(head)[0]) if head else None


def _exactly(count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = os.read(0, min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _send(descriptor: int, head: Mapping[str, object], body: bytes | None = None) -> None:
    frames = [json.dumps(head).encode()] if body is None else [json.dumps(head).encode(), body]
    left = b"".join(LENGTH.pack(len(frame)) + frame for frame in frames)
    while left:
        left = left[os.write(descriptor, left) :]


def _tensors(layout: list[tuple[str, list[int]]], numbers: bytes) -> dict[str, Tensor]:
    """The states of a probe: float32 in the order of the layout."""
    import torch

    flat = torch.frombuffer(bytearray(numbers), dtype=torch.float32)
    pairs = zip(layout, torch.split(flat, [math.prod(shape) for _, shape in layout]), strict=True)
    return {name: values.view(shape) for (name, shape), values in pairs}


if __name__ == "__main__":
    main()
