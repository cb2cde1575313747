"""Known hacks on shipped tasks: diagnosis and alarms name each, and are silent on rewards that are right.

The rewards and what must be found of them stand in tests/corpus/planted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rewardsmith import taskfile
from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import sources
from rewardsmith.interfaces import Sandbox, Scene
from rewardsmith.types import Attempt, Candidate, Feedback, Judged, Policy, Score, Trained, Trajectory, Verified

MANIFEST: Mapping[str, Mapping[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "corpus" / "planted" / "manifest.json").read_text(encoding="utf-8")
)
QUICK = ("reacher_reach",)  # a task that is played in a moment; the others take seconds each
FAULTS = {
    "against fitness": {"opposed"},
    "constant": {"constant"},
    "dominated": {"never", "dominant"},
    "dominating": {"dominant"},
    "saturated": {"faded", "full"},
}
SOUND = ("right", "scaled", "shaped", "noisy")

Said = Mapping[str, Feedback]
Planted = Callable[[str], Said]


def files(*kinds: str, hacking: bool | None = None) -> list[Any]:
    """The planted rewards of these kinds, all but those of quick tasks marked slow."""
    chosen = [
        f for f, entry in MANIFEST.items() if entry["kind"] in kinds and hacking in (None, entry["hacking"])
    ]  # fmt: skip
    return [pytest.param(f, marks=() if MANIFEST[f]["task"] in QUICK else pytest.mark.slow) for f in chosen]


@pytest.fixture
def said(planted: Mapping[str, Any], episodes: Callable[[str], tuple[Trajectory, ...]], sandbox: Sandbox) -> Planted:
    """What is said of a planted reward whose policy exploits it; of one without an exploit, whose policy is the expert.

    A reward with a wrong sign or a temperature far too small teaches nothing: its policy plays as random ones do.
    """

    def comment(file: str) -> Said:
        case = planted[file]
        source = case.exploit or ("random" if case.kind in ("reversed", "saturated") else "expert")
        known = episodes(case.task)
        own = sorted((replace(t, source="g001-00") for t in known if t.source == source), key=lambda t: t.fitness)
        rest = [t for t in known if t.source != source or source == "random"]
        attempt = _judged(case.code, Verified(graph=case.graph(sandbox)), own)
        scene = Scene(task=taskfile.load(case.task).task, trajectories=(*rest, *own))
        found = [s.comment(attempt, scene) for s in sources(["diagnosis", "hacking"], FeedbackSettings())]
        return {f.source: f for f in found if f is not None}

    return comment


def _judged(code: str, verified: Verified, own: list[Trajectory]) -> Attempt:
    successes = [t.success for t in own if t.success is not None]
    score = Score(
        episodes=tuple(t.fitness for t in own),
        mean=sum(t.fitness for t in own) / len(own),
        ci95=0.0,
        success_rate=sum(successes) / len(successes) if successes else None,
        success_ci95=None,
        mean_length=1.0,
    )
    trained = Trained(verified=verified, policy=Policy(tensors={}), curves=(), env_steps=1, seconds=1.0)
    candidate = Candidate(id="g001-00", code=code, sha256="", origin="llm", model="")
    return Attempt(candidate=candidate, outcome=Judged(trained=trained, score=score, trajectories=tuple(own)))


@pytest.mark.parametrize("file", files(*SOUND))
def test_right_reward_raises_no_alarm_and_has_no_fault(said: Planted, file: str) -> None:
    assert {name: f.text for name, f in said(file).items()} == {}


@pytest.mark.parametrize("file", files("hackable", "reversed", "saturated"))
def test_fault_of_a_component_is_named(said: Planted, planted: Mapping[str, Any], file: str) -> None:
    found = said(file)
    named = found["diagnosis"].data["findings"] if "diagnosis" in found else []
    kinds = {(f["component"], f["kind"]) for f in named}  # type: ignore[attr-defined]
    for component, fault in planted[file].diagnosis.items():
        assert any((component, kind) in kinds for kind in FAULTS[fault]), (component, fault, kinds)


@pytest.mark.parametrize("file", files("hackable", hacking=True))
def test_hack_is_named_by_an_alarm_or_by_what_is_wrong_with_a_component(said: Planted, file: str) -> None:
    assert said(file)
