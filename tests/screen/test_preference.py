"""A reward passes that prefers success; one that does not is told which episodes it got wrong, and how."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from rewardsmith.config import ScreenSettings
from rewardsmith.graph import RewardGraph
from rewardsmith.screen.episodes import Episodes
from rewardsmith.screen.labels import Labels, labelled
from rewardsmith.screen.preference import asked_words, preference, reached_words
from rewardsmith.screen.verdicts import Failed, Passed
from rewardsmith.types import Task, Trajectory

Walk = Callable[..., Trajectory]
MakeGraph = Callable[..., RewardGraph]
Kind = Literal["auc", "code", "paper"]
KINDS: tuple[Kind, ...] = ("auc", "code", "paper")
GOLDEN = Path(__file__).parents[1] / "golden" / "screen"


@pytest.fixture
def played(walk: Walk) -> list[Trajectory]:
    """Four that arrive, five that do not; all start a metre away."""
    good = [walk([1.0, 0.7, 0.3, 0.1, 0.01 * i], source=f"g001-{i:02d}") for i in range(4)]
    return good + [walk([1.0, 0.9, 1.1, 1.2, 1.0 + 0.1 * i]) for i in range(5)]


def _verdict(reward: RewardGraph, played: list[Trajectory], task: Task, kind: Kind = "auc") -> Passed | Failed:
    settings = ScreenSettings(preference=kind, least=4)
    labels = labelled(played, task, settings)
    assert isinstance(labels, Labels)
    return preference(reward, Episodes(played, episode_steps=task.episode_steps), labels, settings, gamma=0.9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_reward_passes_and_a_reversed_one_fails(
    graph: MakeGraph, played: list[Trajectory], task: Task, kind: Kind
) -> None:
    assert isinstance(_verdict(graph("-distance"), played, task, kind), Passed)
    assert isinstance(_verdict(graph("distance"), played, task, kind), Failed)


@pytest.mark.parametrize("kind", KINDS)
def test_scale_and_shaping_change_no_verdict(
    graph: MakeGraph, played: list[Trajectory], task: Task, kind: Kind
) -> None:
    for total in ("-40.0 * distance", "-distance + prev_distance - 0.9 * distance", "-distance + 3.0"):
        assert isinstance(_verdict(graph(total), played, task, kind), Passed), total
    for total in ("40.0 * distance", "distance + prev_distance - 0.9 * distance"):
        assert isinstance(_verdict(graph(total), played, task, kind), Failed), total


def test_a_reward_that_means_nothing_is_no_better_than_chance(
    graph: MakeGraph, played: list[Trajectory], task: Task
) -> None:
    found = _verdict(graph("0.0 * distance + 1.0"), played, task)
    assert isinstance(found, Failed)
    assert found.numbers["share_of_pairs"] == 0.5


def test_a_reward_that_is_not_finite_anywhere_fails(graph: MakeGraph, played: list[Trajectory], task: Task) -> None:
    found = _verdict(graph("-torch.log( distance - distance )"), played, task)
    assert isinstance(found, Failed)
    assert found.numbers["share_of_pairs"] == 0.0


def test_a_return_sees_that_ending_early_pays_and_a_mean_does_not(walk: Walk, graph: MakeGraph, task: Task) -> None:
    """Every step costs: whoever fails at once earns most in sum, though least for a step."""
    good = [walk([1.0, 0.5, 0.4, 0.3, 0.01]) for _ in range(6)]
    bad = [walk([1.0, 0.9], terminated=True) for _ in range(6)]
    reward = graph("-distance")
    assert isinstance(_verdict(reward, good + bad, task, "auc"), Failed)
    assert isinstance(_verdict(reward, good + bad, task, "code"), Passed)


def test_what_is_told_of_two_episodes_is_what_decided(walk: Walk, graph: MakeGraph, task: Task) -> None:
    """A success paid late against a failure paid at once: less by the discounted return, more by the sum."""
    good = [walk([1.0] * 11 + [0.01] * 10) for _ in range(4)]
    bad = [walk([0.5] * 9, terminated=True) for _ in range(4)]
    reward = graph("1.0 - distance", parts="{'near': 1.0 - distance}")
    found = _verdict(reward, good + bad, task, "paper")
    assert isinstance(found, Failed)
    assert (
        "- summed over the episode, discounted by 0.9: reward 2.25 against 2.85; `near` 2.25 against 2.85" in found.text
    )
    assert found.hint == (
        "A success must earn more in its discounted sum than a failure; 'near' pays the failure more."
    )
    found = _verdict(reward, good + bad, task, "code")
    assert isinstance(found, Failed)
    assert "- mean of a step: reward 0.495 against 0.5; `near` 0.495 against 0.5" in found.text
    assert "must earn more in the mean of its steps than" in found.hint


@pytest.mark.parametrize(
    ("reached", "asked", "told"),
    [(0.547, 0.55, ("54%", "55%")), (0.29, 0.8, ("29%", "80%")), (0.5449, 0.545, ("54%", "54.5%"))],
)
def test_what_fell_short_does_not_read_as_if_it_had_not(reached: float, asked: float, told: tuple[str, str]) -> None:
    assert (reached_words(reached), asked_words(asked)) == told


def test_the_failure_is_told_step_by_step(graph: MakeGraph, played: list[Trajectory], task: Task) -> None:
    parts = "{'away': 2.0 * distance, 'near': -distance, 'idle': 0.0 * distance}"
    found = _verdict(graph("distance", parts=parts), played, task)
    assert isinstance(found, Failed)
    page = f"{found.reason}\n{found.hint}\n\n{found.text}\n"
    golden = GOLDEN / "preference.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text(encoding="utf-8")
