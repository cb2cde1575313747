"""A reward that was tried before is known again: as the same program, under another scale, or under shaping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from rewardsmith.config import ScreenSettings, TrainSettings
from rewardsmith.graph import RewardGraph
from rewardsmith.screen.duplicates import Compared, Twin, duplicate
from rewardsmith.screen.verdicts import Failed, Undecided
from rewardsmith.types import Trajectory

Walk = Callable[..., Trajectory]
MakeGraph = Callable[..., RewardGraph]
Reading = Literal["same", "scaled", "shaped"]
GAMMA = 0.99
SHAPED = f"-distance + {GAMMA} * (-3.0 * distance) + 3.0 * prev_distance"


@pytest.fixture
def played(walk: Walk) -> list[Trajectory]:
    return [walk([1.0, 0.6 + 0.05 * i, 0.4, 0.3 * i, 0.1]) for i in range(6)]


def _found(
    reward: RewardGraph,
    twin: RewardGraph,
    played: list[Trajectory],
    reading: Reading,
    *,
    normalise_reward: bool = True,
) -> Failed | Undecided | None:
    return duplicate(
        reward,
        [Twin(id="g001-03", graph=twin, result="reached fitness 1.5 +/- 0.1")],
        Compared(played, TrainSettings(gamma=GAMMA, normalise_reward=normalise_reward), episode_steps=4),
        ScreenSettings(duplicates=reading),
    )


@pytest.mark.parametrize(
    ("total", "known_as"),
    [("-distance", "same"), ("-40.0 * distance", "scaled"), (SHAPED, "shaped")],
)
def test_each_reading_knows_what_the_one_before_does_and_more(
    graph: MakeGraph, played: list[Trajectory], total: str, known_as: Reading
) -> None:
    readings: tuple[Reading, ...] = ("same", "scaled", "shaped")
    for reading in readings:
        found = _found(graph(total), graph("-distance"), played, reading)
        expected = readings.index(reading) >= readings.index(known_as)
        assert (found is not None) == expected, reading
        if found is not None:
            assert isinstance(found, Failed)
            assert found.numbers["twin"] == "g001-03"
            assert found.proven == (known_as == "same")


@pytest.mark.parametrize("total", ["distance", "-distance * distance", "-distance - 0.3 * position * position"])
def test_another_reward_is_no_duplicate(graph: MakeGraph, played: list[Trajectory], total: str) -> None:
    assert _found(graph(total), graph("-distance"), played, "shaped") is None


def test_other_components_of_the_same_total_make_no_other_reward(graph: MakeGraph, played: list[Trajectory]) -> None:
    found = _found(graph("-distance", parts="{'a': position}"), graph("-distance"), played, "scaled")
    assert isinstance(found, Failed)
    assert found.numbers["factor"] == pytest.approx(1.0)


@pytest.mark.parametrize("total", ["1.0 - distance", "-5.0 - distance"])
@pytest.mark.parametrize("reading", ["scaled", "shaped"])
def test_an_offset_counts_where_episodes_end_early(
    graph: MakeGraph, played: list[Trajectory], walk: Walk, total: str, reading: Reading
) -> None:
    """There it pays for lasting, or for ending."""
    offset = graph(total)
    assert _found(offset, graph("-distance"), played, reading) is not None
    short = walk([1.0, 0.2], terminated=True)
    assert _found(offset, graph("-distance"), [*played, short], reading) is None


@pytest.mark.parametrize("reading", ["scaled", "shaped"])
def test_a_factor_counts_where_rewards_are_not_normalised(
    graph: MakeGraph, played: list[Trajectory], reading: Reading
) -> None:
    twice, once = graph("-2.0 * distance"), graph("-1.0 * distance")
    assert _found(twice, once, played, reading) is not None
    assert _found(twice, once, played, reading, normalise_reward=False) is None
    shaped = _found(graph(SHAPED), graph("-distance"), played, reading, normalise_reward=False)
    assert (shaped is not None) == (reading == "shaped")


def test_without_episodes_only_the_program_can_be_compared(graph: MakeGraph) -> None:
    assert isinstance(_found(graph("-2.0 * distance"), graph("-1.0 * distance"), [], "scaled"), Undecided)
    assert isinstance(_found(graph("-distance"), graph("-distance"), [], "scaled"), Failed)


def test_a_reward_that_is_not_finite_is_no_duplicate(graph: MakeGraph, played: list[Trajectory]) -> None:
    broken = graph("torch.log(distance - 5.0)")
    assert _found(broken, graph("-distance"), played, "shaped") is None
    assert _found(graph("-distance"), broken, played, "shaped") is None
