"""Known hacks on shipped tasks: the hacking report names each who lives by one, and nobody whose reward is right.

The rewards, and what must be found of them, stand in tests/corpus/planted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rewardsmith import taskfile
from rewardsmith.interfaces import Sandbox
from rewardsmith.report.hacking import Looked, look
from rewardsmith.types import Attempt, Judged, Trajectory, Verified

MANIFEST: Mapping[str, Mapping[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "corpus" / "planted" / "manifest.json").read_text(encoding="utf-8")
)
QUICK = ("reacher_reach",)  # a task that is played in a moment; the others take seconds each
SOUND = ("right", "scaled", "shaped", "noisy")


def files(*kinds: str) -> list[Any]:
    """The planted rewards of these kinds, all but those of quick tasks marked slow."""
    chosen = {file: entry["task"] for file, entry in MANIFEST.items() if entry["kind"] in kinds}
    return [pytest.param(f, marks=() if task in QUICK else pytest.mark.slow) for f, task in chosen.items()]


@pytest.fixture
def looked(
    planted: Mapping[str, Any],
    episodes: Callable[[str], tuple[Trajectory, ...]],
    sandbox: Sandbox,
    judged: Callable[..., Judged],
    attempt: Callable[..., Attempt],
) -> Callable[[str], Looked]:
    """What the report says of a planted reward whose policy lives by its exploit; the expert where it has none."""

    def build(file: str) -> Looked:
        case = planted[file]
        known = episodes(case.task)
        own = [replace(t, source="g001-00") for t in known if t.source == (case.exploit or "expert")]
        others = [t for t in known if t.source != (case.exploit or "expert")]
        plain = judged(sum(t.fitness for t in own) / len(own))
        trained = replace(plain.trained, verified=Verified(graph=case.graph(sandbox)), curves=())
        own.sort(key=lambda t: t.fitness)
        outcome = replace(plain, trained=trained, trajectories=tuple(own))
        return look(attempt("g001-00", outcome), taskfile.load(case.task).task, others)

    return build


@pytest.mark.parametrize("file", files("hackable"))
def test_who_lives_by_a_hack_is_named(looked: Callable[[str], Looked], file: str) -> None:
    assert looked(file).alarms


@pytest.mark.parametrize("file", files(*SOUND))
def test_whose_reward_is_right_is_left_in_peace(looked: Callable[[str], Looked], file: str) -> None:
    found = looked(file)
    assert (found.alarms, found.verdict) == ((), "nothing found")
