"""The convex fit: hand-worked cases, one answer from anywhere, and what keeps it from running away."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.refit.weights import LEAST_FIXED, fit, loss, sureness

NOTHING = np.zeros(4)
# Four pairs; the first is the better one in each. Part 0 says so, part 1 says the contrary and three times as loud.
PARTS = np.array([[1.0, -3.0], [1.0, 3.0], [-1.0, 3.0], [1.0, -3.0]])
P_FIRST = np.array([1.0, 1.0, 0.0, 1.0])


def test_a_part_that_ranks_all_pairs_wins_over_one_that_is_louder() -> None:
    found = fit(PARTS, NOTHING, P_FIRST, ridge=0.01)
    differences = PARTS @ found.factors
    assert ((differences > 0) == (P_FIRST > 0.5)).all()
    assert found.factors[0] > 1.0
    # the spread is kept: sum over pairs of (1-3)^2, 4^2, 2^2, 2^2 = 28
    assert float((differences**2).sum()) == pytest.approx(28.0)


def test_a_wrong_sign_turns_round() -> None:
    found = fit(-PARTS[:, :1], NOTHING, P_FIRST, ridge=0.01)
    assert found.factors == pytest.approx([-1.0])  # its size is all there is, so it stays


def test_one_part_by_hand() -> None:
    # One part, all differences 1 in its own unit, better in 3 of 4 pairs: with hardly a ridge sigmoid(b) = 3/4.
    ones, p_first = np.ones(4), np.array([1.0, 1.0, 1.0, 0.0])
    assert sureness(ones, p_first, ridge=1e-9) == pytest.approx(np.log(3.0), rel=1e-4)
    assert sureness(2 * ones, p_first, ridge=1e-9) == pytest.approx(np.log(3.0) / 2, rel=1e-4)
    assert sureness(-ones, p_first, ridge=1e-9) == 0.0  # worse than chance is no sureness
    assert loss(np.array([0.0]), np.array([1.0])) == pytest.approx(np.log(2.0))


def test_what_has_no_weight_is_what_weights_are_relative_to() -> None:
    fixed = PARTS[:, 0]
    found = fit(100.0 * PARTS[:, 1:], fixed, P_FIRST, ridge=0.01)
    assert abs(found.factors[0]) < 0.01 * 1.0  # the loud part shrinks until the fixed one decides
    differences = 100.0 * PARTS[:, 1] * found.factors[0] + fixed
    assert ((differences > 0) == (P_FIRST > 0.5)).all()


def test_a_fixed_part_that_is_wrong_cannot_turn_round_but_can_be_drowned() -> None:
    found = fit(PARTS[:, :1], -PARTS[:, 0], P_FIRST, ridge=0.001)
    assert 1.0 < found.factors[0] < 1000 / LEAST_FIXED
    assert (PARTS[:, 0] * (found.factors[0] - 1) * (P_FIRST - 0.5) > 0).all()


def test_a_part_that_decides_nothing_keeps_its_weight_up_to_the_overall_size() -> None:
    parts = np.column_stack([PARTS, 1e-9 * np.array([1.0, -1.0, 1.0, 1.0])])
    idle = fit(parts, NOTHING, P_FIRST, ridge=0.01)
    assert abs(idle.factors[2]) < 10


@settings(max_examples=60, deadline=None)
@given(data=st.data(), ridge=st.sampled_from([1e-3, 1e-2, 1.0]))
def test_the_fit_is_the_lowest_point_whatever_the_data(data: st.DataObject, ridge: float) -> None:
    sizes = st.floats(-10, 10).map(lambda x: round(x, 3))
    count, width = data.draw(st.integers(2, 12)), data.draw(st.integers(1, 3))
    parts = np.array(
        data.draw(st.lists(st.lists(sizes, min_size=width, max_size=width), min_size=count, max_size=count))
    )
    p_first = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=count, max_size=count)))
    found = fit(parts, np.zeros(count), p_first, ridge=ridge)
    assert np.isfinite(found.factors).all()
    assert found.objective <= fit(parts, np.zeros(count), p_first, ridge=1e6).objective + 1e-6  # where it began
    mirrored = fit(-parts, np.zeros(count), 1 - p_first, ridge=ridge)  # the pairs the other way round
    assert mirrored.objective == pytest.approx(found.objective)
    assert mirrored.factors == pytest.approx(found.factors, rel=1e-3, abs=1e-6)
