"""What is said of a finished attempt, for the next prompt and the ledger.

A source is a factory called with `FeedbackSettings`; it is chosen by name, or as `package.module:Name`. A rejected
attempt's feedback is its rejection, whichever sources are chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from rewardsmith import plugins
from rewardsmith.config import FeedbackSettings
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import FeedbackSource, Scene
from rewardsmith.types import Attempt, Feedback, Rejected

SOURCES: Mapping[str, str] = {
    "changes": "rewardsmith.feedback.changes:from_settings",
    "curves": "rewardsmith.feedback.curves:from_settings",
    "diagnosis": "rewardsmith.feedback.diagnosis:from_settings",
    "ending": "rewardsmith.feedback.ending:from_settings",
    "hacking": "rewardsmith.feedback.hacking:from_settings",
    "preference": "rewardsmith.feedback.preference:from_settings",
    "process": "rewardsmith.feedback.process:from_settings",
    "signals": "rewardsmith.feedback.signals:from_settings",
    "summary": "rewardsmith.feedback.summary:from_settings",
    "trajectory": "rewardsmith.feedback.trajectories:from_settings",
}
"""Every source by name; docs/feedback.md says what each tells."""


def sources(
    names: Sequence[str], settings: FeedbackSettings, *, ready: Mapping[str, FeedbackSource] | None = None
) -> tuple[FeedbackSource, ...]:
    """The feedback sources called `names`, in that order; `ready` are those that need more than settings.

    Raises: ConfigError: a name is unknown, or what it names does not make a feedback source.
    """
    made = ready or {}
    return tuple(made[name] if name in made else _source(name, settings, made) for name in names)


def comment(batch: Sequence[Attempt], scene: Scene, sources: Sequence[FeedbackSource]) -> tuple[Attempt, ...]:
    """The same attempts in the same order, each with what the sources say of it added to its feedback and charged."""
    return tuple(_with(a, _said(a, scene, sources)) for a in batch)


def rejection(rejected: Rejected) -> Feedback:
    """A failure in its own words: the feedback on an attempt that has no score."""
    return Feedback(
        source="rejection",
        text=f"Rejected at {rejected.stage}: {rejected.reason} {rejected.hint}".strip(),
        data={
            "stage": rejected.stage,
            "reason": rejected.reason,
            "hint": rejected.hint,
            "line": rejected.line,
        },
    )


def _with(attempt: Attempt, said: Sequence[Feedback]) -> Attempt:
    spend = sum((f.spend for f in said), attempt.spend)
    return replace(attempt, feedback=(*attempt.feedback, *said), spend=spend)


def _said(attempt: Attempt, scene: Scene, sources: Sequence[FeedbackSource]) -> list[Feedback]:
    failure = [rejection(attempt.outcome)] if isinstance(attempt.outcome, Rejected) else []
    comments = [source.comment(attempt, scene) for source in sources]
    return failure + [said for said in comments if said is not None]


def _source(name: str, settings: FeedbackSettings, made: Iterable[str]) -> FeedbackSource:
    factory = plugins.load("feedback source", name, {**SOURCES, **dict.fromkeys(made, "")})
    source = factory(settings) if callable(factory) else factory
    if callable(getattr(source, "comment", None)) and isinstance(getattr(source, "name", None), str):
        return cast(FeedbackSource, source)
    raise ConfigError(
        f"'{name}' is not a feedback source: calling it with the feedback settings must give an object with a name "
        f"and comment(attempt, scene); got {type(source).__name__}. See rewardsmith.interfaces.FeedbackSource."
    )
