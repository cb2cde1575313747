"""Pairs: what beats what, what noise hides, and that no held-out episode is fitted to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rewardsmith.refit import pairs
from rewardsmith.types import Preference, Trajectory

Make = Callable[..., Trajectory]


def _ranked(found: pairs.Pairs) -> set[tuple[int, int]]:
    """(better, worse) of all decided pairs."""
    triples = zip(found.first.tolist(), found.second.tolist(), found.p_first.tolist(), strict=True)
    return {(i, j) if p > 0.5 else (j, i) for i, j, p in triples if p != 0.5}


def test_success_beats_failure_and_then_the_higher_fitness_wins(episode: Make) -> None:
    near, far, there = (episode(1.0, speed, source=s) for speed, s in ((0.05, "a"), (0.02, "b"), (0.1, "c")))
    known = pairs.fitting([there, near, far], most=10)
    assert [e.source for e in known] == ["b", "a", "c"]  # worst first
    kept, held = pairs.split(known, ())
    assert _ranked(kept) == {(2, 0)}  # the middle one is held out
    assert len(held) == 0


def test_fitness_within_what_one_policy_spreads_is_not_compared(episode: Make) -> None:
    # policies a and b: final distances 0.2, 0.4 and 0.3, 0.5; each deviates by 0.1414, the median of both
    known = [episode(1.0, 0.1 * (1 - d), source=s) for d, s in ((0.2, "a"), (0.4, "a"), (0.3, "b"), (0.5, "b"))]
    assert pairs.spread(known) == pytest.approx(0.02**0.5, abs=1e-6)
    ranked = pairs.fitting(known, most=4)  # final distances 0.5, 0.4, 0.3, 0.2; 0.4 is held out
    kept, _ = pairs.split(ranked, ())
    assert _ranked(kept) == {(2, 0), (3, 0)}


def test_the_spread_of_the_only_policy_with_several_episodes_counts(episode: Make) -> None:
    known = [
        episode(1.0, 0.1 * (1 - d), source=s) for d, s in ((0.2, "random"), (0.4, "random"), (0.3, "a"), (0.5, "b"))
    ]
    assert pairs.spread(known) == pytest.approx(0.02**0.5, abs=1e-6)
    assert pairs.spread(known[1:]) == 0.0


def test_what_a_person_prefers_overrules_fitness_and_the_last_word_counts(episode: Make) -> None:
    known = pairs.fitting([episode(1.0, 0.01 * i, source="ab"[i % 2]) for i in range(6)], most=6)

    def said(p_first: float | None) -> Preference:
        return Preference(first="b", second="a", p_first=p_first, source="person", who="ada", when="now")

    for words, better in (((said(1.0),), "b"), ((said(1.0), said(0.0)), "a"), ((said(0.0), said(None)), "a")):
        kept, held = pairs.split(known, words)
        winners = {
            known[i].source for found in (kept, held) for i, j in _ranked(found) if known[i].source != known[j].source
        }
        assert winners == {better}
    tied, _ = pairs.split(known, (said(0.5),))
    assert 0.5 in tied.p_first


def test_no_episode_is_both_fitted_to_and_held_out(episodes: list[Trajectory]) -> None:
    kept, held = pairs.split(pairs.fitting(episodes, most=100), ())
    assert len(kept) > 100
    assert len(held) > 20
    assert not {*kept.first, *kept.second} & {*held.first, *held.second}


def test_references_are_never_learnt_from(episode: Make) -> None:
    known = [episode(1.0, 0.05, source=s) for s in ("expert", "sparse", "random", "g001-00")]
    assert {e.source for e in pairs.fitting(known, most=10)} == {"random", "g001-00"}


def test_a_limit_on_episodes_keeps_both_ends_of_fitness(episodes: list[Trajectory]) -> None:
    known = pairs.fitting(episodes, most=7)
    assert len(known) == 7
    assert known[0].fitness == min(e.fitness for e in episodes)
    assert known[-1].fitness == max(e.fitness for e in episodes)


def test_accuracy_counts_ties_half_and_undecided_pairs_not_at_all() -> None:
    differences, p_first = np.array([1.0, -1.0, 0.0, 5.0]), np.array([1.0, 1.0, 0.0, 0.5])
    assert pairs.accuracy(differences, p_first) == pytest.approx((1 + 0 + 0.5) / 3)
    assert pairs.accuracy(np.zeros(0), np.zeros(0)) == 0.5
