"""Trajectory preference evaluation as numbers, worked out by hand, and the laws it obeys."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.screen import tpe

NAN = math.nan
scores = st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=8).map(np.array)


def _a(*values: float) -> tpe.Scores:
    return np.array(values, dtype=np.float64)


def test_auc_counts_the_pairs_in_order() -> None:
    # pairs: 3>1 yes, 3>2 yes, 1.5>1 yes, 1.5>2 no: 3 of 4
    assert tpe.auc(_a(3.0, 1.5), _a(1.0, 2.0)) == 0.75


def test_a_tie_counts_one_half() -> None:
    assert tpe.auc(_a(2.0), _a(2.0)) == 0.5
    assert tpe.auc(_a(2.0, 3.0), _a(2.0)) == 0.75


def test_what_float32_cannot_tell_apart_is_a_tie() -> None:
    assert tpe.auc(_a(1000.0001), _a(1000.0)) == 0.5
    assert tpe.auc(_a(0.0002), _a(0.0001)) == 1.0


def test_a_score_that_is_not_finite_loses_every_pair_it_is_in() -> None:
    # nan against 0 and 1: both wrong; 5 against 0 right; 5 against inf wrong
    assert tpe.auc(_a(NAN, 5.0), _a(0.0, 1.0)) == 0.5
    assert tpe.auc(_a(5.0), _a(0.0, math.inf)) == 0.5
    assert tpe.auc(_a(math.inf), _a(0.0)) == 0.0
    assert tpe.auc(_a(5.0), _a(-math.inf)) == 0.0


def test_cards_accuracy_is_the_share_above_the_highest_failure() -> None:
    # the highest failure is 2: of 1, 2, 3, 4 only 3 and 4 are above it
    assert tpe.share_above_best_failure(_a(1.0, 2.0, 3.0, 4.0), _a(-5.0, 2.0)) == 0.5


def test_one_failure_that_is_not_finite_leaves_no_success_above_all() -> None:
    assert tpe.share_above_best_failure(_a(1.0, 2.0), _a(NAN, 0.0)) == 0.0


def test_the_lower_bound_of_a_perfect_ranking_is_one() -> None:
    assert tpe.auc_lower_bound(_a(5.0, 6.0, 7.0), _a(1.0, 2.0)) == 1.0


def test_the_lower_bound_rises_with_the_number_of_episodes() -> None:
    few, many = (tpe.auc_lower_bound(_a(*[3.0, 1.5] * n), _a(*[1.0, 2.0] * n)) for n in (2, 40))
    assert few < many < 0.75


def test_a_pair_needs_both_sides() -> None:
    with pytest.raises(ValueError, match="got 0 and 1"):
        tpe.auc(_a(), _a(1.0))


def test_lowest_and_highest_take_what_is_not_finite_for_the_worst_case() -> None:
    assert tpe.lowest(_a(3.0, NAN, -5.0)) == 1
    assert tpe.highest(_a(3.0, NAN, -5.0)) == 1
    assert tpe.lowest(_a(3.0, -5.0)) == 1
    assert tpe.highest(_a(3.0, -5.0)) == 0


@settings(deadline=None, max_examples=60)
@given(scores, scores)
def test_with_sides_swapped_the_auc_is_what_is_left_to_one(first: tpe.Scores, second: tpe.Scores) -> None:
    assert tpe.auc(first, second) + tpe.auc(second, first) == pytest.approx(1.0)


@settings(deadline=None, max_examples=60)
@given(scores, scores, st.randoms(use_true_random=False))
def test_no_number_depends_on_the_order_of_the_episodes(first: tpe.Scores, second: tpe.Scores, random: object) -> None:
    shuffled = [np.array(random.sample(list(side), len(side))) for side in (first, second)]  # type: ignore[attr-defined]
    assert tpe.auc(*shuffled) == pytest.approx(tpe.auc(first, second))
    assert tpe.share_above_best_failure(*shuffled) == tpe.share_above_best_failure(first, second)
    bounds = [tpe.auc_lower_bound(*sides, resamples=50) for sides in ((first, second), shuffled)]
    assert bounds[0] == bounds[1]


@settings(deadline=None, max_examples=60)
@given(scores, scores, st.sampled_from([0.5, 2.0, 1024.0]))
def test_a_positive_factor_changes_nothing(first: tpe.Scores, second: tpe.Scores, factor: float) -> None:
    assert tpe.auc(factor * first, factor * second) == tpe.auc(first, second)


@settings(deadline=None, max_examples=60)
@given(scores, scores)
def test_cards_accuracy_is_never_above_the_auc(first: tpe.Scores, second: tpe.Scores) -> None:
    assert tpe.share_above_best_failure(first, second) <= tpe.auc(first, second) + 1e-12


@settings(deadline=None, max_examples=60)
@given(scores, scores)
def test_the_lower_bound_is_within_zero_and_one(first: tpe.Scores, second: tpe.Scores) -> None:
    assert 0.0 <= tpe.auc_lower_bound(first, second, resamples=50) <= 1.0
