"""Whole runs from the shell, on a real MuJoCo task, in processes of their own: to the end, killed, interrupted.

What is compared is the ledger less its times: generations with every curve, score and policy hash, people, finals.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rewardsmith.store import Run
from rewardsmith.store.sharing import known_to
from rewardsmith.types import Judged

TASK = "inverted_pendulum_balance"
SETTINGS = (
    "search.generations=2", "search.offspring=2", "train.env_steps=4096",
    "judge.episodes=2", "judge.final_episodes=2",
)  # fmt: skip
COMPARED = ("run", "trajectories", "references", "heard", "generation", "final", "people", "reply")
PATIENCE_S = 180.0


class Shell:
    """Starts `rewardsmith` as a person would, with runs in one folder; ends what is left."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "rewardsmith", *words, "--runs", str(self.runs)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self._started.append(process)
        return process

    def evolve(self, name: str) -> subprocess.Popen[str]:
        settings = (word for setting in SETTINGS for word in ("--set", setting))
        return self.start("evolve", TASK, "--seed", "5", "--name", name, "--references", *settings)

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("e2e") / "runs")
    yield shell
    shell.end()


@pytest.fixture(scope="module")
def unbroken(shell: Shell) -> Path:
    """A run that nothing happened to."""
    out = finished(shell.evolve("unbroken"))
    assert "winner g00" in out
    return shell.runs / "unbroken"


def finished(process: subprocess.Popen[str], *, code: int = 0) -> str:
    """What the process printed; it must end with `code`."""
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, out
    return out


def events(run: Path) -> dict[str, object]:
    """What the ledger holds of the kinds that are compared, by key, times set to 0; nothing while there is none."""
    file = run / "ledger.sqlite"
    if not file.is_file():
        return {}
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30) as ledger:
        try:
            rows = ledger.execute("SELECT key, kind, body FROM events").fetchall()
        except sqlite3.OperationalError:  # the table is about to be made
            rows = []
    ledger.close()
    return {key: timeless(json.loads(body)) for key, kind, body in rows if kind in COMPARED}


def timeless(value: object) -> object:
    if isinstance(value, dict):
        return {k: 0 if k == "seconds" else timeless(v) for k, v in value.items()}
    if isinstance(value, list):
        return [timeless(v) for v in value]
    return value


def wait_for(run: Path, key: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while key not in events(run):
        assert process.poll() is None, f"it ended before '{key}': {process.communicate()[0]}"
        assert time.monotonic() < deadline, f"no '{key}' within {PATIENCE_S:.0f} s"
        time.sleep(0.05)


def test_a_run_leaves_what_the_readme_says(unbroken: Path) -> None:
    ids = [f"g00{g}-0{i}" for g in (1, 2) for i in (0, 1)]
    expected = ["run.json", "config.yaml", "task.yaml", "summary.md", "best/reward.py", "best/graph.json"]
    expected += (
        [f"candidates/{i}.py" for i in ids] + [f"prompts/{i}.md" for i in ids] + [f"replies/{i}.md" for i in ids]
    )
    expected += [f"curves/{i}.csv" for i in ids] + [f"policies/{i}.safetensors" for i in ids]
    assert [file for file in expected if not (unbroken / file).is_file()] == []
    assert {"generation:1", "generation:2", "final:3"} <= set(events(unbroken))


@pytest.mark.slow  # starts the command several times
def test_what_a_run_knows_is_handed_to_another(shell: Shell, unbroken: Path, tmp_path: Path) -> None:
    file = tmp_path / "known.safetensors"
    # 16 of random play, and 2 of each of 2 references and 4 candidates, as far as they were judged
    assert "episodes of inverted_pendulum_balance, from unbroken" in finished(
        shell.start("trajectories", "unbroken", "--out", str(file))
    )
    other = finished(shell.start("evolve", "reacher_reach", "--trajectories", str(file), "--name", "other"), code=2)
    assert "are of task 'inverted_pendulum_balance', and this run is of 'reacher_reach'" in other
    assert not (shell.runs / "other").exists()
    more = ("--set", "search.generations=1", "--set", "search.offspring=1", "--set", "train.env_steps=2048")
    few = ("--set", "judge.episodes=2", "--set", "judge.final_episodes=2", "--set", "pool.random=2")
    finished(shell.start("evolve", TASK, "--seed", "6", "--trajectories", str(file), "--name", "heir", *more, *few))
    with Run.open(shell.runs / "heir", write=False) as heir, Run.open(unbroken, write=False) as parent:
        begun = [t.source for t in heir.begun_with()]
        assert begun[:2] == ["random"] * 2
        assert len(begun) == 2 + len(known_to(parent))
        assert any(source.startswith("unbroken/g00") for source in begun)


def test_the_hacking_report_has_a_verdict_on_every_judged_candidate(shell: Shell, unbroken: Path) -> None:
    page = finished(shell.start("show", "unbroken", "--hacking"))
    with Run.open(unbroken, write=False) as run:
        judged = [a.id for g in run.history() for a in g.attempts if isinstance(a.outcome, Judged)]
        final = run.final()
    assert judged
    assert all(name in page for name in judged)
    assert final is not None
    assert {p.disturbance.kind for p in final.probes if p.scores} == {"reset_noise", "mass", "friction", "horizon"}
    assert "## Other worlds" in (unbroken / "summary.md").read_text()


def test_interrupted_and_killed_and_resumed_a_run_equals_the_unbroken_one(shell: Shell, unbroken: Path) -> None:
    run = shell.runs / "broken"
    process = shell.evolve("broken")
    wait_for(run, "run", process)
    second = shell.start("resume", "broken")
    assert f"is being worked on by process {process.pid} on" in finished(second, code=3)
    wait_for(run, "heard:1", process)
    process.send_signal(signal.SIGINT)
    told = finished(process, code=130)
    assert f"Go on with: rewardsmith resume {run}" in told
    assert "Traceback" not in told
    assert "State: interrupted" in (run / "summary.md").read_text()

    process = shell.start("resume", "broken")
    wait_for(run, "heard:2", process)  # generation 1 is in, generation 2 under way
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert "generation:1" in events(run)

    out = finished(shell.start("resume", "broken"))
    assert "generation 2/2" in out
    assert "generation 1/2" not in out, "a finished generation is not done again"
    assert events(run) == events(unbroken)
    assert (run / "best" / "reward.py").read_text() == (unbroken / "best" / "reward.py").read_text()


@pytest.mark.slow  # starts the command several times
@pytest.mark.parametrize("delay_s", [0.5, 3.0, 6.0, 9.0])
def test_a_run_killed_at_any_moment_and_twice_still_ends_as_the_unbroken_one(
    shell: Shell, unbroken: Path, delay_s: float
) -> None:
    name = f"killed-{delay_s}"
    process = shell.evolve(name)
    wait_for(shell.runs / name, "run", process)
    for _ in range(2):
        time.sleep(delay_s)
        process.kill()
        process.wait()
        process = shell.start("resume", name)
    finished(process)
    assert events(shell.runs / name) == events(unbroken)


@pytest.mark.slow  # starts the command several times
def test_words_of_people_reach_the_next_prompt_and_the_ledger(shell: Shell) -> None:
    words = ("--human", "after-generation", "--human-timeout", "6", "--seed", "5", "--name", "with-people")
    process = shell.start("evolve", TASK, *words, *(w for s in SETTINGS for w in ("--set", s)))
    run = shell.runs / "with-people"
    wait_for(run, "generation:1", process)
    told = finished(shell.start("feedback", "with-people", "--note", "keep the cart still", "--pin", "g001-01"))
    assert "note: keep the cart still" in told
    out = finished(process)
    assert "Going on with 2 inputs from people." in out
    assert "keep the cart still" in (run / "prompts" / "g002-00.md").read_text()
    assert "# parents: g001-01" in (run / "candidates" / "g002-00.py").read_text()
    said = events(run)["people:1"]
    assert isinstance(said, dict)
    assert said["text"] == "keep the cart still"
    assert said["who"]
    assert said["when"].endswith("Z")
