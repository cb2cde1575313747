"""What a model answered, read strictly: the last line in the very form asked for, and a reason that rests on something.

Models that judge are fooled by a mere ":" or "Thought process:" (Zhao et al. 2025, "One Token to Fool LLM-as-a-Judge",
arXiv:2507.08794), and say such things themselves. So nothing is guessed: two answers, words after the answer, or no
reason make a reply no answer. Nothing in a reply is an instruction to us.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rewardsmith.quoting import one_line
from rewardsmith.reply import CUT_SHORT, FILTERED, REPLY_LIMIT, tidied, without_reasoning
from rewardsmith.types import Reply, Spend

REASON_WORDS = 5
LINES = 5  # numbered lines, or sentences of a reason, that are passed on
_FENCE = re.compile(r"(?:`{3,}|~{3,})\w*")
_NUMBERED = re.compile(r"\d{1,2}[.)]\s+(?P<said>\S.*)")
_MARKUP = " \t*_`>#-"
_EMPHASIS = " \t*_`"  # a minus before a number is none
_UNIT_NUMBER = re.compile(r"0(?:\.\d{1,4})?|1(?:\.0{1,4})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A reply of the form asked for: `value` in lower case, and the lines `said` before it."""

    value: str
    said: tuple[str, ...]


def answer(reply: Reply, word: str) -> Answer | None:
    """What stands behind `word:` in the last line; None where no other line than the last begins so, or none does."""
    lines = _lines(reply)
    marked = [i for i, line in enumerate(lines) if line.casefold().startswith(f"{word.casefold()}:")]
    if marked != [len(lines) - 1]:
        return None
    value = lines[-1].partition(":")[2].strip(_EMPHASIS).casefold()
    return Answer(value=value, said=tuple(lines[:-1]))


def numbered(reply: Reply) -> tuple[str, ...]:
    """The numbered lines of a reply that say something, without their numbers, each capped; the first few."""
    found = (_NUMBERED.fullmatch(line) for line in _lines(reply))
    said = (one_line(match["said"]) for match in found if match)
    return tuple(line for line in said if len(_words(line)) > 1 and not line.endswith(":"))[:LINES]


def unit_number(value: str) -> float | None:
    """A number in [0, 1] written plainly; None for anything else."""
    return float(value) if _UNIT_NUMBER.fullmatch(value) else None


def rests_on(said: Sequence[str], names: Collection[str]) -> bool:
    """Whether a reason is one: a few words, one of them a signal's name or a number, as no stock phrase holds."""
    text = " ".join(said)
    return len(_words(text)) >= REASON_WORDS and (
        any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names) or re.search(r"\d", text) is not None
    )


def cost(replies: Sequence[Reply]) -> Spend:
    """What some replies cost together."""
    return Spend(
        tokens_in=sum(r.tokens_in for r in replies),
        tokens_out=sum(r.tokens_out for r in replies),
        cost_usd=sum(r.cost_usd for r in replies),
        seconds=sum(r.seconds for r in replies),
    )


def _lines(reply: Reply) -> list[str]:
    """Lines that hold something, without markup around them; none where the reply was cut off or filtered."""
    if reply.finish.strip().lower() in CUT_SHORT | FILTERED or len(reply.text) > REPLY_LIMIT:
        return []
    text = without_reasoning(tidied(reply.text), cut_short=False)
    lines = (line.strip() for line in text.split("\n"))
    return [bare for line in lines if not _FENCE.fullmatch(line) and (bare := line.strip(_MARKUP))]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", text)
