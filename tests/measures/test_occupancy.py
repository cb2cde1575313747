"""The chi-squared divergence of what two policies visit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.measures.occupancy import chi_squared, occupancy_divergence

SHARES = st.lists(st.tuples(st.floats(0, 1), st.floats(0.05, 1)), min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("policy", "reference", "divergence"),
    [
        ([0.5, 0.5], [0.5, 0.5], 0.0),
        ([0.75, 0.25], [0.5, 0.5], 0.25),  # 0.5625 / 0.5 + 0.0625 / 0.5 - 1
        ([1.0, 0.0], [0.5, 0.5], 1.0),
        ([1.0, 0.0], [0.1, 0.9], 9.0),
        ([30.0, 10.0], [2.0, 2.0], 0.25),  # counts are shares too
    ],
)
def test_chi_squared_worked_out_by_hand(policy: list[float], reference: list[float], divergence: float) -> None:
    assert chi_squared(torch.tensor(policy), torch.tensor(reference)) == pytest.approx(divergence)


@given(rows=SHARES)
def test_chi_squared_is_never_negative_and_falls_when_cells_are_merged(rows: list[tuple[float, float]]) -> None:
    p, q = torch.tensor([(a + 1e-3, b) for a, b in rows], dtype=torch.float64).unbind(dim=1)
    whole = chi_squared(p, q)
    merged = [torch.cat([x[:2].sum(dim=0, keepdim=True), x[2:]]) for x in (p, q)]
    assert 0.0 <= chi_squared(merged[0], merged[1]) <= whole + 1e-9


def test_a_policy_does_not_diverge_from_itself(wanderers) -> None:
    assert occupancy_divergence(wanderers, wanderers) == pytest.approx(0.0, abs=1e-9)


def test_two_halves_of_one_policy_diverge_less_than_from_another(wanderers, episode) -> None:
    still = [episode({n: v[:1].expand_as(v).tolist() for n, v in t.signals.items()}) for t in wanderers]
    halves = occupancy_divergence(wanderers[:6], wanderers[6:])
    apart = occupancy_divergence(still, wanderers)
    assert halves is not None
    assert apart is not None
    assert halves < 0.5 * apart


def test_cells_of_two_places_worked_out_by_hand(episode) -> None:
    # 75 of 100 visits at place 1 against 50 of 100: (75.5^2 + 25.5^2) / 101 / 50.5 - 1, with half a visit more in each
    policy = [episode({"x": [0, *[1] * 75, *[0] * 25]})]
    reference = [episode({"x": [0, *[1] * 50, *[0] * 50]})]
    found = occupancy_divergence(policy, reference, cells=2)
    assert found == pytest.approx((75.5**2 + 25.5**2) / 101 / 50.5 - 1)


def test_late_visits_count_less_under_a_discount(episode) -> None:
    late = [episode({"x": [0, *[0] * 50, *[1] * 50]})]
    never = [episode({"x": [0, *[0] * 98, 1, 1]})]
    plain = occupancy_divergence(late, never, cells=2)
    soon = occupancy_divergence(late, never, cells=2, gamma=0.9)
    assert plain is not None
    assert soon is not None
    assert soon < 0.1 < plain


def test_there_is_no_divergence_without_enough_visits(episode, wanderers) -> None:
    assert occupancy_divergence([], wanderers) is None
    assert occupancy_divergence(wanderers, [episode({"x": [0, 1]})]) is None
