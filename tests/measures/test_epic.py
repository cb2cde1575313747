"""EPIC: worked out by hand, and its laws."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.measures.epic import canonical, epic_distance, pearson_distance
from rewardsmith.measures.transitions import Inputs, Reward, Transitions, sample, total

GAMMA = 0.95
EXACT = 1e-5  # what float32 rewards leave of an equality


@pytest.fixture(scope="module")
def drawn(wanderers) -> Transitions:
    return sample(wanderers, episode_steps=30, rows=120, imagined=24)


def _reward(weights: tuple[float, float, float]) -> Reward:
    """Near the goal, effort, and a term in which before and after cannot be parted."""
    near, effort, mixed = weights

    def paid(inputs: Inputs) -> Tensor:
        distance = (inputs["position"] - inputs["goal"]).norm(dim=-1)
        return (
            near * torch.exp(-distance)
            - effort * inputs["action"].square().sum(dim=-1)
            + mixed * inputs["prev_position"][:, 0] * inputs["position"][:, 1]
        )

    return paid


def _potential(position: Tensor, velocity: Tensor, goal: Tensor) -> Tensor:
    return 3.0 * torch.tanh(2.0 - (position - goal).norm(dim=-1)) + velocity[:, 0] * position[:, 1]


def _shaped(reward: Reward, *, scale: float = 1.0, offset: float = 0.0, potential: float = 1.0) -> Reward:
    """The reward times `scale`, moved, and shaped by a potential of position, velocity and the episode's goal."""

    def paid(i: Inputs) -> Tensor:
        after = _potential(i["position"], i["velocity"], i["goal"])
        before = _potential(i["prev_position"], i["prev_velocity"], i["goal"])
        return scale * reward(i) + offset + potential * (GAMMA * after - before)

    return paid


WEIGHTS = st.tuples(st.floats(0.2, 2.0), st.floats(0.05, 0.5), st.floats(-1.0, 1.0))


def test_the_canonical_form_worked_out_by_hand() -> None:
    # Two transitions, 0 -> 1 and 1 -> 0, both imagined everywhere: arrivals are 1 and 0, each half of the time.
    # R = x (1 - prev_x) pays 1 for the first and 0 for the second.
    # From s' = 1 arrivals pay 0 on average, from s' = 0 they pay 0.5; from s = 0: 0.5, from s = 1: 0.
    # From anywhere: the pairs (0 -> 1) and (1 -> 0) pay 1 and 0, 0.5 on average. With g = 0.5:
    #   C_0 = 1 + 0.5 * 0   - 0.5 - 0.5 * 0.5 = 0.25
    #   C_1 = 0 + 0.5 * 0.5 - 0   - 0.5 * 0.5 = 0
    transitions = Transitions(
        before={"x": torch.tensor([0.0, 1.0])},
        after={"x": torch.tensor([1.0, 0.0]), "episode_progress": torch.tensor([0.5, 1.0])},
        context=torch.tensor([0, 0]),
        imagined=torch.tensor([[0, 1]]),
    )
    found = canonical(lambda i: i["x"] * (1 - i["prev_x"]), transitions, gamma=0.5)
    assert found.tolist() == pytest.approx([0.25, 0.0])


def test_the_canonical_form_is_the_definition_summed_in_loops(drawn: Transitions) -> None:
    reward = _reward((1.0, 0.2, 0.7))

    def pays(state: Inputs, row: int, arrival: int) -> float:
        one = {"prev_" + n: v[row : row + 1] for n, v in state.items()}
        return float(reward(one | {n: v[arrival : arrival + 1] for n, v in drawn.after.items()}))

    found = canonical(reward, drawn, gamma=GAMMA)
    for row in (0, 17, 55):
        arrivals = drawn.imagined[int(drawn.context[row])].tolist()
        others = [arrivals[-1], *arrivals[:-1]]
        onward = sum(pays(drawn.after, row, a) for a in arrivals) / len(arrivals)
        here = sum(pays(drawn.before, row, a) for a in arrivals) / len(arrivals)
        anywhere = sum(pays(drawn.after, s, a) for s, a in zip(others, arrivals, strict=True)) / len(arrivals)
        expected = pays(drawn.before, row, row) + GAMMA * onward - here - GAMMA * anywhere
        assert float(found[row]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ([1, 2, 3], [10, 20, 30], 0.0),
        ([1, 2, 3], [3, 2, 1], 1.0),
        ([1, 0, -1, 0], [0, 1, 0, -1], math.sqrt(0.5)),  # rho = 0
        ([0, 0, 1], [0, 1, 1], math.sqrt((1 - 0.5) / 2)),  # rho = (1/9) / (2/9)
    ],
)
def test_the_pearson_distance_worked_out_by_hand(first: list[int], second: list[int], distance: float) -> None:
    assert pearson_distance(torch.tensor(first), torch.tensor(second)) == pytest.approx(distance)


@settings(max_examples=25, deadline=None)
@given(weights=WEIGHTS, scale=st.floats(0.1, 50), offset=st.floats(-10, 10), potential=st.floats(-5, 5))
def test_scale_offset_and_potential_shaping_do_not_count(
    weights, scale: float, offset: float, potential: float, drawn: Transitions
) -> None:
    reward = _reward(weights)
    other = _shaped(reward, scale=scale, offset=offset, potential=scale * potential)
    distance = epic_distance(reward, other, drawn, gamma=GAMMA)
    assert distance is not None
    assert distance < EXACT * (1 + abs(offset) / scale + abs(potential)) / min(weights[:2])


@settings(max_examples=25, deadline=None)
@given(first=WEIGHTS, second=WEIGHTS)
def test_the_distance_is_symmetric_and_between_0_and_1(first, second, drawn: Transitions) -> None:
    one = epic_distance(_reward(first), _reward(second), drawn, gamma=GAMMA)
    two = epic_distance(_reward(second), _reward(first), drawn, gamma=GAMMA)
    assert one is not None
    assert one == two
    assert 0.0 <= one <= 1.0


@settings(max_examples=15, deadline=None)
@given(first=WEIGHTS, second=WEIGHTS, third=WEIGHTS)
def test_the_distance_by_a_detour_is_no_shorter(first, second, third, drawn: Transitions) -> None:
    one, two, three = (canonical(_reward(w), drawn, gamma=GAMMA) for w in (first, second, third))
    direct, there, on = pearson_distance(one, three), pearson_distance(one, two), pearson_distance(two, three)
    assert direct is not None
    assert there is not None
    assert on is not None
    assert direct <= there + on + 1e-9


def test_a_reversed_reward_is_as_far_as_can_be(drawn: Transitions) -> None:
    reward = _reward((1.0, 0.1, 0.0))
    assert epic_distance(reward, lambda i: -2 * reward(i), drawn, gamma=GAMMA) == pytest.approx(1.0)


def test_what_holds_the_same_number_under_two_names_is_one_reward(wanderers) -> None:
    """A distance to the goal is the same whether it is read or worked out: the goal of s goes with every arrival."""
    read = [(t.signals["goal"] - t.signals["position"]).norm(dim=-1) for t in wanderers]
    both = [replace(t, signals={**t.signals, "distance": d}) for t, d in zip(wanderers, read, strict=True)]
    drawn = sample(both, episode_steps=30, rows=120)
    found = epic_distance(
        lambda i: -i["distance"], lambda i: -(i["goal"] - i["position"]).norm(dim=-1), drawn, gamma=GAMMA
    )
    assert found == pytest.approx(0.0, abs=EXACT)


def test_a_constant_and_a_mere_shaping_have_no_distance_to_anything(drawn: Transitions) -> None:
    reward = _reward((1.0, 0.1, 0.0))
    for nothing in (
        lambda i: torch.full_like(i["position"][:, 0], 3.0),
        _shaped(lambda i: 0.0 * i["position"][:, 0], potential=4.0),
    ):
        assert epic_distance(reward, nothing, drawn, gamma=GAMMA) is None
        assert epic_distance(nothing, reward, drawn, gamma=GAMMA) is None


def test_a_reward_that_is_not_finite_has_no_distance(drawn: Transitions) -> None:
    assert epic_distance(_reward((1, 1, 1)), lambda i: 1 / (0 * i["action"][:, 0]), drawn, gamma=GAMMA) is None


def test_planted_rewards_are_told_apart_on_real_episodes(planted, episodes, sandbox) -> None:
    drawn = sample(episodes("reacher_reach"), episode_steps=50)
    right = total(planted["reacher_reach_right.py"].graph(sandbox))
    found = {
        case.file: epic_distance(right, total(case.graph(sandbox)), drawn, gamma=0.99)
        for case in planted.values()
        if case.of == "reacher_reach_right.py"
    }
    for file, distance in found.items():
        assert distance is not None
        assert (distance < 1e-4) == planted[file].duplicate
