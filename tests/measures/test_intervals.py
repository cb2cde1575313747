"""The interquartile mean and its stratified bootstrap interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.measures.intervals import Interval, iqm, iqm_interval

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([5.0], 5.0),
        ([1.0, 2.0, 9.0], 4.0),  # a quarter of three is none: the plain mean
        ([100.0, 1.0, 2.0, -50.0], 1.5),  # the lowest and the highest go
        ([8.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 4.5),  # 3 to 6
    ],
)
def test_the_interquartile_mean_worked_out_by_hand(values: list[float], mean: float) -> None:
    assert iqm(values) == pytest.approx(mean)


@given(values=VALUES, scale=st.floats(0.1, 10), offset=st.floats(-10, 10))
def test_the_interquartile_mean_moves_with_its_values_and_stays_among_them(
    values: list[float], scale: float, offset: float
) -> None:
    assert min(values) - 1e-9 <= iqm(values) <= max(values) + 1e-9
    assert iqm([scale * v + offset for v in values]) == pytest.approx(scale * iqm(values) + offset, abs=1e-6)
    assert iqm(values[::-1]) == pytest.approx(iqm(values))


def test_one_wild_run_of_eight_does_not_move_it() -> None:
    assert iqm([1, 2, 3, 4, 5, 6, 7, 8]) == iqm([1, 2, 3, 4, 5, 6, 7, 8000])


@settings(max_examples=20, deadline=None)
@given(runs=st.lists(st.lists(st.floats(-5, 5), min_size=1, max_size=6), min_size=1, max_size=4))
def test_the_interval_lies_within_the_scores_and_is_the_same_for_a_seed(runs: list[list[float]]) -> None:
    scores = {f"task{i}": r for i, r in enumerate(runs)}
    found = iqm_interval(scores, resamples=200)
    assert found is not None
    every = [s for r in runs for s in r]
    assert min(every) - 1e-9 <= found.low <= found.high <= max(every) + 1e-9
    assert iqm_interval(dict(reversed(scores.items())), resamples=200) == found


def test_tasks_with_one_run_each_have_no_width() -> None:
    assert iqm_interval({"a": [1.0], "b": [3.0]}) == Interval(value=2.0, low=2.0, high=2.0)


def test_every_task_keeps_its_weight() -> None:
    """Drawn over all runs at once, the share of task b would vary, and with it the mean; drawn by task it cannot."""
    found = iqm_interval({"a": [0.0] * 3, "b": [1.0] * 3})
    assert found == Interval(value=0.5, low=0.5, high=0.5)


def test_about_95_of_100_intervals_hold_the_true_mean() -> None:
    draw = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        found = iqm_interval({"a": draw.normal(1.0, 1.0, 20), "b": draw.normal(1.0, 1.0, 20)}, resamples=300, seed=seed)
        assert found is not None
        held += found.low <= 1.0 <= found.high
    assert 0.88 <= held / 200 <= 0.99


def test_a_wider_confidence_gives_a_wider_interval() -> None:
    scores = {"a": [1.0, 2.0, 5.0, 9.0], "b": [0.0, 3.0, 4.0]}
    narrow, wide = (iqm_interval(scores, confidence=c) for c in (0.5, 0.99))
    assert narrow is not None
    assert wide is not None
    assert wide.low < narrow.low < narrow.high < wide.high


def test_without_runs_or_with_a_score_that_is_not_finite_there_is_no_interval() -> None:
    assert iqm_interval({}) is None
    assert iqm_interval({"a": []}) is None
    assert iqm_interval({"a": [1.0, math.nan]}) is None
