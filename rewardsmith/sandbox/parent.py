"""The trusted side of the sandbox: start the worker, hand it code, read what comes back as if from an enemy.

Nothing a worker says is believed. Its answer is read up to a size and a deadline; a graph is passed on as text for
`RewardGraph.from_json` to check, a fault is put into our own words, and how a worker ended is seen from outside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, Protocol

from rewardsmith.errors import SandboxUnavailable
from rewardsmith.sandbox import faults
from rewardsmith.sandbox.faults import Fault
from rewardsmith.sandbox.zygote import LENGTH, MAX_ANSWER, MOST_WAITING, NOT_LOCKED
from rewardsmith.types import Rejected

if TYPE_CHECKING:  # torch takes seconds to import, in which a worker can be starting
    from torch import Tensor

Kind = Literal["locked", "docker", "unsafe"]

_START_S = 600.0  # seconds on an idle machine: a few
_GRACE_S = 5.0  # beyond a candidate's own deadline, before the whole worker is given up
_CHOICES = (
    "Choose an outer sandbox with --sandbox docker, or run generated code unprotected with --sandbox unsafe, "
    "if you trust whoever writes it."
)
_CONTAINER = (
    "--rm --interactive --init --network none --ipc none --read-only --tmpfs /tmp:size=16m,uid=65534,gid=65534 "
    "--cap-drop ALL --user 65534:65534 --security-opt no-new-privileges --pids-limit 32 --log-driver none"
)
_LEAST_S = 2.0  # what the check of a graph gets where tracing took nearly all of the time
_MOST_WARNINGS = 64
_ZYGOTE = Path(__file__).with_name("zygote.py")
_PACKAGE = Path(__file__).resolve().parents[2]


class Settings(Protocol):
    """What the sandbox reads of `config.VerifySettings`."""

    @property
    def timeout_s(self) -> float: ...

    @property
    def memory_mib(self) -> int: ...

    @property
    def sandbox(self) -> Kind: ...

    @property
    def docker_image(self) -> str: ...


class ProcessSandbox:
    """Traces and probes candidates in a separate process, each in a locked child of its own.

    The worker starts with the first candidate and is replaced when it dies; one candidate's hang or crash is that
    candidate's rejection and nobody else's. What is locked and what is not: `rewardsmith.sandbox.jail`.
    """

    def __init__(self, settings: Settings, *, zygote: Path = _ZYGOTE) -> None:
        self.name: str = settings.sandbox
        self._settings, self._zygote = settings, zygote
        self._worker: _Worker | None = None

    def start(self) -> None:
        """Begin to start the worker, which takes seconds, and do not wait; what keeps it from starting is told when it
        is first asked something."""
        if self._worker is None:
            with contextlib.suppress(SandboxUnavailable):
                self._worker = _Worker(self._settings, self._zygote)

    def trace(
        self,
        codes: Sequence[str],
        *,
        signals: Mapping[str, tuple[int, ...]],
        constants: Mapping[str, float] | None = None,
    ) -> list[str | Rejected]:
        """Each code's graph as JSON text, not yet checked here, or its rejection; in the order of `codes`.

        Raises: SandboxUnavailable: no worker can be started here.
        """
        shapes = {name: list(shape) for name, shape in signals.items()}
        return [self._trace_one(code, shapes, dict(constants or {})) for code in codes]

    def probe(
        self, graphs: Sequence[str], *, states: Mapping[str, Tensor], units: Mapping[str, str]
    ) -> list[tuple[str, ...] | Rejected]:
        """Each graph's warnings on `states`, `(R, *shape)` float32, or its rejection; in the order of `graphs`.

        Raises: SandboxUnavailable: no worker can be started here.
        """
        shapes = {name: list(value.shape[1:]) for name, value in states.items()}
        return [self._probe_one(graph, states, shapes, units) for graph in graphs]

    def attack(self, name: str, target: Mapping[str, str | int]) -> str:
        """Try one of `attacks.ATTACKS` from inside: `succeeded`, `refused: <error>` or `stopped: <how>`."""
        answer = self._ask({"job": "attack", "name": name, "target": dict(target)}, has="attack")
        if isinstance(answer, Fault):
            return f"stopped: {answer.words.get('how') or faults.rejection(answer, stage='compile').reason}"
        return str(answer["attack"])

    def layers(self) -> dict[str, str]:
        """The layers that hold on this machine, each with a word on it; tried, not taken for granted.

        Raises: SandboxUnavailable: no worker can be started here.
        """
        return self._running().layers or {}

    def close(self) -> None:
        """End the worker; safe to call twice."""
        if self._worker:
            self._worker.end()
            self._worker = None

    def __enter__(self) -> ProcessSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _trace_one(self, code: str, shapes: dict[str, list[int]], constants: dict[str, float]) -> str | Rejected:
        started = time.monotonic()
        answer = self._ask({"job": "trace", "code": code, "shapes": shapes, "constants": constants}, has="graph")
        graph = answer if isinstance(answer, Fault) else str(answer["graph"])
        if isinstance(graph, str):  # whatever in it could crash or stall the check does so where that harms nobody
            left = max(_LEAST_S, self._settings.timeout_s - (time.monotonic() - started))
            checked = self._ask({"job": "check", "graph": graph, "shapes": shapes}, has="checked", seconds=left)
            graph = checked if isinstance(checked, Fault) else graph
        return faults.rejection(graph, stage="compile") if isinstance(graph, Fault) else graph

    def _probe_one(
        self, graph: str, states: Mapping[str, Tensor], shapes: dict[str, list[int]], units: Mapping[str, str]
    ) -> tuple[str, ...] | Rejected:
        request = {"job": "probe", "graph": graph, "shapes": shapes, "units": dict(units)}
        answer = self._ask(request, has="warnings", states=states)
        if isinstance(answer, Fault):
            return faults.rejection(answer, stage="probe")
        raw = answer["warnings"]
        listed = [faults.from_json(item) for item in raw[:_MOST_WARNINGS]] if isinstance(raw, list) else []
        return tuple(words for fault in listed if fault and (words := faults.warning(fault)))

    def _ask(
        self,
        request: Mapping[str, object],
        *,
        has: str,
        seconds: float | None = None,
        states: Mapping[str, Tensor] | None = None,
    ) -> dict[str, object] | Fault:
        """The answer, if it has what was asked for; else the fault it holds, or is."""
        limits = {"seconds": seconds or self._settings.timeout_s, "memory_mib": self._settings.memory_mib}
        try:
            answer = self._told({**request, **limits}, states).answer(seconds=limits["seconds"])
            if isinstance(answer, Fault) or has in answer:
                return answer
            return faults.from_json(answer.get("fault")) or Fault("garbled")
        except BaseException:  # Ctrl-C: what is still to come would be taken for the next candidate's
            self.close()
            raise

    def _told(self, request: Mapping[str, object], states: Mapping[str, Tensor] | None) -> _Worker:
        """A worker that took the request. One that died or is stuck before that is replaced: no candidate's doing."""
        for _ in range(2):
            worker = self._running()
            if worker.take(request, states):
                return worker
            self.close()
        raise SandboxUnavailable(
            "The sandbox's worker started twice and took no request: this machine is overloaded, or something on it "
            "kills processes. See to that, then run this again."
        )

    def _running(self) -> _Worker:
        if self._worker and self._worker.layers is not None and not self._worker.alive():
            self.close()
        try:
            self._worker = self._worker or _Worker(self._settings, self._zygote)
            self._worker.greeted()
        except BaseException:  # it cannot be had; or Ctrl-C
            self.close()
            raise
        return self._worker


class _Worker:
    """One zygote and the line to it; `layers` are those it has proven, None before it has been heard of."""

    def __init__(self, settings: Settings, zygote: Path) -> None:
        if sys.platform != "linux" and settings.sandbox == "locked":
            raise SandboxUnavailable(
                f"Generated code can only be locked in on Linux; this is {sys.platform}. {_CHOICES}"
            )
        self._settings = settings
        self.layers: dict[str, str] | None = None
        command = _command(settings, zygote)
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the worker
        self._known: Mapping[str, Tensor] | None = None
        self._process = subprocess.Popen(
            command,
            env=_environment(settings.sandbox),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)

    def greeted(self) -> None:
        """Wait until it is ready. Raises: SandboxUnavailable."""
        if self.layers is None:
            self.layers = self._started(self._settings)

    def _started(self, settings: Settings) -> dict[str, str]:
        """The layers it has proven. Raises: SandboxUnavailable."""
        greeting = _parse(self._frame(time.monotonic() + _START_S) or b"")
        layers, missing = greeting.get("layers"), greeting.get("missing")
        if isinstance(layers, dict):
            return {str(name): str(word) for name, word in layers.items()}
        if isinstance(missing, str) and settings.sandbox != "locked":
            return {}
        words = self._last_words()
        self.end()
        if isinstance(missing, str):
            raise SandboxUnavailable(f"Generated code cannot be locked in here: {missing}. {_CHOICES}")
        raise SandboxUnavailable(f"The sandbox's worker did not start: {words}{_advice(settings)}")

    def alive(self) -> bool:
        return self._process.poll() is None

    def take(self, request: Mapping[str, object], states: Mapping[str, Tensor] | None) -> bool:
        """Whether it took the job, and first the states to keep for it; the same states are sent once."""
        if states is not None and states is not self._known:
            rows = {name: value.detach().cpu().float().contiguous() for name, value in states.items()}
            layout = [[name, list(value.shape)] for name, value in rows.items()]
            numbers = b"".join(value.numpy().tobytes() for value in rows.values())
            if not self._send(json.dumps({"states": layout}).encode(), numbers):
                return False
            self._known = states
        return self._send(json.dumps(request).encode())

    def answer(self, *, seconds: float) -> dict[str, object] | Fault:
        """What came of the job it took, which had so long."""
        deadline = time.monotonic() + (1.0 + MOST_WAITING) * seconds + 2 * _GRACE_S
        ended = _parse(self._frame(deadline) or b"")
        said = self._frame(deadline) if ended else None
        if said is None:
            self.end()
            return Fault("crash", words={"how": "together with the sandbox's worker"})
        return _verdict(ended, said, seconds)

    def _send(self, *frames: bytes) -> bool:
        """Whether it took the frames; one that is dead or stuck does not."""
        left = memoryview(b"".join(LENGTH.pack(len(frame)) + frame for frame in frames))
        while left:
            if not select.select([], [self._to], [], _GRACE_S)[1]:
                return False
            try:
                left = left[os.write(self._to, left) :]
            except OSError:
                return False
        return True

    def _frame(self, deadline: float) -> bytes | None:
        """One frame from the zygote; None where none comes in time, or it is longer than any can be."""
        head = self._exactly(LENGTH.size, deadline)
        size = LENGTH.unpack(head)[0] if head else MAX_ANSWER + 1
        return self._exactly(size, deadline) if size <= MAX_ANSWER else None

    def _exactly(self, count: int, deadline: float) -> bytes | None:
        said = bytearray()
        while len(said) < count:
            if not select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            part = os.read(self._from, count - len(said))
            if not part:
                return None
            said += part
        return bytes(said)

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        if self.alive():
            return f"it runs, but said nothing for {_START_S:.0f} s. Is this machine short of processors or memory?"
        self._said.seek(0)
        said = [line.strip() for line in self._said.read().decode(errors="replace").splitlines()]
        lines = [line for line in said if line and not line.startswith(("Run 'docker", "See 'docker"))]
        return lines[-1] if lines else f"it ended with code {self._process.poll()} and said nothing."

    def end(self) -> None:
        """Kill the worker and everything in its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for line in (self._process.stdin, self._process.stdout, self._said):
            if line:
                line.close()


# --- starting it ----------------------------------------------------------------------------------------------------


def _command(settings: Settings, zygote: Path) -> list[str]:
    if settings.sandbox != "docker":
        lock = "locked" if settings.sandbox == "locked" else "open"
        return [sys.executable, "-I", str(zygote), str(_PACKAGE), lock]
    docker = shutil.which("docker")
    if docker is None:
        raise SandboxUnavailable("There is no docker on this machine. Install it, or leave --sandbox docker away.")
    inside = f"/rewardsmith/{zygote.relative_to(_PACKAGE).as_posix()}"
    memory = f"{settings.memory_mib + 2048}m"  # what torch itself takes comes on top
    return [
        docker, "run", *_CONTAINER.split(), f"--memory={memory}", f"--memory-swap={memory}",
        f"--volume={_PACKAGE / 'rewardsmith'}:/rewardsmith/rewardsmith:ro",
        settings.docker_image, "python", "-I", inside, "/rewardsmith", "open",
    ]  # fmt: skip


def _environment(kind: Kind) -> dict[str, str]:
    """Nothing for a worker of ours; for docker's client what it needs to find its daemon."""
    if kind != "docker":
        return {}
    wanted = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")
    return {name: os.environ[name] for name in wanted if name in os.environ}


def _advice(settings: Settings) -> str:
    if settings.sandbox != "docker":
        return ""
    return f" Is docker running, and has image {settings.docker_image} Python and torch? See docs/sandbox.md."


# --- what it said ---------------------------------------------------------------------------------------------------


def _verdict(ended: dict[str, object], said: bytes, seconds: float) -> dict[str, object] | Fault:
    """What became of a job: first how its process ended, only then what it said."""
    code = ended.get("exit")
    if not isinstance(code, int):
        return Fault("crash", words={"how": "together with the sandbox's worker"})
    if code == NOT_LOCKED and ended.get("locked") is not True:
        raise SandboxUnavailable("A worker could not be locked in, though that was tried with success at its start.")
    if ended.get("too_much") is True:
        return Fault("output")
    if ended.get("in_time") is not True or code == -signal.SIGXCPU:
        waited = ended.get("waited")
        if isinstance(waited, float) and waited > MOST_WAITING * seconds:
            return Fault("starved", words={"seconds": f"{(1 + MOST_WAITING) * seconds:.3g}"})
        return Fault("time", words={"seconds": f"{seconds:.3g}"})
    if code == -signal.SIGSYS:
        return Fault("forbidden", words={"how": "killed by SIGSYS"})
    if code != 0:
        return Fault("crash", words={"how": _how(code)})
    return _parse(said) or Fault("garbled")


def _parse(text: bytes) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _how(code: int) -> str:
    try:
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    except ValueError:
        return f"exit code {code}"
