"""A curve in a line, and what that saves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import sources
from rewardsmith.feedback.summary import ends, trend
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Task, Trajectory

SETTINGS = FeedbackSettings()
[SUMMARY] = sources(["summary"], SETTINGS)
[CURVES] = sources(["curves"], SETTINGS)
RAMP = tuple(float(i) for i in range(10))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (RAMP, "rising"),
        (RAMP[::-1], "falling"),
        ((0, 4, 8, 8, 8, 8, 8, 8, 8), "rose, then level"),  # thirds 4, 8, 8
        ((0, 4, 8, 8, 8, 8, 4, 2, 0), "peaked, then fell"),  # thirds 4, 8, 2
        ((8, 4, 0, 0, 0, 0, 4, 6, 8), "dipped, then rose"),
        ((1, 3, 1, 3, 1, 3, 1, 3, 1), "flat"),  # thirds 1.67, 2.33, 1.67: a third of the range, but mere jitter
        ((1, 3, 2, 4, 3, 5, 4, 6, 5), "rising"),  # jitter of the same size about a slope
        ((5, 5, 5), "flat"),
        ((5, 6), "flat"),  # too few to call a trend
    ],
)
def test_trend_is_told_by_thirds(values: tuple[float, ...], expected: str) -> None:
    assert trend(values) == expected


def test_ends_are_means_of_a_tenth() -> None:
    assert ends(tuple(float(i) for i in range(20))) == (0.5, 18.5)
    assert ends((3.0,)) == (3.0, 3.0)


def test_each_curve_has_its_line(judged: Callable[..., Attempt], task: Task) -> None:
    attempt = judged(
        curves={
            "component/near": RAMP,
            "component/alive": (1.0,) * 10,
            "reward": (4.0, 4.0, 4.0, 3.0, 2.0, 2.0, 1.0, 1.0, 1.0, 0.5),
            "fitness": (0.0, 4.0, 8.0, 8.0, 8.0, 8.0, 4.0, 2.0, 0.0),
            "success": (0.0, 0.1, 0.3, 0.6, 0.7, 0.8, 0.8, 0.9, 0.75, 0.75),
        }
    )
    feedback = SUMMARY.comment(attempt, Scene(task=task))
    assert feedback is not None
    assert feedback.text.split("\n")[1:] == [
        "- `near`: 0 -> 9, rising",
        "- `alive`: flat at 1",
        "- your reward: 4 -> 0.5, falling",
        "- FITNESS: 0 -> 0, peaked, then fell, peak 8 at 25%",
        "- SUCCESS, share of episodes: 0 -> 0.75, rose, then level, peak 0.9 at 78%",
    ]


def test_fitness_is_held_against_what_random_actions_reach(
    judged: Callable[..., Attempt], episode: Callable[..., Trajectory], task: Task
) -> None:
    attempt = judged(curves={"reward": RAMP, "fitness": RAMP})
    played = tuple(
        episode((0.0, 0.5), fitness=f, source=s) for f, s in ((0.02, "random"), (0.04, "random"), (9.0, "g001-01"))
    )
    feedback = SUMMARY.comment(attempt, Scene(task=task, trajectories=played))
    assert feedback is not None
    assert "- FITNESS: 0 -> 9, rising; random actions reach 0.03 m" in feedback.text.split("\n")
    assert feedback.text.count("random") == 1


def test_summary_takes_less_than_half_of_the_table(judged: Callable[..., Attempt], task: Task) -> None:
    """At four characters a token the table is about 300 tokens and the summary 130: some 170 saved a turn."""
    wavy = [0.123456 + 0.0123 * i + 0.1 * (i % 3) for i in range(50)]
    names = ["component/near", "component/fast", "component/effort", "reward", "fitness", "success", "episode_length"]
    attempt = judged(curves=dict.fromkeys(names, wavy))
    short, long = (s.comment(attempt, Scene(task=task)) for s in (SUMMARY, CURVES))
    assert short is not None
    assert long is not None
    assert len(short.text) < 0.5 * len(long.text)
    assert (len(long.text) - len(short.text)) / 4 > 150


@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60))
def test_any_curve_has_a_trend_and_ends_within_its_range(values: list[float]) -> None:
    trend(values)
    start, end = ends(values)
    slack = 1e-6 * max(map(abs, values)) + 1e-12
    assert min(values) - slack <= min(start, end)
    assert max(start, end) <= max(values) + slack
