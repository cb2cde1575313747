"""What the proposers' tests share: requests, a bare environment, a listener, and fast waits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rewardsmith.config import ProposeSettings
from rewardsmith.interfaces import Brief, Request
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.retry import Backoff
from rewardsmith.types import EnvSpec, Measure, Message, Prompt, References, Rejected, Task

GOLDEN = Path(__file__).parent.parent / "golden" / "propose"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, address or proxy of this machine reaches a test."""
    for name in list(os.environ):
        if name.upper().endswith(("_API_KEY", "_API_BASE", "_BASE_URL", "_PROXY")):
            monkeypatch.delenv(name)


@pytest.fixture
def task() -> Task:
    return Task(
        name="stand",
        goal="Stand still.",
        env=EnvSpec(backend="none", id="none"),
        signals=(),
        fitness=Measure(source="obs", reduce="mean"),
        success=None,
        references=References(),
        episode_steps=10,
        control_dt_s=0.1,
    )


@pytest.fixture
def ask(task: Task) -> Callable[..., Request]:
    """Builds a request: `ask("g001-00", "words", index=0, repair=False)`."""

    def build(
        candidate: str = "g001-00", words: str = "Write a reward.", *, index: int = 0, repair: bool = False
    ) -> Request:
        messages = (Message(role="system", content="You write rewards."), Message(role="user", content=words))
        rejected = Rejected(stage="static", reason="No code.", hint="Write some.") if repair else None
        return Request(
            candidate_id=candidate,
            prompt=Prompt(messages=messages, sha256=hashlib.sha256(words.encode()).hexdigest()),
            brief=Brief(task=task, rejected=rejected),
            index=index,
            seed=100 + index,
        )

    return build


@pytest.fixture
def store() -> RepliesInMemory:
    return RepliesInMemory()


@pytest.fixture
def told() -> list[str]:
    """Pass `told.append` as `tell`."""
    return []


@pytest.fixture
def settings() -> ProposeSettings:
    return ProposeSettings(timeout_s=20.0, retries=3)


@pytest.fixture
def at_once() -> Backoff:
    """Waits too short to notice."""
    return Backoff(first_s=0.01, longest_s=0.02)


@pytest.fixture
def expect_golden() -> Iterator[Callable[[str, str], None]]:
    """Compares text with a golden file; `UPDATE_GOLDEN=1 pytest tests/propose` rewrites it: read the difference."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
