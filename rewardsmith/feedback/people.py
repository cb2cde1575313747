"""What persons said, in words for the next prompt. Who said it and when stays in the ledger.

Selection (veto, pin, preference as fitness) is the archive's; here is only what the model is told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rewardsmith.quoting import block
from rewardsmith.types import HumanInput, Mark, Note, Preference

NOTE_LIMIT = 2_000


def sentences(people: Sequence[HumanInput], *, shown: Collection[str] = ()) -> tuple[str, ...]:
    """One paragraph a note, preference or mark, in the order given; an unanswered preference says nothing.

    `shown` are the ids of attempts the model is shown; any other is called one it has not seen.
    """
    said = (_said(item, shown) for item in people)
    return tuple(text for text in said if text)


def _said(item: HumanInput, shown: Collection[str]) -> str:
    match item:
        case Note():
            about = f" on attempt {_named(item.on, shown)}" if item.on else ""
            return f"A person's note{about}:\n{block(item.text, limit=NOTE_LIMIT)}"
        case Preference():
            return _preferred(item, shown)
        case Mark(kind="veto"):
            return f"A person has ruled out attempt {_named(item.on, shown)}: do not go back to what it does."
        case Mark():
            return f"A person has chosen attempt {_named(item.on, shown)} as the one to build on."


def _preferred(preference: Preference, shown: Collection[str]) -> str:
    p = preference.p_first
    if p is None:
        return ""
    first, second = _named(preference.first, shown), _named(preference.second, shown)
    judge = {"person": "a person", "llm": "a model", "fitness": "the fitness"}[preference.source]
    if p == 0.5:
        return f"Attempts {first} and {second} look equally good to {judge}."
    better, worse = (first, second) if p > 0.5 else (second, first)
    return f"Attempt {better} looks better than attempt {worse} to {judge}."


def _named(attempt_id: str, shown: Collection[str]) -> str:
    return attempt_id if attempt_id in shown else f"{attempt_id} (not shown here)"
