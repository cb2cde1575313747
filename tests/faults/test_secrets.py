"""Keys go to the provider and nowhere else: not into a run, a log, a prompt, an error, or another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.propose.fake_server import Behaviour, Body, Fail, FakeServer, Heard, Say

CANARY = "sk-canary-3141592653589793"
NAMES = ("VLLM_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY")
KEYS: Mapping[str, str] = dict.fromkeys(NAMES, CANARY)
LOUD = {"OPENAI_LOG": "debug", "LITELLM_LOG": "DEBUG"}

TELLTALES: tuple[Behaviour, ...] = (
    Fail(status=429, error={"message": f"{CANARY} is too fast"}, headers={"Retry-After": "0.1", "X-Key": CANARY}),
    Say(text=f"I was given {CANARY}.\n```python\ndef compute_reward(offset):\n    return -offset.abs(), {{}}\n```"),
    Say(text=f"```python\n# {CANARY}\ndef compute_reward(x):\n    pass\n```", finish=CANARY),
    Fail(status=401, error={"message": f"Incorrect API key provided: {CANARY}", "code": CANARY}),
)
LAST: tuple[Behaviour, ...] = (
    Fail(status=400, error={"message": f"Bearer {CANARY}", "param": CANARY}),
    Fail(status=403, error={"message": f"{CANARY} may not"}),
    Body(content=f"<html>{CANARY}".encode()),
)


class Gossip:
    """A server's script that repeats the key in every way it can, then behaves."""

    def __init__(self, rig: Any) -> None:
        self._otherwise, self.left = rig.rewarding, list(TELLTALES)

    def __call__(self, heard: Heard) -> Behaviour:
        assert heard.headers["authorization"] == f"Bearer {CANARY}"
        answer: Behaviour = self.left.pop(0) if self.left else self._otherwise(heard)
        return answer


def _holding_it(folder: Path) -> list[Path]:
    """Files in which the canary stands, whole or cut in two by a line's end."""
    return [file for file in folder.rglob("*") if file.is_file() and b"canary" in file.read_bytes()]


def test_a_key_is_in_nothing_that_a_run_leaves_however_often_the_server_repeats_it(nursery: Any, rig: Any) -> None:
    script, env = Gossip(rig), {**KEYS, **LOUD}
    said = []
    with FakeServer(script) as server:
        model = ("--model", "vllm/coder", "--base-url", server.base_url, "--set", "propose.concurrency=1")
        words = ("--seed", "4", "--plain", "--name", "told", *model)
        ended = nursery.call("evolve", "task.yaml", *words, env=env)
        assert (ended.code, script.left) == (4, []), ended.said
        said.append(ended.said)
        for trouble in LAST:
            script.left = [trouble]
            ended = nursery.call("resume", "told", env=env)
            assert ended.code == 4, ended.said
            said.append(ended.said)
        said.append(nursery.call("resume", "told", env=env, at=12).said)
        ended = nursery.call("resume", "told", env=env)
        assert ended.code == 0, ended.said
        said.append(ended.said)
    looks = (("show", "told"), ("show", "told", "--hacking"), ("fsck", "told"), ("doctor",))
    said += [nursery.call(*words, env=env).said for words in looks]
    assert "[VLLM_API_KEY]" in (nursery.folder / "runs" / "told" / "replies" / "g001-00.md").read_text()
    assert [text for text in said if "canary" in text] == []
    assert _holding_it(nursery.folder) == []


def test_a_password_in_an_address_is_not_kept(nursery: Any, rig: Any) -> None:
    with FakeServer(rig.rewarding) as server:
        secret = server.base_url.replace("http://", f"http://me:{CANARY}@")
        more = ("--set", "search.generations=1", "--name", "address", "--plain")
        ended = nursery.call(
            "evolve", "task.yaml", "--model", "vllm/coder", "--base-url", f"{secret}?token={CANARY}", *more
        )
    assert f"--base-url is kept as {server.base_url}; give it in full again" in ended.said
    assert "canary" not in ended.said
    assert _holding_it(nursery.folder) == []


# --- other processes --------------------------------------------------------------------------------------------------


def _descendants(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from _descendants(child)


def _told(pid: int) -> bytes:
    """What a process was given: its environment and its words."""
    try:
        return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline"))
    except OSError:  # it has ended
        return b""


@pytest.mark.slow
def test_a_key_reaches_no_other_process(rig: Any, tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text(rig.TASK)
    seen: dict[int, bytes] = {}
    with FakeServer(rig.rewarding) as server, (tmp_path / "said.txt").open("wb") as said:
        words = ("evolve", "task.yaml", "--model", "vllm/coder", "--base-url", server.base_url, "--plain")
        process = subprocess.Popen(
            [sys.executable, "-m", "rewardsmith", *words],
            env={**os.environ, **KEYS, **LOUD}, cwd=tmp_path, stdout=said, stderr=said,
        )  # fmt: skip
        end = time.monotonic() + 180.0
        while process.poll() is None and time.monotonic() < end:
            seen |= {pid: seen.get(pid, b"") + _told(pid) for pid in _descendants(process.pid)}
            time.sleep(0.05)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        assert process.wait() == 0, (tmp_path / "said.txt").read_text()
    assert any(b"zygote.py" in told for told in seen.values()), "the sandbox's worker was not seen"
    assert [pid for pid, told in seen.items() if b"canary" in told] == []
    assert _holding_it(tmp_path) == []
