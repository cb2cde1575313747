"""An episode in numbers: its moments and extremes, how it ended, and nothing of what it was worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.advice.story import MOMENTS, ROWS, story
from rewardsmith.sim.point import point_task
from rewardsmith.types import Signal, Task, Trajectory


def test_a_signal_is_told_at_its_moments_with_its_extremes(task: Task, episode: Callable[..., Trajectory]) -> None:
    told = story(episode(0.0, steps=4), task)
    # 1 m to 0 m in four steps; the hand's x is the same number, y stays 0 and z 0.5
    assert told.table.split("\n") == [
        "| signal | step 0 | step 1 | step 2 | step 3 | step 4 | lowest | highest |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| distance [m] | 1 | 0.75 | 0.5 | 0.25 | 0 | 0 (step 4) | 1 (step 0) |",
        "| hand[0] [m] | 1 | 0.75 | 0.5 | 0.25 | 0 | 0 (step 4) | 1 (step 0) |",
        "| hand[1] [m] | 0 | 0 | 0 | 0 | 0 | 0 (step 0) | 0 (step 0) |",
        "| hand[2] [m] | 0.5 | 0.5 | 0.5 | 0.5 | 0.5 | 0.5 (step 0) | 0.5 (step 0) |",
    ]


def test_how_it_ended_is_told(task: Task, episode: Callable[..., Trajectory]) -> None:
    lasted = story(episode(0.0, steps=8), task)
    assert lasted.ending == "It lasted 8 of at most 8 control steps (0.4 s); it was not ended early."
    fell = story(episode(0.0, steps=3, terminated=True), task)
    assert fell.ending == "It lasted 3 of at most 8 control steps (0.15 s); the environment ended it early."


def test_a_long_episode_has_no_more_columns_than_a_short_one_and_its_ends_are_among_them(
    task: Task, episode: Callable[..., Trajectory]
) -> None:
    head = story(episode(0.0, steps=1000), task).table.split("\n")[0]
    assert head.count("step") == MOMENTS
    assert "step 0 |" in head
    assert "step 1000 |" in head


def test_what_has_no_room_in_the_table_is_named_below_it(task: Task, episode: Callable[..., Trajectory]) -> None:
    names = [f"s{i}" for i in range(ROWS + 2)]
    wide = replace(task, signals=tuple(Signal(name=n, shape=(), unit="m", doc="", source="") for n in names))
    played = replace(episode(0.0), signals={n: torch.zeros(5) for n in names})
    *table, _, below = story(played, wide).table.split("\n")
    assert len(table) == ROWS + 2
    assert below == f"Not shown, as the table is full: s{ROWS} [m], s{ROWS + 1} [m]."
    within = replace(wide, signals=wide.signals[:ROWS])
    assert "Not shown" not in story(played, within).table


def test_vectors_are_told_by_their_norms_where_their_numbers_have_no_room(
    task: Task, episode: Callable[..., Trajectory]
) -> None:
    names = [f"v{i}" for i in range(ROWS // 3)]
    wide = replace(
        task,
        signals=(
            *(Signal(name=n, shape=(3,), unit="m", doc="", source="") for n in names),
            *(Signal(name=n, shape=(), unit="m", doc="", source="") for n in ("last", "very_last")),
        ),
    )
    vectors = {n: torch.tensor([[3.0, 4.0, 0.0]] * 5) for n in names}
    played = replace(episode(0.0), signals=vectors | {"last": -torch.ones(5), "very_last": torch.zeros(5)})
    told = story(played, wide).table
    assert "| norm of v0 [m] | 5 | 5 |" in told
    assert "| last [m] | -1 | -1 |" in told
    assert "Not shown" not in told


def test_what_an_episode_was_worth_is_not_told(task: Task, episode: Callable[..., Trajectory]) -> None:
    one, other = episode(0.5), replace(episode(0.5), fitness=7.0, success=True, fitness_steps=torch.ones(4), source="x")
    assert story(one, task) == story(other, task)
    assert "98765" not in f"{story(one, task)}"


@given(st.lists(st.floats(width=32), min_size=2, max_size=12))
def test_no_number_breaks_a_story(values: list[float]) -> None:
    steps = len(values) - 1
    signal = Signal(name="x", shape=(), unit="m", doc="", source="")
    task = replace(point_task(), signals=(signal,))
    played = Trajectory(
        source="", signals={"x": torch.tensor(values)}, actions=torch.zeros(steps, 1),
        fitness_steps=torch.zeros(steps), expert=None, fitness=0.0, success=None, terminated=False,
    )  # fmt: skip
    told = story(played, task)
    assert "nan" not in told.table
    assert "inf" not in told.table
