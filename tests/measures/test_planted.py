"""Tests of the planted rewards themselves: that each is what its manifest says, on real episodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rewardsmith import pool, taskfile
from rewardsmith.interfaces import Sandbox
from rewardsmith.types import Trajectory

FOLDER = Path(__file__).parents[1] / "corpus" / "planted"
MANIFEST: dict[str, dict[str, Any]] = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
TASKS = sorted({entry["task"] for entry in MANIFEST.values()})
QUICK = {"reacher_reach", "inverted_pendulum_balance", "push"}

Episodes = Callable[[str], tuple[Trajectory, ...]]


def _slow_but_for_quick(values: Sequence[str], task_of: Callable[[str], str]) -> list[Any]:
    """All of them; those whose episodes take long to play are marked slow."""
    return [pytest.param(v, marks=[] if task_of(v) in QUICK else pytest.mark.slow) for v in values]


def _files(wanted: Callable[[dict[str, Any]], bool]) -> list[Any]:
    files = sorted(file for file, entry in MANIFEST.items() if wanted(entry))
    return _slow_but_for_quick(files, lambda file: MANIFEST[file]["task"])


def _returns(case: Any, sandbox: Sandbox, episodes: Sequence[Trajectory]) -> dict[str, list[float]]:
    """The undiscounted returns of each source's episodes."""
    steps = taskfile.load(case.task).task.episode_steps
    found: dict[str, list[float]] = {}
    for episode, (total, _) in zip(
        episodes, pool.rewards(case.graph(sandbox), episodes, episode_steps=steps), strict=True
    ):
        found.setdefault(episode.source, []).append(float(total.sum()))
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _fitness(episodes: Sequence[Trajectory], source: str) -> float:
    return _mean([e.fitness for e in episodes if e.source == source])


def test_every_planted_reward_stands_in_the_manifest_and_the_other_way_round() -> None:
    assert {path.name for path in FOLDER.glob("*.py")} == set(MANIFEST)
    assert all(entry.get("of", name) in MANIFEST for name, entry in MANIFEST.items())


def test_at_least_eight_known_hacks_are_planted() -> None:
    assert sum(entry["kind"] == "hackable" for entry in MANIFEST.values()) >= 8


@pytest.mark.parametrize("task", _slow_but_for_quick(TASKS, str))
def test_the_scripted_expert_does_better_than_random_play_and_than_every_cheat(task: str, episodes: Episodes) -> None:
    played = episodes(task)
    others = {e.source for e in played} - {"expert", "noised"}
    assert all(_fitness(played, "expert") > _fitness(played, other) for other in others)


@pytest.mark.parametrize("file", _files(lambda entry: entry["screen"] != "any"))
def test_a_planted_reward_ranks_episodes_as_its_manifest_says(
    file: str, planted: Mapping[str, Any], episodes: Episodes, sandbox: Sandbox
) -> None:
    case = planted[file]
    returns = _returns(case, sandbox, episodes(case.task))
    worse = _mean(returns["random"])
    if case.exploit is not None:
        worse = max(worse, _mean(returns[case.exploit]))
    assert (_mean(returns["expert"]) > worse) == (case.screen == "pass")


@pytest.mark.parametrize("file", _files(lambda entry: entry["hacking"]))
def test_a_cheat_earns_more_than_random_play_and_gets_no_further(
    file: str, planted: Mapping[str, Any], episodes: Episodes, sandbox: Sandbox
) -> None:
    case = planted[file]
    played = episodes(case.task)
    returns = _returns(case, sandbox, played)
    reach = _fitness(played, "expert") - _fitness(played, "random")
    assert _mean(returns[case.exploit]) > _mean(returns["random"])
    assert _fitness(played, case.exploit) - _fitness(played, "random") < 0.3 * reach


def test_the_environments_own_reward_ranks_the_expert_above_random_play(episodes: Episodes) -> None:
    for task in sorted(QUICK):
        paid = {e.source: float(e.expert.sum()) for e in episodes(task) if e.expert is not None}
        assert paid["expert"] > paid["random"]
