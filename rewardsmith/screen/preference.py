"""Does a reward prefer the known episodes that went well? Trajectory preference evaluation as a test with a threshold.

Three readings of it, one a setting: as CARD's paper has it, as its code has it, and as the share of pairs in order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rewardsmith.config import ScreenSettings
from rewardsmith.quoting import one_line
from rewardsmith.screen import tpe
from rewardsmith.screen.beside import Paid, beside, favouring
from rewardsmith.screen.episodes import Episodes, ScoreKind
from rewardsmith.screen.labels import Labels, counted
from rewardsmith.screen.verdicts import Failed, Passed

if TYPE_CHECKING:
    from rewardsmith.graph import RewardGraph

SCORES: dict[str, ScoreKind] = {"auc": "return", "code": "mean", "paper": "discounted"}
"""What an episode's score is: an episode that ends early earns less under a return, not under a mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """How well a reward ranks good above bad. `reached` is compared with `asked`; `share` is of all pairs."""

    share: float
    reached: float
    asked: float
    kind: Literal["auc", "code", "paper"]


def rank(successes: tpe.Scores, failures: tpe.Scores, settings: ScreenSettings) -> Ranked:
    """The number that `settings.preference` asks for, with its threshold."""
    share = tpe.auc(successes, failures)
    if settings.preference == "auc":
        bound = tpe.auc_lower_bound(successes, failures, confidence=settings.auc_confidence)
        return Ranked(share=share, reached=bound, asked=settings.auc_at_least, kind="auc")
    above = tpe.share_above_best_failure(successes, failures)
    kind: Literal["code", "paper"] = "code" if settings.preference == "code" else "paper"
    return Ranked(share=share, reached=above, asked=settings.share_at_least, kind=kind)


def preference(
    graph: RewardGraph, episodes: Episodes, labels: Labels, settings: ScreenSettings, *, gamma: float
) -> Passed | Failed:
    """Whether the reward ranks the good episodes above the bad ones as far as `settings` ask."""
    scored = episodes.scored(graph)
    kind = SCORES[settings.preference]
    scores = scored.scores(kind, gamma=gamma)
    successes, failures = scores[list(labels.good)], scores[list(labels.bad)]
    ranked = rank(successes, failures, settings)
    numbers = {
        "good": len(labels.good),
        "bad": len(labels.bad),
        "kind": ranked.kind,
        "share_of_pairs": ranked.share,
        "reached": ranked.reached,
        "asked": ranked.asked,
    }
    known = _known(labels)
    if ranked.reached >= ranked.asked:
        return Passed(test="preference", words=f"Held against {known}, the reward {_does(ranked)}.", numbers=numbers)
    lowest, highest = labels.good[tpe.lowest(successes)], labels.bad[tpe.highest(failures)]
    good = scored.paid(episodes, lowest, called=labels.words[0], kind=kind, gamma=gamma)
    bad = scored.paid(episodes, highest, called=labels.words[1], kind=kind, gamma=gamma)
    reason = f"Held against {known}, the reward {_does(ranked)}; {_asked(ranked)}."
    return Failed(
        test="preference",
        reason=reason,
        hint=hint(good, bad, by=EARNED[kind]),
        text=f"No policy was trained under this reward. {reason}\n\n{beside(good, bad)}",
        numbers=numbers,
    )


EARNED: dict[ScoreKind, str] = {
    "return": "over the whole episode",
    "discounted": "in its discounted sum",
    "mean": "in the mean of its steps",
}


def hint(better: Paid, worse: Paid, *, by: str = EARNED["return"]) -> str:
    """What to do about an episode that is paid too much, in a sentence or two."""
    blamed = [f"'{one_line(name, limit=48)}'" for name in favouring(better, worse)[:2]]
    if not blamed:
        return f"A {better.called} must earn more {by} than a {worse.called}."
    return (
        f"A {better.called} must earn more {by} than a {worse.called}; "
        f"{' and '.join(blamed)} pay{'s' if len(blamed) == 1 else ''} the {worse.called} more."
    )


def _known(labels: Labels) -> str:
    good, bad = labels.words
    return f"{counted(len(labels.good), good)} and {counted(len(labels.bad), bad)} of known policies"


def _does(ranked: Ranked) -> str:
    reached = reached_words(ranked.reached)
    if ranked.kind == "auc":
        return f"ranks {ranked.share:.0%} of the pairs rightly (allowing for chance at least {reached})"
    return f"scores {reached} of the good above all of the bad"


def _asked(ranked: Ranked) -> str:
    return f"{'at least ' if ranked.kind == 'auc' else ''}{asked_words(ranked.asked)} is asked"


def reached_words(share: float) -> str:
    """In whole percent, never rounded up to what it fell short of."""
    return f"{math.floor(100 * share + 1e-9)}%"


def asked_words(share: float) -> str:
    """In percent, not rounded."""
    return f"{100 * share:g}%"
