"""Pearson's correlation: by hand, its laws, and where there is none."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from rewardsmith.measures.correlation import pearson, side_by_side, standardised
from rewardsmith.types import Curve

ROWS = st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=3, max_size=20)


@pytest.mark.parametrize(
    ("first", "second", "rho"),
    [
        ([1, 2, 3], [2, 4, 6], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        ([1, 2, 3], [1, 3, 2], 0.5),  # deviations (-1, 0, 1) and (-1, 1, 0): 1 / sqrt(2 * 2)
        ([0, 0, 1, 1], [0, 1, 0, 1], 0.0),
    ],
)
def test_pearson_worked_out_by_hand(first: list[int], second: list[int], rho: float) -> None:
    assert pearson(torch.tensor(first), torch.tensor(second)) == pytest.approx(rho)


@given(rows=ROWS, scale=st.floats(0.1, 10), offset=st.floats(-10, 10))
def test_scale_and_offset_do_not_count_and_a_negative_scale_turns_the_sign(
    rows: list[tuple[float, float]], scale: float, offset: float
) -> None:
    first, second = torch.tensor(rows, dtype=torch.float64).unbind(dim=1)
    assume(min(float(first.std()), float(second.std())) > 1e-2)
    rho = pearson(first, second)
    assert rho is not None
    assert -1.0 <= rho <= 1.0
    assert pearson(scale * first + offset, second) == pytest.approx(rho, abs=1e-6)
    assert pearson(-scale * first + offset, second) == pytest.approx(-rho, abs=1e-6)
    assert pearson(second, first) == pytest.approx(rho, abs=1e-9)


@pytest.mark.parametrize(
    "undefined",
    [[3.0, 3.0, 3.0], [0.0, 0.0, 0.0], [1.0, 1.0 + 1e-7, 1.0], [1.0, math.nan, 2.0], [1.0, math.inf, 2.0]],
    ids=["constant", "zeros", "constant_up_to_rounding", "nan", "infinite"],
)
def test_what_is_constant_or_not_finite_correlates_with_nothing(undefined: list[float]) -> None:
    assert pearson(torch.tensor(undefined), torch.tensor([1.0, 2.0, 3.0])) is None
    assert pearson(torch.tensor([1.0, 2.0, 3.0]), torch.tensor(undefined)) is None


def test_without_numbers_there_is_no_correlation() -> None:
    assert pearson(torch.empty(0), torch.empty(0)) is None


def test_standardised_has_mean_0_and_variance_1() -> None:
    found = standardised(torch.tensor([1.0, 3.0]))
    assert found is not None
    assert found.tolist() == [-1.0, 1.0]


def test_a_curve_beside_one_of_fewer_points_is_its_mean_since_the_point_before() -> None:
    fine = Curve(name="a", env_steps=(10, 20, 30, 40, 50), values=(1.0, 3.0, 5.0, 9.0, 7.0))
    coarse = Curve(name="b", env_steps=(5, 20, 35, 36, 40), values=(0.0, 1.0, 2.0, 3.0, 4.0))
    assert side_by_side(fine, coarse) == [(2.0, 1.0), (5.0, 2.0), (9.0, 4.0)]
    assert side_by_side(fine, fine) == [(v, v) for v in fine.values]
    assert side_by_side(coarse, fine) == [(0.0, 1.0), (1.0, 3.0), (3.0, 9.0)]
