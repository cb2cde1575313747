"""What is said of a finished attempt, for the next prompt and the ledger.

A source is a factory called with `FeedbackSettings`; it is chosen by name, or as `package.module:Name`. A rejected
attempt's feedback is its rejection, whichever sources are chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from rewardsmith import plugins
from rewardsmith.config import FeedbackSettings
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import FeedbackSource, Scene
from rewardsmith.types import Attempt, Feedback, Rejected

SOURCES: Mapping[str, str] = {"curves": "rewardsmith.feedback.curves:from_settings"}


def sources(names: Sequence[str], settings: FeedbackSettings) -> tuple[FeedbackSource, ...]:
    """The feedback sources called `names`, in that order.

    Raises: ConfigError: a name is unknown, or what it names does not make a feedback source.
    """
    return tuple(_source(name, settings) for name in names)


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


def _source(name: str, settings: FeedbackSettings) -> FeedbackSource:
    factory = plugins.load("feedback source", name, SOURCES)
    source = factory(settings) if callable(factory) else factory
    if callable(getattr(source, "comment", None)) and isinstance(getattr(source, "name", None), str):
        return cast(FeedbackSource, source)
    raise ConfigError(
        f"'{name}' is not a feedback source: calling it with the feedback settings must give an object with a name "
        f"and comment(attempt, scene); got {type(source).__name__}. See rewardsmith.interfaces.FeedbackSource."
    )
