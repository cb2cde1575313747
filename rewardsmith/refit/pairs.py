"""Which of two episodes is better: what numbers are fitted to, and how well a reward agrees with it.

Success beats failure; where both or neither succeeded, the higher fitness wins if the two differ by more than episodes
of one policy do. What a person said of two candidates holds between all episodes of theirs and overrules both.
"""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rewardsmith.types import HumanInput, Preference, Trajectory

REFERENCES = frozenset({"expert", "noised", "sparse"})
HELD_OUT = 3  # every third episode is for measuring alone
MOST_PAIRS = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Compared episodes by number; `p_first` in [0, 1] says how surely the first is the better. All `(P,)`."""

    first: np.ndarray
    second: np.ndarray
    p_first: np.ndarray

    def __len__(self) -> int:
        return len(self.p_first)

    def differences(self, values: np.ndarray) -> np.ndarray:
        """The first's value minus the second's, `(P, ...)`, of values an episode `(E, ...)`."""
        found: np.ndarray = values[self.first] - values[self.second]
        return found


def fitting(episodes: Iterable[Trajectory], *, most: int) -> tuple[Trajectory, ...]:
    """The episodes that numbers may be fitted to: none of a reference's policy, at most `most`, over all of fitness.

    What the expert's and the sparse reward's policies do is what rewards are compared with, never what they learn from.
    """
    ranked = sorted((e for e in episodes if e.source not in REFERENCES), key=_rank)
    if len(ranked) <= most:
        return tuple(ranked)
    return tuple(ranked[round(i * (len(ranked) - 1) / (most - 1))] for i in range(most))


def split(episodes: Sequence[Trajectory], people: Sequence[HumanInput]) -> tuple[Pairs, Pairs]:
    """Pairs to fit to and pairs held out; no episode is in both. `episodes` are sorted as `fitting` does."""
    noise, told = spread(episodes), _told(people)
    numbers = range(len(episodes))
    kept = [i for i in numbers if i % HELD_OUT != 1]
    held = [i for i in numbers if i % HELD_OUT == 1]
    return _among(kept, episodes, noise, told), _among(held, episodes, noise, told)


def spread(episodes: Sequence[Trajectory]) -> float:
    """By how much episodes of one policy differ: the median over policies of their fitness's deviation."""
    by_policy: dict[str, list[float]] = defaultdict(list)
    for episode in episodes:
        by_policy[episode.source].append(episode.fitness)
    deviations = [statistics.stdev(fitness) for fitness in by_policy.values() if len(fitness) > 1]
    return statistics.median(deviations) if deviations else 0.0


def accuracy(differences: np.ndarray, p_first: np.ndarray) -> float:
    """The share of pairs that are ranked as they are; a tie of values counts half, a pair that is a tie not at all."""
    decided = p_first != 0.5
    signs = np.sign(differences[decided]) * np.sign(p_first[decided] - 0.5)
    return float(np.mean((signs + 1) / 2)) if decided.any() else 0.5


def _rank(episode: Trajectory) -> tuple[bool, float, str]:
    return bool(episode.success), episode.fitness, episode.source


def _told(people: Sequence[HumanInput]) -> Mapping[frozenset[str], tuple[str, float]]:
    """The latest preference on each two candidates: `(first, p_first)`."""
    said = [p for p in people if isinstance(p, Preference) and p.p_first is not None]
    return {frozenset((p.first, p.second)): (p.first, p.p_first) for p in said if p.p_first is not None}


def _among(
    numbers: Sequence[int],
    episodes: Sequence[Trajectory],
    noise: float,
    told: Mapping[frozenset[str], tuple[str, float]],
) -> Pairs:
    found = [
        (i, j, p)
        for i, j in itertools.combinations(numbers, 2)
        if (p := _compared(episodes[i], episodes[j], noise, told)) is not None
    ]
    found = found[:: -(-len(found) // MOST_PAIRS) or 1]
    first, second, p_first = zip(*found, strict=True) if found else ((), (), ())
    return Pairs(first=np.array(first, int), second=np.array(second, int), p_first=np.array(p_first, float))


def _compared(
    first: Trajectory, second: Trajectory, noise: float, told: Mapping[frozenset[str], tuple[str, float]]
) -> float | None:
    """How surely the first is the better; None where nothing can be said."""
    said = told.get(frozenset((first.source, second.source))) if first.source != second.source else None
    if said is not None:
        return said[1] if said[0] == first.source else 1.0 - said[1]
    if first.success != second.success:
        return 1.0 if first.success else 0.0
    if abs(first.fitness - second.fitness) > noise:
        return 1.0 if first.fitness > second.fitness else 0.0
    return None
