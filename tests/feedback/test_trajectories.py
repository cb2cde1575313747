"""The best and the worst episode at a few moments."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import sources
from rewardsmith.feedback.episodes import Episode, own
from rewardsmith.feedback.trajectories import ROWS, approaches, columns, moments
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Task, Trajectory

[TRAJECTORY] = sources(["trajectory"], FeedbackSettings())
MakeAttempt = Callable[..., Attempt]
MakeEpisode = Callable[..., Trajectory]

# The hand comes to 0.1 m of its goal at 1 m after 20 steps and goes back as far by the end.
THERE_AND_BACK = [0.045 * i for i in range(20)] + [0.9] + [0.9 - 0.045 * i for i in range(1, 21)]


def said(attempt: Attempt, task: Task) -> str:
    feedback = TRAJECTORY.comment(attempt, Scene(task=task))
    assert feedback is not None
    assert json.loads(json.dumps(feedback.data, allow_nan=False)) == feedback.data
    return feedback.text


def test_moments_are_the_start_the_peak_the_jump_and_the_end(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    # effort falls by 0.02 at step 31 (state 31), no other step changes the reward that much: near moves by < 0.08
    kicked = [0.0] * 31 + [10.0] + [0.0] * 9
    [played] = own(judged([episode(THERE_AND_BACK, action=kicked)]), task)
    found = [(m.step, m.why) for m in moments(played, task)]
    # rows count from the first transition: state 20 is row 19. Nearness to the goal is the fitness quantity itself.
    assert found == [(0, "start"), (19, "fitness highest"), (30, "reward jumps from 0.333"), (39, "end")]


def test_text_tells_values_with_units_components_and_the_end(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    text = said(judged([episode(THERE_AND_BACK, speed=1.0)]), task)
    lines = text.split("\n")
    assert lines[0].startswith(
        "Best of the kept episodes: fitness -0.1 m, not solved; it lasted its whole time, 40 of 40 steps. "
        "Your reward summed to "
    )
    assert "`fast` 4, `effort` 0)." in lines[0]
    assert lines[1] == "| step | hand [m] | FITNESS now | your reward | `near` | `fast` | `effort` |"
    # near = exp(-0.1 / 0.5) = 0.819, fast = 0.1
    assert "| 20 (fitness highest) | 0.9 0 0 | -0.1 | 0.919 | 0.819 | 0.1 | 0 |" in lines
    # the hand's mean is 18 m over 40 steps
    assert sum(line.startswith("| mean of all | 0.45 0 0 | ") for line in lines) == 1
    assert "The same all the time: goal [m] 1 0 0, height [m] 1.2, speed [m/s] 1, action 0 0." in lines
    assert "Closest: hand to goal: 0.1 m at step 20, 1 at the end." in lines
    assert "Worst" not in text  # there is but one


def test_fitness_and_distance_that_are_nothing_beside_those_of_other_steps_are_nought(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    lines = said(judged([episode([0.0] * 20 + [0.9999] + [0.5] * 20)]), task).split("\n")
    [peak] = [line for line in lines if "fitness highest" in line]
    assert peak.startswith("| 20 (fitness highest) | 1 0 0 | 0 | ")
    assert "Closest: hand to goal: 0 m at step 20, 0.5 at the end." in lines


def test_best_and_worst_are_both_told_where_they_differ(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    kept = [episode([0.0] * 13, terminated=True), episode(THERE_AND_BACK, success=True)]
    best, worst = said(judged(kept), task).split("\n\n")
    assert best.startswith("Best of the kept episodes: fitness -0.1 m, solved; it lasted")
    assert worst.startswith(
        "Worst of the kept episodes: fitness -1 m, not solved; ended early by the environment, 12 of 40"
    )


def test_equally_good_episodes_are_told_once(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    kept = [episode(THERE_AND_BACK), episode(THERE_AND_BACK)]
    assert "Worst" not in said(judged(kept), task)


def test_signals_the_reward_reads_are_shown_first(judged: MakeAttempt, task: Task) -> None:
    graph = judged().outcome.trained.verified.graph  # type: ignore[union-attr]
    assert [s.name for s in columns(task, graph)] == ["hand", "goal", "height", "speed", "action"]


def test_of_many_signals_those_the_task_is_measured_by_are_shown(judged: MakeAttempt, task: Task) -> None:
    graph = judged().outcome.trained.verified.graph  # type: ignore[union-attr]  # it reads hand, goal, speed, action
    more = tuple(replace(task.signals[3], name=f"joint_{i}") for i in range(5))
    wide = replace(task, signals=(*more, *task.signals), fitness=replace(task.fitness, source="height * joint_4"))
    assert [s.name for s in columns(wide, graph)] == ["joint_4", "hand", "goal", "speed", "action"]
    solved = replace(wide, success=replace(task.fitness, source="height > 1"), fitness=task.fitness)
    assert [s.name for s in columns(solved, graph)] == ["hand", "goal", "height", "speed", "action"]


def test_what_lies_between_two_things_is_no_place(episode: MakeEpisode, task: Task) -> None:
    between = replace(task.signals[1], name="hand_to_goal")
    renamed = replace(task, signals=(task.signals[0], between))
    played = episode(THERE_AND_BACK)
    signals = {"hand": played.signals["hand"], "hand_to_goal": played.signals["goal"] - played.signals["hand"]}
    near = approaches(
        Episode(played=replace(played, signals=signals), reward=played.fitness_steps, components={}), renamed
    )
    assert [a.what for a in near] == ["hand_to_goal"]


def test_nothing_is_said_without_episodes_or_without_a_graph(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    assert TRAJECTORY.comment(judged(), Scene(task=task)) is None
    assert TRAJECTORY.comment(judged([episode([0.0] * 5)], code=None), Scene(task=task)) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(hand=st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=60))
def test_any_episode_is_told_within_bounds(
    judged: MakeAttempt, episode: MakeEpisode, task: Task, hand: list[float]
) -> None:
    attempt = judged([episode(hand)])
    found = moments(own(attempt, task)[0], task)
    assert [m.step for m in found] == sorted({m.step for m in found} | {0, len(hand) - 2})
    assert len(found) <= ROWS
    assert len(said(attempt, task)) < 2000


@pytest.mark.parametrize("steps", [1, 2])
def test_an_episode_of_a_step_or_two_is_told(judged: MakeAttempt, episode: MakeEpisode, task: Task, steps: int) -> None:
    assert f"{steps} of 40 steps" in said(judged([episode([0.0] * (steps + 1))]), task)
