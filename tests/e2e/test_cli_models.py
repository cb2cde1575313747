"""Whole runs from the command line with somebody who answers: a server, a real small model, a person with a chat page.

The point simulator stands for the physics, so that what is slow here is the model.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from rewardsmith import cli
from rewardsmith.propose.fake_server import FakeServer, Heard, Say

TASK = """
name: point_reach
goal: A point on a line should go to a target and stay there.
env: {backend: point, id: Point-v0}
episode_steps: 20
control_dt_s: 0.1
signals:
  offset: {source: "obs[2]", unit: m, doc: target minus position}
  action: {source: action, shape: [1], unit: "1", doc: the push}
fitness: {of: "0 - info.distance", reduce: mean, unit: m, doc: minus the mean distance to the target}
train: {env_steps: 512, num_envs: 4, rollout_steps: 32, hidden: [16]}
judge: {episodes: 4, final_episodes: 4}
"""
GOOD = """Here is a reward.
```python
import torch

def compute_reward(offset: torch.Tensor, action: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    near = torch.exp(-offset.abs() / 0.5)
    effort = -{weight} * action.square().sum(dim=-1)
    return near + effort, {{"near": near, "effort": effort}}
```
"""
UNDECLARED = "```python\ndef compute_reward(distance):\n    return -distance, {}\n```"


@pytest.fixture
def evolve(tmp_path: Path) -> list[str]:
    """The words of a small run called `run`, but for the model."""
    (tmp_path / "task.yaml").write_text(TASK)
    sets = ("search.generations=2", "search.offspring=2")
    words = ["evolve", str(tmp_path / "task.yaml"), "--runs", str(tmp_path), "--name", "run"]
    return [*words, *(word for s in sets for word in ("--set", s))]


def replies(run: Path) -> list[dict[str, object]]:
    """Every reply in the ledger."""
    with sqlite3.connect(f"file:{run / 'ledger.sqlite'}?mode=ro", uri=True) as ledger:
        rows = ledger.execute("SELECT body FROM events WHERE kind = 'reply' ORDER BY seq").fetchall()
    ledger.close()
    return [json.loads(body) for (body,) in rows]


def test_a_server_s_rewards_are_repaired_trained_improved_and_paid_for_once_and_it_never_sees_the_fitness(
    evolve: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "sk-secret-of-the-test-0123456789")

    def answer(heard: Heard) -> Say:
        told = heard.body["messages"][-1]["content"]
        if "'distance'" in told:
            return Say(text=GOOD.format(weight=0.01))
        return Say(text=UNDECLARED if len(heard.body["messages"]) == 2 else GOOD.format(weight=0.02))

    with FakeServer(answer) as server:
        assert cli.run([*evolve, "--model", "vllm/coder", "--base-url", server.base_url]) == 0
        calls, asked = len(server.heard), json.dumps([heard.body for heard in server.heard])
    out = capsys.readouterr().out
    assert "winner g00" in out
    assert "(after 1 repair)" in out
    assert calls == len(replies(tmp_path / "run")) == 6  # two drafts, two repairs, two of generation 2
    assert "tokens" in out.splitlines()[-3]
    run = tmp_path / "run"
    assert "'distance'" in (run / "prompts" / "g001-00.repair1.md").read_text()
    improving = (run / "prompts" / "g002-00.md").read_text()
    assert "# What became of attempt g001-00" in improving
    assert re.search(r"^- `near`: -?[\d.]+ -> -?[\d.]+, ", improving, re.MULTILINE), "how its components went"
    assert "target minus position" in asked
    assert "info.distance" not in asked, "the fitness's source"
    assert "obs[2]" not in asked, "a signal's source"
    everything = b"".join(file.read_bytes() for file in run.rglob("*") if file.is_file())
    assert b"sk-secret-of-the-test" not in everything


@pytest.mark.slow(reason="a model on the CPU reads whole prompts: a minute; test_local_model.py asks it little")
def test_a_real_small_model_s_junk_is_survived_and_told(
    roomy_local_model: str, evolve: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ("search.generations=1", "search.offspring=1", "search.repairs=1", "propose.max_tokens=96")
    words = [word for setting in small for word in ("--set", setting)]
    code = cli.run([*evolve, *words, "--model", "llamacpp/smollm2", "--base-url", roomy_local_model])
    captured = capsys.readouterr()
    assert code in {0, 1}, captured.err
    assert "Traceback" not in captured.err
    assert ("winner g001" in captured.out) == (code == 0)
    assert ("No candidate could be judged" in captured.err) == (code == 1)
    run = tmp_path / "run"
    answered = replies(run)
    assert 1 <= len(answered) <= 2
    assert all(isinstance(r["tokens_out"], int) and 0 < r["tokens_out"] <= 96 for r in answered)
    assert (run / "replies" / "g001-00.md").read_text()
    assert "# outcome: " in (run / "candidates" / "g001-00.py").read_text()


def test_a_person_s_pasted_replies_make_a_run(
    evolve: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "chat"
    stop = threading.Event()

    def paste() -> None:
        while not stop.wait(0.05):
            for prompt in folder.glob("*.prompt.md"):
                reply = folder / prompt.name.replace(".prompt.", ".reply.")
                if not reply.exists():
                    reply.write_text(GOOD.format(weight=0.01))

    person = threading.Thread(target=paste)
    person.start()
    started = time.monotonic()
    try:
        assert cli.run([*evolve, "--set", "search.generations=1", "--model", f"manual:{folder}"]) == 0
    finally:
        stop.set()
        person.join()
    assert time.monotonic() - started < 120
    assert "winner g001-0" in capsys.readouterr().out
    assert (folder / "g001-01.prompt.md").is_file()
