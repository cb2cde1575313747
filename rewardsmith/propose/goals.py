"""What a goal asks for, as a text and as words; the one place where prose is taken apart for the offline proposer."""

from __future__ import annotations

import re

_SCENE = re.compile(
    r"(a|an|and|but|each|every|he|in|it|its|on|she|standing|that|the|there|they|this|two|we|you)\b", re.IGNORECASE
)


def words(text: str) -> frozenset[str]:
    """The lower-case words of a text; `x_velocity` is two."""
    return frozenset(re.findall(r"[a-z]+", text.lower()))


def asked(goal: str) -> str:
    """The sentences of a goal that ask for something, those that only describe the scene left out; all if none asks.

    >>> asked("A cart carries a pole. Keep the pole upright.")
    'Keep the pole upright.'
    """
    sentences = re.split(r"(?<=[.!?;])\s+", " ".join(goal.split()))
    return " ".join(s for s in sentences if not _SCENE.match(s)) or goal
