"""An expert must be scored above its noised self, and that above random play, where these are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rewardsmith.config import ScreenSettings
from rewardsmith.graph import RewardGraph
from rewardsmith.screen.demonstration import demonstration
from rewardsmith.screen.episodes import Episodes
from rewardsmith.screen.verdicts import Failed, Passed, Undecided
from rewardsmith.types import Trajectory

Walk = Callable[..., Trajectory]
MakeGraph = Callable[..., RewardGraph]


@pytest.fixture
def ladder(walk: Walk) -> list[Trajectory]:
    expert = [walk([1.0, 0.5, 0.1, 0.0], source="expert")] * 2
    noised = [walk([1.0, 0.6, 0.4, 0.2], source="noised")] * 2
    return [*expert, *noised, *[walk([1.0, 1.1, 1.0, 1.2])] * 3]


def _verdict(reward: RewardGraph, played: list[Trajectory]) -> Passed | Failed | Undecided:
    return demonstration(reward, Episodes(played, episode_steps=4), ScreenSettings(demonstration=True))


def test_the_right_order_passes(graph: MakeGraph, ladder: list[Trajectory]) -> None:
    found = _verdict(graph("-distance"), ladder)
    assert isinstance(found, Passed)
    assert found.words == (
        "The reward scores expert above noised expert, expert above random play, noised expert above random play."
    )


def test_a_reversed_reward_fails_at_the_first_step(graph: MakeGraph, ladder: list[Trajectory]) -> None:
    found = _verdict(graph("distance", parts="{'far': distance}"), ladder)
    assert isinstance(found, Failed)
    assert found.reason == (
        "The reward scores expert above noised expert in 0% of the pairs of 2 and 2 episodes; 55% is asked."
    )
    assert "'far' pays" in found.hint


def test_a_reward_that_cannot_tell_noise_from_random_fails_at_the_second(
    graph: MakeGraph, ladder: list[Trajectory]
) -> None:
    """It pays within 0.15 m alone, which the noised expert never is."""
    found = _verdict(graph("(distance < 0.15).float()"), ladder)
    assert isinstance(found, Failed)
    assert found.numbers["expert above noised expert"] == found.numbers["expert above random play"] == 1.0
    assert found.numbers["noised expert above random play"] == 0.5


def test_without_a_noised_expert_the_two_ends_are_compared(graph: MakeGraph, ladder: list[Trajectory]) -> None:
    ends = [t for t in ladder if t.source != "noised"]
    found = _verdict(graph("-distance"), ends)
    assert isinstance(found, Passed)
    assert list(found.numbers) == ["expert above random play"]


def test_without_an_expert_nothing_is_decided(graph: MakeGraph, ladder: list[Trajectory]) -> None:
    assert isinstance(_verdict(graph("distance"), ladder[4:]), Undecided)
    assert isinstance(_verdict(graph("distance"), []), Undecided)


def test_an_expert_that_is_no_better_decides_nothing(graph: MakeGraph, walk: Walk) -> None:
    played = [walk([1.0, 2.0], source="expert"), walk([1.0, 0.5])]
    assert isinstance(_verdict(graph("distance"), played), Undecided)
