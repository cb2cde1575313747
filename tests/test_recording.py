"""Recordings: which episodes are kept, and that they stay small. What is in them is tested with the judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import taskfile
from rewardsmith.recording import LIMIT_BYTES, recordable, spread
from rewardsmith.sim.point import point_task

fitness = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=20).map(np.array)


@given(fitness, st.integers(0, 25))
def test_as_many_are_kept_as_were_asked_for_each_once_and_from_worst_to_best(values: np.ndarray, keep: int) -> None:
    kept = spread(values, keep)
    assert len(kept) == len(set(kept)) == min(keep, len(values))
    assert [values[i] for i in kept] == sorted(values[i] for i in kept)


@given(fitness, st.integers(1, 25))
def test_the_best_is_kept_and_with_room_for_two_the_worst(values: np.ndarray, keep: int) -> None:
    kept = [float(values[i]) for i in spread(values, keep)]
    assert kept[-1] == values.max()
    if keep > 1:
        assert kept[0] == values.min()


def test_the_others_are_spread_over_the_ranks_between() -> None:
    # of nine ranks 0 to 8 three: the ends and the middle
    assert spread(np.array([8.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 0.0]), 3) == [8, 4, 0]


@pytest.mark.parametrize("name", ["hopper_hop", "humanoid_run", "hand_block", "door_open"])
def test_a_recording_of_64_episodes_stays_within_its_limit_and_holds_a_policy_at_least(name: str) -> None:
    task = taskfile.load(name).task
    numbers = sum(int(np.prod(s.shape, dtype=int)) for s in task.signals) + 2  # and the fitness and expert of a step
    policies = recordable(task, episodes=64)
    assert policies >= 1
    assert policies * 64 * task.episode_steps * numbers * 4 <= LIMIT_BYTES


def test_an_episode_too_long_for_the_limit_is_recorded_alone() -> None:
    assert recordable(replace(point_task(), episode_steps=10**9), episodes=64) == 1
