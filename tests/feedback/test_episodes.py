"""Episodes under the reward that is spoken of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from rewardsmith.feedback.episodes import correlation, graph_of, joined, others, own, share
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Rejected, Task, Trajectory

MakeAttempt = Callable[..., Attempt]
MakeEpisode = Callable[..., Trajectory]


def test_rewards_are_those_of_the_candidate(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    attempt = judged([episode([1.0] * 4, speed=[9.0, 1.0, 2.0, 3.0], action=1.0)])
    [played] = own(attempt, task)
    # at the goal near = 1; fast = 0.1 * speed of the state after the step; effort = -0.01 * (1 + 1)
    assert played.reward.tolist() == pytest.approx([1.08, 1.18, 1.28])
    assert played.sums() == pytest.approx({"near": 3.0, "fast": 0.6, "effort": -0.06})
    assert (played.steps, played.total) == (3, pytest.approx(3.54))


def test_episodes_of_ones_own_are_not_among_the_others(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    mine, theirs = episode([0.0] * 3), episode([0.0] * 3, source="random")
    scene = Scene(task=task, trajectories=(mine, theirs))
    assert [e.played.source for e in others(judged([mine]), scene)] == ["random"]


def test_nothing_is_known_of_an_attempt_that_was_not_judged(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    good = judged([episode([0.0] * 3)])
    failed = Attempt(candidate=good.candidate, outcome=Rejected(stage="train", reason="r", hint="h"))
    assert graph_of(failed) is None
    assert own(failed, task) == others(failed, Scene(task=task, trajectories=(episode([0.0] * 3),))) == ()
    assert own(judged([episode([0.0] * 3)], code=None), task) == ()


def test_component_is_joined_over_episodes_without_what_is_not_finite(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    kept = [episode([0.0] * 3, speed=[0.0, 1.0, 2.0]), episode([0.0] * 2, speed=[0.0, float("nan")])]
    assert joined(own(judged(kept), task), "fast").tolist() == pytest.approx([0.1, 0.2])
    assert joined((), "fast").tolist() == []


def test_correlation_needs_three_pairs_that_differ() -> None:
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1.0)
    assert correlation([1, 2], [2, 4]) is None
    assert correlation([1, 1, 1], [2, 4, 6]) is None
    assert correlation([1.0, 1.0 + 1e-7, 1.0], [2, 4, 6]) is None


def test_share_is_a_quantile() -> None:
    assert share(torch.arange(101), 0.05) == 5.0
