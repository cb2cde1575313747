"""Does a reward score the expert above its noised self, and that above random play?

Only where such episodes are known. The noised expert is the expert's policy with noise on its actions, played and
recorded with the references; it cannot be made afterwards from what is kept (a mixture of the two recordings would be
scored between them by any reward at all, and so would test nothing). Where it was not recorded, the two ends are
compared; where nobody knows an expert, nothing is decided. A step is tested only where fitness itself goes up it in
nearly all pairs of episodes: no reward need be clearer than the fitness.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from rewardsmith.config import ScreenSettings
from rewardsmith.screen import tpe
from rewardsmith.screen.beside import beside
from rewardsmith.screen.episodes import Episodes, Scored
from rewardsmith.screen.preference import asked_words, hint, reached_words
from rewardsmith.screen.verdicts import Failed, Passed, Undecided

if TYPE_CHECKING:
    from rewardsmith.graph import RewardGraph

LADDER = (("expert", "expert"), ("noised expert", "noised"), ("random play", "random"))
"""From best to worst: what a rung is called, and the `source` of its episodes."""
CLEAR = 0.9
"""The share of pairs in which the better rung must have the higher fitness for the reward to be asked the same."""


def demonstration(graph: RewardGraph, episodes: Episodes, settings: ScreenSettings) -> Passed | Failed | Undecided:
    """Whether the reward goes up the rungs that are known, by the share of pairs of episodes in order."""
    steps = _steps(episodes)
    if not steps:
        return Undecided(test="demonstration", words="No expert that does better than random play is known.")
    scored = episodes.scored(graph)
    scores = scored.scores("return", gamma=1.0)
    shares: dict[str, float | str] = {}
    for better, worse in steps:
        share = tpe.auc(scores[_of(episodes, better)], scores[_of(episodes, worse)])
        shares[_step(better, worse)] = share
        if share < settings.demonstration_at_least:
            return _failed(scored, episodes, better, worse, settings, shares)
    return Passed(test="demonstration", words=f"The reward scores {', '.join(shares)}.", numbers=shares)


def _steps(episodes: Episodes) -> list[tuple[str, str]]:
    """Pairs of known rungs, by source, the upper of which clearly is the fitter."""
    known = [source for _, source in LADDER if _of(episodes, source)]
    fitness = np.array([t.fitness for t in episodes.trajectories])
    return [
        (up, down)
        for up, down in combinations(known, 2)
        if tpe.auc(fitness[_of(episodes, up)], fitness[_of(episodes, down)]) >= CLEAR
    ]


def _failed(
    scored: Scored,
    episodes: Episodes,
    better: str,
    worse: str,
    settings: ScreenSettings,
    shares: dict[str, float | str],
) -> Failed:
    scores = scored.scores("return", gamma=1.0)
    first, second = _of(episodes, better), _of(episodes, worse)
    good = scored.paid(episodes, first[tpe.lowest(scores[first])], called=f"episode of the {_called(better)}")
    bad = scored.paid(episodes, second[tpe.highest(scores[second])], called=f"episode of {_called(worse)}")
    step = _step(better, worse)
    share = float(shares[step])
    reason = (
        f"The reward scores {step} in {reached_words(share)} of the pairs of {len(first)} and {len(second)} episodes; "
        f"{asked_words(settings.demonstration_at_least)} is asked."
    )
    return Failed(
        test="demonstration",
        reason=reason,
        hint=hint(good, bad),
        text=f"No policy was trained under this reward. {reason}\n\n{beside(good, bad)}",
        numbers=shares,
    )


def _of(episodes: Episodes, source: str) -> list[int]:
    return [i for i, t in enumerate(episodes.trajectories) if t.source == source]


def _called(source: str) -> str:
    return next(called for called, known in LADDER if known == source)


def _step(better: str, worse: str) -> str:
    return f"{_called(better)} above {_called(worse)}"
