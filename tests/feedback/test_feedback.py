"""Choosing sources, and attaching what they say."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.config import FeedbackSettings
from rewardsmith.errors import ConfigError
from rewardsmith.feedback import comment, sources
from rewardsmith.interfaces import Scene
from rewardsmith.types import (
    Attempt,
    Candidate,
    Curve,
    Drafted,
    EnvSpec,
    Feedback,
    Judged,
    Measure,
    Outcome,
    Policy,
    References,
    Rejected,
    Score,
    Task,
    Trained,
)

SETTINGS = FeedbackSettings()
CURVES = sources(("curves",), SETTINGS)
TASK = Task(
    name="t",
    goal="go",
    env=EnvSpec(backend="envpool", id="X-v0"),
    signals=(),
    fitness=Measure(source="x", reduce="mean"),
    success=None,
    references=References(),
    episode_steps=100,
    control_dt_s=0.1,
)
SCENE = Scene(task=TASK)
REJECTED = Rejected(stage="probe", reason="Reward is constant.", hint="Use a signal.", line=3)
JUDGED = Judged(
    trained=Trained(
        verified=None,
        policy=Policy(tensors={}),
        curves=(Curve(name="fitness", env_steps=(10, 20), values=(0.0, 1.0)),),
        env_steps=20,
        seconds=0.1,
    ),
    score=Score(episodes=(1.0, 1.0), mean=1.0, ci95=0.0, success_rate=None, success_ci95=None, mean_length=9.0),
)


def attempt(id_: str, outcome: Outcome) -> Attempt:
    return Attempt(
        candidate=Candidate(id=id_, code="", sha256="", origin="llm", model=""),
        outcome=outcome,
        feedback=(Feedback(source="earlier", text="said before"),),
    )


@given(outcomes=st.lists(st.sampled_from([JUDGED, REJECTED, Drafted()]), max_size=8))
def test_comment_keeps_ids_order_outcomes_and_what_was_said_before(outcomes: list[Outcome]) -> None:
    batch = [attempt(f"g001-{i:02d}", outcome) for i, outcome in enumerate(outcomes)]
    commented = comment(batch, SCENE, CURVES)
    assert [a.id for a in commented] == [a.id for a in batch]
    assert [a.outcome for a in commented] == outcomes
    said = {Judged: ["earlier", "curves"], Rejected: ["earlier", "rejection"], Drafted: ["earlier"]}
    for a in commented:
        assert [f.source for f in a.feedback] == said[type(a.outcome)]
        assert json.loads(json.dumps([f.data for f in a.feedback], allow_nan=False))


def test_rejection_is_its_own_feedback() -> None:
    (_, feedback) = comment([attempt("g001-00", REJECTED)], SCENE, CURVES)[0].feedback
    assert feedback.text == "Rejected at probe: Reward is constant. Use a signal."
    assert feedback.data == {"stage": "probe", "reason": "Reward is constant.", "hint": "Use a signal.", "line": 3}


def test_source_of_ones_own_is_found_by_its_path() -> None:
    (own,) = sources(("rewardsmith.feedback.curves:from_settings",), FeedbackSettings(points=3))
    assert own.name == "curves"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("curvs", "Unknown feedback source 'curvs'. Did you mean 'curves'?"),
        ("builtins:repr", "'builtins:repr' is not a feedback source: "),
        ("math:pi", "an object with a name and comment(attempt, scene); got float."),
    ],
)
def test_what_is_no_source_is_one_error(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        sources((name,), SETTINGS)
