"""STARC with the minimal canonical form: laws, and what it sees that EPIC does not."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.measures import features
from rewardsmith.measures.epic import epic_distance
from rewardsmith.measures.starc import canonical, normalised, starc_distance
from rewardsmith.measures.transitions import Inputs, Transitions, sample

GAMMA = 0.95


@pytest.fixture(scope="module")
def drawn(wanderers) -> Transitions:
    return sample(wanderers, episode_steps=30, rows=1200)


def _near(inputs: Inputs) -> Tensor:
    return torch.exp(-(inputs["position"] - inputs["goal"]).norm(dim=-1)) - 0.1 * inputs["action"].square().sum(dim=-1)


def _effort(inputs: Inputs) -> Tensor:
    return -inputs["action"].square().sum(dim=-1)


def _squared(inputs: Inputs, name: str) -> Tensor:
    return (inputs[name] - inputs["goal"]).square().sum(dim=-1)


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(0.1, 50), offset=st.floats(-5, 5), potential=st.floats(-5, 5))
def test_scale_offset_and_a_potential_among_the_features_do_not_count(
    scale: float, offset: float, potential: float, drawn: Transitions
) -> None:
    def other(i: Inputs) -> Tensor:
        shaping = GAMMA * _squared(i, "position") - _squared(i, "prev_position")
        return scale * (_near(i) + offset + potential * shaping)

    found = starc_distance(_near, other, drawn, gamma=GAMMA)
    assert found == pytest.approx(0.0, abs=1e-4)


def test_a_potential_that_the_features_miss_counts_little(drawn: Transitions) -> None:
    def other(i: Inputs) -> Tensor:
        after, before = (_squared(i, n).add(0.01).sqrt() for n in ("position", "prev_position"))
        return _near(i) - GAMMA * after + before

    found = starc_distance(_near, other, drawn, gamma=GAMMA)
    assert found is not None
    assert 0.0 < found < 0.2


def test_the_distance_is_symmetric_and_a_reversed_reward_is_as_far_as_can_be(drawn: Transitions) -> None:
    one = starc_distance(_near, _effort, drawn, gamma=GAMMA)
    assert one is not None
    assert 0.0 < one < 1.0
    assert starc_distance(_effort, _near, drawn, gamma=GAMMA) == pytest.approx(one)
    assert starc_distance(_near, lambda i: -_near(i), drawn, gamma=GAMMA) == pytest.approx(1.0, abs=1e-6)


def test_what_is_equal_in_every_real_step_is_equal_here_and_not_for_epic(drawn: Transitions) -> None:
    def by_velocity(i: Inputs) -> Tensor:
        return _effort(i) + i["velocity"][:, 0]

    def by_position(i: Inputs) -> Tensor:
        return _effort(i) + i["position"][:, 0] - i["prev_position"][:, 0]

    assert starc_distance(by_velocity, by_position, drawn, gamma=GAMMA) == pytest.approx(0.0, abs=1e-4)
    apart = epic_distance(by_velocity, by_position, drawn, gamma=GAMMA)
    assert apart is not None
    assert apart > 0.05


def test_the_canonical_form_worked_out_by_hand() -> None:
    # One feature, 1 everywhere, and g = 0.5: a shaping pays -0.5 Phi at every step, so the mean goes. Rewards 1, 2, 6
    # leave -2, -1, 3.
    ones = torch.ones(3, 1, dtype=torch.float64)
    found = canonical(torch.tensor([1.0, 2.0, 6.0]), (ones, ones), gamma=0.5)
    assert found.tolist() == pytest.approx([-2.0, -1.0, 3.0])


def test_the_canonical_form_taken_twice_is_the_same(drawn: Transitions) -> None:
    states = features.of_transitions(drawn)
    once = canonical(_near(drawn.rows), states, gamma=GAMMA)
    assert torch.allclose(canonical(once, states, gamma=GAMMA), once, atol=1e-6)


def test_normalised_has_size_1_and_nothing_stays_undefined() -> None:
    found = normalised(torch.tensor([3.0, -3.0]))  # root mean square 3
    assert found is not None
    assert found.tolist() == pytest.approx([1.0, -1.0])
    assert normalised(torch.zeros(4)) is None


def test_a_constant_has_no_distance_and_neither_has_what_is_not_finite(drawn: Transitions) -> None:
    assert starc_distance(_near, lambda i: torch.full_like(i["goal"][:, 0], 2.0), drawn, gamma=GAMMA) is None
    assert starc_distance(_near, lambda i: 1 / (0 * i["goal"][:, 0]), drawn, gamma=GAMMA) is None
