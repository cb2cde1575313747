"""Tests of `sandbox.parent`: one candidate's end is never another's, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import torch

from rewardsmith.errors import SandboxUnavailable
from rewardsmith.sandbox import ProcessSandbox, parent
from rewardsmith.types import Rejected

SIGNALS = {"speed": (), "hand": (3,)}
FINE = "def compute_reward(speed):\n    return speed * 2.0, {}"
ENDLESS = "def compute_reward(speed):\n    while True:\n        pass\n    return speed, {}"


Kind = Literal["locked", "docker", "unsafe"]


@dataclass(frozen=True)
class Settings:
    timeout_s: float = 3.0
    memory_mib: int = 512
    sandbox: Kind = "locked"
    docker_image: str = "torch"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    with ProcessSandbox(Settings()) as started:
        started.trace([FINE], signals=SIGNALS)
        yield started


def _zygote(sandbox: ProcessSandbox) -> int:
    assert sandbox._worker
    return sandbox._worker._process.pid


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _while_running(sandbox: ProcessSandbox, act: Callable[[int], object]) -> str | Rejected:
    """Trace endless code, and do something with its process while it runs."""
    results: list[str | Rejected] = []
    thread = threading.Thread(target=lambda: results.extend(sandbox.trace([ENDLESS], signals=SIGNALS)))
    thread.start()
    deadline = time.monotonic() + 10.0
    while not (children := _children(_zygote(sandbox))) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)  # past its lock-in, into the candidate's own loop
    act(children[0])
    thread.join()
    return results[0]


def test_a_hang_is_stopped_and_its_neighbours_are_not(sandbox: ProcessSandbox) -> None:
    before, hung, after = sandbox.trace([FINE, ENDLESS, FINE], signals=SIGNALS)
    assert isinstance(before, str)
    assert after == before
    assert isinstance(hung, Rejected)
    assert hung.reason == "The code was still running after 3 s and was stopped."
    assert _children(_zygote(sandbox)) == []


def test_a_crash_is_told_by_how_the_process_ended(sandbox: ProcessSandbox) -> None:
    crashed = _while_running(sandbox, lambda pid: os.kill(pid, signal.SIGSEGV))
    assert isinstance(crashed, Rejected)
    assert crashed.reason == "The code ended its worker process (killed by SIGSEGV)."
    assert isinstance(sandbox.trace([FINE], signals=SIGNALS)[0], str)


def test_a_candidate_runs_locked_in(sandbox: ProcessSandbox) -> None:
    seen: dict[str, str] = {}

    def look(pid: int) -> None:
        seen["environ"] = Path(f"/proc/{_zygote(sandbox)}/environ").read_text()
        seen["limits"] = Path(f"/proc/{pid}/limits").read_text()
        seen["status"] = Path(f"/proc/{pid}/status").read_text()
        seen["group"] = str(os.getpgid(pid) == pid)

    _while_running(sandbox, look)
    limits = {line[:26].strip(): line[26:].split()[:2] for line in seen["limits"].splitlines()[1:]}
    assert seen["environ"] == ""
    assert seen["group"] == "True"
    assert limits["Max file size"] == ["0", "0"]
    assert limits["Max core file size"] == ["0", "0"]
    assert limits["Max open files"] == ["32", "32"]
    assert limits["Max cpu time"] == ["4", "4"]
    status = dict(line.split(":\t", 1) for line in seen["status"].splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert (
        int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) & int(status["CapEff"], 16)
    )
    assert int(status["CapEff"], 16) == 0


@pytest.mark.slow
def test_a_lost_worker_is_replaced(sandbox: ProcessSandbox) -> None:
    lost = _zygote(sandbox)
    rejected = _while_running(sandbox, lambda _: os.killpg(lost, signal.SIGKILL))
    assert isinstance(rejected, Rejected)
    assert isinstance(sandbox.trace([FINE], signals=SIGNALS)[0], str)
    assert _zygote(sandbox) != lost


def test_closing_twice_is_fine_and_ends_the_worker() -> None:
    sandbox = ProcessSandbox(Settings())
    sandbox.trace([], signals=SIGNALS)
    sandbox.close()
    sandbox.close()


def _acting(
    tmp_path: Path, said: bytes, *, greeting: str = '{"layers": {}}', ended: str = '{"exit": 0, "in_time": true}',
    settings: Settings,
) -> ProcessSandbox:  # fmt: skip
    """A sandbox whose worker is an actor: it greets, and answers every request with how it `ended` and `said`."""
    actor = tmp_path / "actor.py"
    actor.write_text(
        "import os, struct\n"
        f"frames = lambda *texts: b''.join(struct.pack('!I', len(text)) + text for text in texts)\n"
        f"os.write(1, frames({greeting.encode()!r}))\n"
        "while os.read(0, 100000):\n"
        f"    os.write(1, frames({ended.encode()!r}, {said!r}))\n",
        encoding="utf-8",
    )
    return ProcessSandbox(settings, zygote=actor)


def test_a_worker_that_starts_is_waited_for_when_it_is_asked_and_no_sooner(tmp_path: Path) -> None:
    with _acting(tmp_path, b'{"graph": "{}", "checked": true}', settings=Settings()) as acting:
        actor, go, begun = tmp_path / "actor.py", tmp_path / "go", tmp_path / "begun"
        waiting = (
            f"import os, time\nopen({str(begun)!r}, 'a').write('x')\n"
            f"while not os.path.exists({str(go)!r}):\n    time.sleep(0.01)\n"
        )
        actor.write_text(waiting + actor.read_text(encoding="utf-8"), encoding="utf-8")
        acting.start()
        acting.start()
        go.touch()  # a start that waited would not have come here
        assert acting.trace([FINE], signals=SIGNALS) == ["{}"]
        assert begun.read_text(encoding="utf-8") == "x"


def test_what_keeps_a_worker_from_starting_is_told_when_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _acting(tmp_path, b"", greeting='{"missing": "Landlock is missing"}', settings=Settings()) as acting:
        acting.start()
        for _ in range(2):
            with pytest.raises(SandboxUnavailable, match="cannot be locked in here: Landlock is missing"):
                acting.layers()
    monkeypatch.setattr(parent.sys, "platform", "win32")
    elsewhere = ProcessSandbox(Settings())
    elsewhere.start()
    with pytest.raises(SandboxUnavailable, match="only be locked in on Linux"):
        elsewhere.layers()


def test_torch_is_not_imported_to_start_a_worker() -> None:
    code = "import sys, rewardsmith.sandbox; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b'{"fault": {"kind": "x"}}', b'{"more": 1}', b"\xff", b"[" * 100_000]
)
def test_an_unusable_answer_is_a_rejection(said: bytes, tmp_path: Path) -> None:
    with _acting(tmp_path, said, settings=Settings()) as acting:
        [rejected] = acting.trace([FINE], signals=SIGNALS)
        [probed] = acting.probe(["{}"], states={}, units={})
    assert isinstance(rejected, Rejected)
    assert isinstance(probed, Rejected)
    assert rejected.reason == probed.reason == "The code's worker gave no usable answer."


@pytest.mark.parametrize(
    ("waited", "reason"),
    [
        (95.9, "The code was still running after 8 s and was stopped."),
        (
            96.1,
            "The code was not through after 104 s, most of which it waited for a processor: this machine is too busy "
            "to judge it.",
        ),
    ],
)
def test_code_is_not_blamed_for_a_machine_that_gives_it_no_processor(
    waited: float, reason: str, tmp_path: Path
) -> None:
    """Of its own it has 8 s, and twelve times as much to stand in line."""
    ended = json.dumps({"exit": -9, "in_time": False, "too_much": False, "waited": waited})
    with _acting(tmp_path, b"", ended=ended, settings=Settings(timeout_s=8.0)) as acting:
        [rejected] = acting.trace([FINE], signals=SIGNALS)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason


def test_a_worker_that_could_not_be_locked_in_ends_everything(tmp_path: Path) -> None:
    ended = json.dumps({"exit": 77, "in_time": True, "too_much": False, "waited": 0.0, "locked": False})
    with (
        _acting(tmp_path, b"", ended=ended, settings=Settings()) as acting,
        pytest.raises(SandboxUnavailable, match="could not be locked in"),
    ):
        acting.trace([FINE], signals=SIGNALS)


def test_no_candidate_is_blamed_for_a_worker_that_died_before_it_took_anything(tmp_path: Path) -> None:
    """The first of these workers hangs up right after its greeting, as one that is killed then; the second answers."""
    with _acting(tmp_path, b'{"warnings": []}', settings=Settings()) as acting:
        actor, first = tmp_path / "actor.py", tmp_path / "first"
        words = actor.read_text(encoding="utf-8")
        hung_up = f"if not os.path.exists({str(first)!r}):\n    open({str(first)!r}, 'w')\n    os.close(0)\n"
        greeting, rest = words.split("while ", 1)
        actor.write_text(f"{greeting}{hung_up}    import time\n    time.sleep(60)\nwhile {rest}", encoding="utf-8")
        states = {"x": torch.zeros(1_000_000)}  # more than a pipe holds
        assert acting.probe(["{}"], states=states, units={}) == [()]
        assert first.exists()


def test_a_machine_whose_workers_take_nothing_ends_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "_GRACE_S", 0.2)
    actor = tmp_path / "actor.py"
    greeting = b'{"layers": {}}'
    actor.write_text(
        f"import os, struct, time\nos.write(1, struct.pack('!I', {len(greeting)}) + {greeting!r})\ntime.sleep(60)\n",
        encoding="utf-8",
    )
    states = {"x": torch.zeros(1_000_000)}
    with (
        ProcessSandbox(Settings(), zygote=actor) as acting,
        pytest.raises(SandboxUnavailable, match="started twice and took no request"),
    ):
        acting.probe(["{}"], states=states, units={})


def test_a_frame_longer_than_any_can_be_is_not_waited_for(tmp_path: Path) -> None:
    said = b"x" * (parent.MAX_ANSWER + 1)
    with _acting(tmp_path, said, settings=Settings()) as acting:
        [rejected] = acting.trace([FINE], signals=SIGNALS)
    assert isinstance(rejected, Rejected)
    assert rejected.reason.startswith("The code ended its worker process (together with")


def test_a_machine_that_cannot_lock_in_refuses_and_says_what_to_do(tmp_path: Path) -> None:
    missing = '{"missing": "Landlock is missing (Linux 5.13 or newer)"}'
    with (
        _acting(tmp_path, b"{}", greeting=missing, settings=Settings()) as acting,
        pytest.raises(SandboxUnavailable) as refused,
    ):
        acting.layers()
    assert str(refused.value) == (
        "Generated code cannot be locked in here: Landlock is missing (Linux 5.13 or newer). Choose an outer sandbox "
        "with --sandbox docker, or run generated code unprotected with --sandbox unsafe, if you trust whoever writes "
        "it."
    )


def test_a_worker_that_never_gets_ready_is_told_from_one_that_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "_START_S", 0.2)
    actor = tmp_path / "actor.py"
    actor.write_text("import os, time\nos.write(2, b'a warning')\ntime.sleep(60)\n", encoding="utf-8")
    with pytest.raises(SandboxUnavailable, match="did not start: it runs, but said nothing for 0 s"):
        ProcessSandbox(Settings(), zygote=actor).layers()


def test_unsafe_goes_on_without_locks_and_says_so(tmp_path: Path) -> None:
    missing = '{"missing": "Landlock is missing"}'
    with _acting(tmp_path, b'{"graph": "{}", "checked": true}', greeting=missing, settings=UNSAFE) as acting:
        assert acting.layers() == {}
        assert acting.name == "unsafe"
        assert acting.trace([FINE], signals=SIGNALS) == ["{}"]


UNSAFE = Settings(sandbox="unsafe")
DOCKER = Settings(sandbox="docker")


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent.sys, "platform", "win32")
    with pytest.raises(SandboxUnavailable, match="can only be locked in on Linux; this is win32"):
        ProcessSandbox(Settings()).trace([FINE], signals=SIGNALS)


FAKE_DOCKER = """#!{python}
import os, sys
open({said!r}, "w").write("\\n".join(sys.argv[1:]))
script = sys.argv[sys.argv.index("python") + 2].removeprefix("/rewardsmith/")
os.execv({python!r}, [{python!r}, "-I", {package!r} + "/" + script, {package!r}, "open"])
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` on the path that writes down its arguments and runs the worker on this machine."""
    said, fake = tmp_path / "said", tmp_path / "docker"
    package = str(Path(parent.__file__).resolve().parents[2])
    fake.write_text(FAKE_DOCKER.format(python=sys.executable, said=str(said), package=package), encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return said


@pytest.mark.slow  # a worker of its own
def test_docker_runs_the_worker_in_a_container_without_network_or_privileges(docker: Path) -> None:
    with ProcessSandbox(DOCKER) as contained:
        [graph] = contained.trace([FINE], signals=SIGNALS)
    assert isinstance(graph, str)
    given = docker.read_text(encoding="utf-8").splitlines()
    assert given[:2] == ["run", "--rm"]
    words = " ".join(given)
    for flag in ("--network none", "--read-only", "--cap-drop ALL", "no-new-privileges", "--user 65534:65534"):
        assert flag in words
    assert words.endswith("torch python -I /rewardsmith/rewardsmith/sandbox/zygote.py /rewardsmith open")
    assert "KEY" not in words


def test_docker_s_own_reason_is_told_and_not_where_its_help_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "docker"
    fake.write_text("#!/bin/sh\necho 'Cannot connect to it.' >&2\necho \"Run 'docker run --help' for more\" >&2\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match="Cannot connect to it"):
        ProcessSandbox(DOCKER).layers()


def test_docker_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxUnavailable, match="There is no docker on this machine"):
        ProcessSandbox(DOCKER).layers()


@pytest.mark.slow
def test_one_worker_verifies_a_hundred_candidates_without_growing(sandbox: ProcessSandbox) -> None:
    codes = [
        f"def compute_reward(speed, hand):\n    return speed * {i}.5 - hand.norm(dim=-1), {{}}" for i in range(110)
    ]
    states = {"speed": torch.linspace(-1.0, 1.0, 64), "hand": torch.linspace(-1.0, 1.0, 192).view(64, 3)}
    seen = []
    for first in range(0, 110, 10):
        graphs = [
            graph for graph in sandbox.trace(codes[first : first + 10], signals=SIGNALS) if isinstance(graph, str)
        ]
        probed = sandbox.probe(graphs, states=states, units={})
        assert [isinstance(outcome, tuple) for outcome in probed] == [True] * 10
        seen.append((_memory(_zygote(sandbox)), len(list(Path(f"/proc/{_zygote(sandbox)}/fd").iterdir()))))
    assert _children(_zygote(sandbox)) == []
    assert seen[-1][1] == seen[0][1]
    assert seen[-1][0] - seen[0][0] < 2 * 2**20


def _memory(pid: int) -> int:
    """Bytes of a process that are its own."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
