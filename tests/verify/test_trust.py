"""The training process never runs a candidate's Python: a whole run is watched for it from inside the interpreter."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from rewardsmith.config import EvolveConfig
from rewardsmith.evolve import evolve
from rewardsmith.interfaces import Parts
from rewardsmith.sim.point import point_task
from rewardsmith.types import Judged

CANARY = "canary_of_a_candidate"
REPLY = (
    f"```python\nimport torch\n{CANARY} = 'left at import'\n\n\ndef compute_reward(distance: torch.Tensor):\n"
    f"    {CANARY}_inner = -distance\n    return {CANARY}_inner, {{'near': {CANARY}_inner}}\n```\n"
)
RUN: list[str] = []
WATCHING: list[bool] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    """Notes code that is about to run and carries the canary; importing a module runs its code."""
    if WATCHING and event == "exec" and isinstance(args[0], CodeType) and _carries(args[0]):
        RUN.append(f"exec of {args[0].co_filename}")


def _carries(code: CodeType) -> bool:
    words = (*code.co_names, *code.co_varnames)
    return any(CANARY in word for word in words) or any(_carries(c) for c in code.co_consts if isinstance(c, CodeType))


@contextmanager
def _watched() -> Iterator[list[str]]:
    RUN.clear()
    WATCHING.append(True)
    try:
        yield RUN
    finally:
        WATCHING.clear()


@pytest.fixture(scope="module", autouse=True)
def _hook() -> None:
    sys.addaudithook(_watch)  # cannot be taken away again; outside `_watched` it does nothing


def test_a_run_trains_on_generated_code_without_executing_or_importing_it(
    parts: Callable[..., Parts], config: EvolveConfig, scripted: Any
) -> None:
    with _watched() as ran:
        generations = list(evolve(point_task(episode_steps=10), parts(scripted(script={}, otherwise=REPLY)), config))
    judged = [a for g in generations for a in g.attempts if isinstance(a.outcome, Judged)]
    assert judged
    assert all(CANARY in attempt.candidate.code for attempt in judged)
    assert ran == []


def test_the_watch_sees_what_it_watches_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = REPLY.removeprefix("```python\n").removesuffix("```\n")
    (tmp_path / f"{CANARY}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with _watched() as ran:
        exec(compile(code, "candidate.py", "exec"), {})
        importlib.import_module(CANARY)
    monkeypatch.delitem(sys.modules, CANARY)
    assert [Path(line).name for line in ran] == ["exec of candidate.py", f"{CANARY}.py"]
