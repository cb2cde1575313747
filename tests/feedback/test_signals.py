"""Signals of the trained policy in a line each."""

from __future__ import annotations

from collections.abc import Callable

import torch

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import sources
from rewardsmith.feedback.signals import apart
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Task, Trajectory

[SIGNALS] = sources(["signals"], FeedbackSettings())


def test_each_number_has_its_mean_and_range(
    judged: Callable[..., Attempt], episode: Callable[..., Trajectory], task: Task
) -> None:
    # speed 0, 1, ..., 100 over 101 states: mean 50, 5% and 95% at 5 and 95
    attempt = judged([episode([0.5] * 101, speed=[float(i) for i in range(101)])])
    feedback = SIGNALS.comment(attempt, Scene(task=task))
    assert feedback is not None
    lines = feedback.text.split("\n")
    assert "- speed [m/s]: 50 (5 to 95)" in lines
    assert "- hand[0] [m]: 0.5 (0.5 to 0.5)" in lines
    assert "- action[1]: 0 (0 to 0)" in lines


def test_long_signal_is_told_by_its_norm() -> None:
    [(name, values)] = apart("joints [rad]", torch.tensor([[3.0, 0, 0, 0, 4.0], [0, 0, 0, 0, 0]]))
    assert (name, values.tolist()) == ("norm of joints [rad]", [5.0, 0.0])
    assert [n for n, _ in apart("place [m]", torch.zeros(2, 3))] == ["place[0] [m]", "place[1] [m]", "place[2] [m]"]


def test_steps_that_are_not_finite_do_not_count(
    judged: Callable[..., Attempt], episode: Callable[..., Trajectory], task: Task
) -> None:
    attempt = judged([episode([0.5] * 3, speed=[1.0, float("nan"), 3.0])])
    feedback = SIGNALS.comment(attempt, Scene(task=task))
    assert feedback is not None
    assert feedback.data["signals"]["speed [m/s]"][0] == 2.0  # type: ignore[index]


def test_without_kept_episodes_nothing_is_said(judged: Callable[..., Attempt], task: Task) -> None:
    assert SIGNALS.comment(judged(), Scene(task=task)) is None
