"""The trusted side of the sandbox: start the worker, hand it code, read what comes back as if from an enemy.

Nothing a worker says is believed. Its answer is read up to a size and a deadline; a graph is passed on as text for
`RewardGraph.from_json` to check, a fault is put into our own words, and how a worker ended is seen from outside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from rewardsmith.errors import SandboxUnavailable
from rewardsmith.sandbox import faults
from rewardsmith.sandbox.faults import Fault
from rewardsmith.sandbox.zygote import LENGTH
from rewardsmith.types import Rejected

MAX_ANSWER = 1_100_000  # bytes
_START_S = 120.0
_GRACE_S = 5.0  # beyond a candidate's own deadline, before the whole worker is given up


class Settings(Protocol):
    """What the sandbox reads of `config.VerifySettings`."""

    @property
    def timeout_s(self) -> float: ...

    @property
    def memory_mib(self) -> int: ...


class ProcessSandbox:
    """Traces candidates in a separate process, each in a locked child of its own.

    The worker starts with the first candidate and is replaced when it dies; one candidate's hang or crash is that
    candidate's rejection and nobody else's. What is locked and what is not: `rewardsmith.sandbox.jail`.
    """

    name = "process"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker: _Worker | None = None

    def trace(self, codes: Sequence[str], *, signals: Mapping[str, tuple[int, ...]]) -> list[str | Rejected]:
        """Each code's graph as JSON text, not yet checked, or its rejection; in the order of `codes`.

        Raises: SandboxUnavailable: no worker can be started here.
        """
        return [self._trace_one(code, signals) for code in codes]

    def close(self) -> None:
        """End the worker; safe to call twice."""
        if self._worker:
            self._worker.end()
            self._worker = None

    def __enter__(self) -> ProcessSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _trace_one(self, code: str, signals: Mapping[str, tuple[int, ...]]) -> str | Rejected:
        if not self._worker or not self._worker.alive():
            self.close()
            self._worker = _Worker()
        try:
            answer = self._worker.ask(code, signals, self._settings)
        except BaseException:  # Ctrl-C: what is still to come would be taken for the next candidate's
            self.close()
            raise
        return answer if isinstance(answer, str) else faults.rejection(answer, stage="compile")


class _Worker:
    """One zygote and the line to it."""

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise SandboxUnavailable(
                f"Generated code is only run on Linux, where it can be locked in; this is {sys.platform}."
            )
        self._line, theirs = socket.socketpair()
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the worker
        package = Path(__file__).resolve().parents[2]
        script = Path(__file__).with_name("zygote.py")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(script), str(package)],
                env={},
                cwd="/",
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                start_new_session=True,
            )
        if self._read_line(_START_S) != b"ready":
            words = self._last_words()
            self.end()
            raise SandboxUnavailable(f"The sandbox's worker did not start: {words}")

    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, code: str, signals: Mapping[str, tuple[int, ...]], settings: Settings) -> str | Fault:
        """Have one candidate traced, within its limits."""
        request = {
            "code": code,
            "shapes": {name: list(shape) for name, shape in signals.items()},
            "seconds": settings.timeout_s,
            "memory_mib": settings.memory_mib,
        }
        try:
            body = json.dumps(request).encode()
        except UnicodeEncodeError:  # a lone surrogate
            return Fault("syntax", words={"detail": "it holds a character that is not text"})
        deadline = time.monotonic() + settings.timeout_s + _GRACE_S
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as from_child:
            with os.fdopen(writing, "wb") as to_parent:
                sent = self._send(body, to_parent.fileno())
            answer = _read_capped(from_child.fileno(), deadline) if sent else b""
        return self._verdict(answer, deadline, settings.timeout_s)

    def _send(self, body: bytes, answer_to: int) -> bool:
        """Whether the zygote took the request; one that is dead or stuck does not."""
        self._line.settimeout(_GRACE_S)
        try:
            socket.send_fds(self._line, [LENGTH.pack(len(body))], [answer_to])
            self._line.sendall(body)
        except OSError:
            return False
        return True

    def _verdict(self, answer: bytes | None, deadline: float, seconds: float) -> str | Fault:
        """What became of the candidate: first how its process ended, only then what it said."""
        ended = _parse(self._read_line(deadline - time.monotonic() + _GRACE_S))
        code = ended.get("exit")
        if not isinstance(code, int):
            self.end()
            return Fault("crash", words={"how": "together with the sandbox's worker"})
        if ended.get("in_time") is not True or code == -signal.SIGXCPU:
            return Fault("time", words={"seconds": f"{seconds:g}"})
        if answer is None:
            return Fault("output")
        if code != 0:
            return Fault("crash", words={"how": _how(code)})
        return _answer(answer)

    def _read_line(self, seconds: float) -> bytes:
        """One line from the zygote, without its end; empty where none comes in time."""
        said = b""
        deadline = time.monotonic() + seconds
        while not said.endswith(b"\n") and len(said) < 4096:
            self._line.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                part = self._line.recv(1)
            except OSError:
                return b""
            if not part:
                return b""
            said += part
        return said.removesuffix(b"\n")

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with code {self._process.poll()} and said nothing."

    def end(self) -> None:
        """Kill the worker and everything in its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._line.close()
        self._said.close()


def _read_capped(descriptor: int, deadline: float) -> bytes | None:
    """Everything written until the other end closes; None where it is too much. A deadline ends it early."""
    said = b""
    while (left := deadline - time.monotonic()) > 0 and select.select([descriptor], [], [], left)[0]:
        part = os.read(descriptor, 1 << 16)
        if not part:
            break
        said += part
        if len(said) > MAX_ANSWER:
            return None
    return said


def _parse(text: bytes) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _answer(text: bytes) -> str | Fault:
    found = _parse(text)
    graph = found.get("graph")
    if isinstance(graph, str):
        return graph
    return faults.from_json(found.get("fault")) or Fault("garbled")


def _how(code: int) -> str:
    try:
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    except ValueError:
        return f"exit code {code}"
