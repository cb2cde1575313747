"""The worker process: imports torch once, then forks one locked child for each candidate.

It is executed, not forked, by `parent.py`, with an empty environment: after a mere fork the caller's keys would still
stand on the stack. It has one thread, runs no candidate's code itself, and ends when its caller does.

Run as a script: `python -I zygote.py FOLDER_OF_THE_PACKAGE`, descriptor 0 being a socket to the caller.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import select
import signal
import socket
import struct
import sys
import time
import warnings
from pathlib import Path

LENGTH = struct.Struct("!I")

_GOOD = """
import torch
def compute_reward(a, b, c):
    near = torch.exp(-torch.norm(a - b, dim=-1) / 0.5)
    flag = torch.where(c > 0, torch.ones_like(c), torch.zeros(c.shape[0]))
    flag[c > 1] += 1.0
    top = torch.stack([near, flag], dim=-1).max(dim=-1).values
    cost = -0.1 * torch.sum(torch.square(a) * torch.tensor([1.0, 2.0, 3.0]), dim=-1).clamp(max=3.0)
    turn = 2 * torch.asin(torch.clamp(torch.linalg.norm(b[:, 1:], dim=-1), -1.0, 1.0)) + torch.tanh(a[:, 0]) ** 2
    along = torch.bmm(a.unsqueeze(1), b.unsqueeze(2)).squeeze(-1).squeeze(-1) + torch.cross(a, b, dim=-1).mean(-1)
    total = near + top + cost + turn + along + torch.nn.functional.softplus(c) + torch.sigmoid(c).round()
    return total, {"near": near, "top": top, "cost": cost}
"""
_FAULTY = (
    "def compute_reward(c):\n    if c > 0:\n        c = c + 1\n    return c, {}",
    "def compute_reward(a):\n    if a[0, 0] > 0:\n        a = a + 1\n    return a.sum(-1), {}",
    "def compute_reward(a):\n    return a[a[:, 0] > 0].sum(-1), {}",
    "def compute_reward(a, c):\n    return a + c, {}",
    "def compute_reward(a):\n    return a.sum(-1) + a.shape[0] * len(range(a.shape[0])), {}",
    "def compute_reward(a):\n    return a.sum(), {}",
    "def compute_reward(c):\n    c += 1\n    return c, {}",
    "def compute_reward(c):\n    return c * float(c.mean()), {}",
    "def compute_reward(c):\n    return c.no_such, {}",
    "def compute_reward(c):\n    return c / c.max(), {}",
)


def main() -> None:
    """Serve until the caller hangs up."""
    sys.path.insert(0, sys.argv[1])
    _warm_up()
    caller = socket.socket(fileno=0)
    caller.sendall(b"ready\n")
    while request := _receive(caller):
        body, answer = request
        caller.sendall(json.dumps(_serve(body, answer, caller)).encode() + b"\n")


def _warm_up() -> None:
    """Import and run whatever a candidate may need: once locked in, nothing more can be loaded."""
    import torch

    from rewardsmith.sandbox import jail, tracing

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    shapes: dict[str, tuple[int, ...]] = {"a": (3,), "b": (3,), "c": ()}
    for code in (_GOOD, *_FAULTY, _GOOD):
        tracing.trace(code, shapes)
    jail.adopt_orphans()
    gc.collect()
    gc.freeze()
    gc.disable()


def _receive(caller: socket.socket) -> tuple[bytes, int] | None:
    """One request and the descriptor its answer goes to; None where the caller hung up."""
    head, descriptors, _, _ = socket.recv_fds(caller, LENGTH.size, 1)
    if len(head) < LENGTH.size or not descriptors:
        return None
    (left,) = LENGTH.unpack(head)
    parts: list[bytes] = []
    while left:
        part = caller.recv(min(left, 1 << 16))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts), descriptors[0]


def _serve(body: bytes, answer: int, caller: socket.socket) -> dict[str, object]:
    """Fork a child for the request and see it to its end, or end it."""
    from rewardsmith.sandbox.jail import Limits

    request = json.loads(body)
    limits = Limits(seconds=request["seconds"], memory_mib=request["memory_mib"])
    child = os.fork()
    if child == 0:
        _be_the_child(request, limits, answer)
    os.close(answer)
    with contextlib.suppress(OSError):  # the child does the same; whichever comes first
        os.setpgid(child, child)
    in_time = _wait(child, caller, time.monotonic() + limits.seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    _end_orphans()
    return {"exit": os.waitstatus_to_exitcode(status), "in_time": in_time}


def _be_the_child(request: dict[str, object], limits: object, answer: int) -> None:
    """Trace the candidate, send what came of it, end. Never returns."""
    from rewardsmith.sandbox import faults, jail, tracing

    try:
        os.setpgid(0, 0)
        assert isinstance(limits, jail.Limits)
        jail.enter(limits, answer=answer)
        result = tracing.trace(request["code"], request["shapes"])  # type: ignore[arg-type]
        told = {"graph": result} if isinstance(result, str) else {"fault": faults.to_json(result)}
        left = json.dumps(told).encode()
        while left:
            left = left[os.write(jail.ANSWER, left) :]
        os._exit(0)
    finally:
        os._exit(1)


def _wait(child: int, caller: socket.socket, deadline: float) -> bool:
    """Whether the child ended before the deadline; the caller hanging up is a deadline too."""
    watched = os.pidfd_open(child)
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    poll.register(caller, select.POLLRDHUP | select.POLLHUP)
    ready = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
    os.close(watched)
    return watched in ready


def _end_orphans() -> None:
    """Kill what a candidate left running, however far it had moved from its process group."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while left := children.read_text().split():
        for pid in map(int, left):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
