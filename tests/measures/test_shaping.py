"""Is a difference a potential shaping? By form, and on real stretches of episodes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.measures.shaping import Shaping, fitted, imagined
from rewardsmith.measures.transitions import Inputs, Reward, Transitions, sample

GAMMA = 0.9


@pytest.fixture(scope="module")
def drawn(wanderers) -> Transitions:
    return sample(wanderers, episode_steps=30, rows=120, imagined=16)


def _effort(i: Inputs) -> Tensor:
    return -i["action"].square().sum(dim=-1)


def _distance(i: Inputs, name: str) -> Tensor:
    return (i[name] - i["goal"]).norm(dim=-1)


def _approach(*, gamma: float, size: float = 1.0) -> Reward:
    """The effort and a shaping that pays for coming nearer."""
    return lambda i: _effort(i) - size * (gamma * _distance(i, "position") - _distance(i, "prev_position"))


@settings(max_examples=20, deadline=None)
@given(gamma=st.sampled_from([0.5, 0.9, 0.99, 1.0]), size=st.floats(0.1, 20))
def test_a_shaping_is_known_by_its_form(gamma: float, size: float, drawn: Transitions) -> None:
    found = imagined(_effort, _approach(gamma=gamma, size=size), drawn, gamma=gamma)
    assert found is not None
    assert found.potential
    assert found.residual < 1e-4


def test_a_shaping_with_another_discount_is_none(drawn: Transitions) -> None:
    found = imagined(_effort, _approach(gamma=0.5), drawn, gamma=GAMMA)
    assert found is not None
    assert not found.potential


@pytest.mark.parametrize(
    "other",
    [
        lambda i: 2 * _effort(i),
        lambda i: _effort(i) + torch.relu(_distance(i, "prev_position") - _distance(i, "position")),
        lambda i: _effort(i) + torch.exp(-_distance(i, "position")),
    ],
    ids=["scaled", "progress_alone", "a_bonus"],
)
def test_what_is_no_shaping_is_known_by_either_test(other: Reward, drawn: Transitions, wanderers) -> None:
    by_form = imagined(_effort, other, drawn, gamma=GAMMA)
    on_episodes = fitted(_effort, other, wanderers, episode_steps=30, gamma=GAMMA)
    assert by_form is not None
    assert on_episodes is not None
    assert not by_form.potential
    assert not on_episodes.potential


def test_a_shaping_is_found_on_real_episodes(wanderers) -> None:
    found = fitted(_effort, _approach(gamma=GAMMA), wanderers, episode_steps=30, gamma=GAMMA)
    assert found is not None
    assert found.potential


def test_a_velocity_is_a_shaping_by_physics_and_not_by_form(drawn: Transitions, wanderers) -> None:
    def faster(i: Inputs) -> Tensor:
        return _effort(i) + i["velocity"][:, 0]

    on_episodes = fitted(_effort, faster, wanderers, episode_steps=30, gamma=1.0)
    assert on_episodes is not None
    assert on_episodes.residual < 0.02
    assert on_episodes.potential
    by_form = imagined(_effort, faster, drawn, gamma=1.0)
    assert by_form is not None
    assert not by_form.potential


def test_where_nothing_but_a_constant_differs_there_is_nothing_to_judge(drawn: Transitions, wanderers) -> None:
    for other in (_effort, lambda i: _effort(i) + 1.0, lambda i: _effort(i) / 0.0):
        assert imagined(_effort, other, drawn, gamma=GAMMA) is None
        assert fitted(_effort, other, wanderers, episode_steps=30, gamma=GAMMA) is None


@pytest.mark.parametrize("size", [1.0, 100.0, 1000.0])
def test_rounding_is_no_difference_whatever_the_size_of_the_rewards(drawn: Transitions, wanderers, size: float) -> None:
    def large(i: Inputs) -> Tensor:
        return size * (3.0 + _effort(i))

    def summed_otherwise(i: Inputs) -> Tensor:
        return 0.5 * large(i) + 0.3 * large(i) + 0.2 * large(i)

    assert imagined(large, summed_otherwise, drawn, gamma=GAMMA) is None
    assert fitted(large, summed_otherwise, wanderers, episode_steps=30, gamma=GAMMA) is None

    def shaped(i: Inputs) -> Tensor:
        return large(i) - 0.1 * (GAMMA * _distance(i, "position") - _distance(i, "prev_position"))

    found = imagined(large, shaped, drawn, gamma=GAMMA)
    assert found is not None
    assert found.potential


def test_a_planted_shaping_is_one_and_a_planted_scaling_is_not(planted, episodes, sandbox) -> None:
    def reward(kind: str) -> Reward:
        graph = planted[f"reacher_reach_{kind}.py"].graph(sandbox)
        return lambda i: graph(i)[0]

    played = sample(episodes("reacher_reach"), episode_steps=50)
    shaped = imagined(reward("right"), reward("shaped"), played, gamma=0.99)
    scaled = imagined(reward("right"), reward("scaled"), played, gamma=0.99)
    assert shaped == Shaping(potential=True, residual=pytest.approx(0.0, abs=1e-4))
    assert scaled is not None
    assert not scaled.potential


def test_without_an_episode_there_is_nothing_to_fit() -> None:
    with pytest.raises(ValueError, match="at least one episode"):
        fitted(_effort, _effort, [], episode_steps=5, gamma=GAMMA)
