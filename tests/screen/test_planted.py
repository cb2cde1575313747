"""The planted rewards on real episodes: the screen must skip what is wrong, keep what is right, and know a twin."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rewardsmith import taskfile
from rewardsmith.config import EvolveConfig, ScreenSettings
from rewardsmith.interfaces import Sandbox
from rewardsmith.screen import Failed, Passed, Screen
from rewardsmith.screen.duplicates import Twin
from rewardsmith.types import Trajectory

MANIFEST: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "corpus" / "planted" / "manifest.json").read_text(encoding="utf-8")
)
QUICK = "reacher_reach"
RANKED = sorted(file for file, entry in MANIFEST.items() if entry["screen"] != "any")
TWINS = sorted(file for file, entry in MANIFEST.items() if entry.get("of") is not None)

Episodes = Callable[[str], tuple[Trajectory, ...]]


def _files(files: list[str]) -> list[Any]:
    """All of them; those whose episodes take long to play are marked slow."""
    return [pytest.param(f, marks=[] if MANIFEST[f]["task"] == QUICK else pytest.mark.slow) for f in files]


def _screen(name: str, played: tuple[Trajectory, ...], **settings: object) -> Screen:
    """Three episodes of a kind decide here: there are but four of each behaviour."""
    config = EvolveConfig(screen=ScreenSettings.model_validate({"least": 3, **settings}))
    return Screen(taskfile.load(name).task, config, trajectories=played)


@pytest.mark.parametrize("file", _files(RANKED))
def test_the_screen_skips_the_wrong_and_keeps_the_right(
    file: str, planted: Mapping[str, Any], episodes: Episodes, sandbox: Sandbox
) -> None:
    case = planted[file]
    screen = _screen(case.task, episodes(case.task), preference="auc", duplicates="off")
    [verdict] = screen.verdicts(case.graph(sandbox))
    assert isinstance(verdict, Passed if case.screen == "pass" else Failed), verdict


@pytest.mark.parametrize("file", _files(TWINS))
def test_only_a_twin_up_to_scale_and_shaping_is_taken_for_one(
    file: str, planted: Mapping[str, Any], episodes: Episodes, sandbox: Sandbox
) -> None:
    case = planted[file]
    first = Twin(id="g001-00", graph=planted[case.of].graph(sandbox), result="reached fitness 1 +/- 0.1")
    found = _screen(case.task, episodes(case.task), duplicates="shaped").verdicts(case.graph(sandbox), [first])
    assert [type(v) for v in found] == ([Failed] if case.duplicate else [])


@pytest.mark.parametrize("file", _files([f for f in RANKED if MANIFEST[f]["kind"] == "right"]))
def test_no_right_reward_fails_a_demonstration(
    file: str, planted: Mapping[str, Any], episodes: Episodes, sandbox: Sandbox
) -> None:
    case = planted[file]
    screen = _screen(case.task, episodes(case.task), demonstration=True, duplicates="off")
    [verdict] = screen.verdicts(case.graph(sandbox))
    assert not isinstance(verdict, Failed), verdict
