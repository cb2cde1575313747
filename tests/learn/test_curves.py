"""Curves: one point a rollout, means of episodes that ended in it, thinned without losing the ends."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.interfaces import Rollout
from rewardsmith.learn.curves import CurveBook, Episodes, Tally
from rewardsmith.readings import Readings
from rewardsmith.rollouts import Stepper
from rewardsmith.sim.point import PointSimulator, point_task
from rewardsmith.types import Curve

TASK = point_task(episode_steps=4)


def _rollouts(count: int, steps: int) -> list[Rollout]:
    readings = Readings(TASK)
    stepper = Stepper(PointSimulator(TASK, env_seeds=[0, 1], info_fields=readings.info_fields))
    return [stepper.collect(lambda *_: torch.ones(2, 1), steps) for _ in range(count)]


def _book(rollouts: list[Rollout], **means: float) -> CurveBook:
    book, tally, readings = CurveBook(), Tally(TASK, candidates=1, num_envs=2), Readings(TASK)
    for i, rollout in enumerate(rollouts):
        [ended] = tally.update(rollout, readings, rollout.reward)
        book.record(ended, {"reward": float(i), **means}, (i + 1) * 10)
    return book


def _curves(book: CurveBook, limit: int = 50, *, rollout_steps: int = 5) -> dict[str, Curve]:
    return {curve.name: curve for curve in book.curves(limit, rollout_steps=rollout_steps)}


def test_fitness_is_the_mean_over_the_episodes_that_ended() -> None:
    [rollout] = _rollouts(1, 5)  # both environments end at step 4
    final = -rollout.info["distance"][4].mean().item()
    curve = _curves(_book([rollout]))["fitness"]
    assert curve.env_steps == (10,)
    assert curve.values == pytest.approx((final,))


def test_length_and_success_of_the_same_episodes() -> None:
    [rollout] = _rollouts(1, 5)
    reached = (rollout.info["distance"][4] < 0.05).float().mean().item()
    curves = _curves(_book([rollout]))
    assert curves["episode_length"].values == (4.0,)
    assert curves["success"].values == pytest.approx((reached,))


def test_a_rollout_in_which_no_episode_ends_leaves_no_point_of_fitness() -> None:
    curves = _curves(_book(_rollouts(2, 2)))  # steps 1-2, then 3-4: the end
    assert curves["fitness"].env_steps == (20,)
    assert curves["reward"].env_steps == (10, 20)
    assert curves["reward"].values == (0.0, 1.0)


def test_a_reward_is_told_over_as_many_rollouts_as_an_episode_takes() -> None:
    """Episodes of 4 steps in rollouts of 2: what is paid in their second half alone does not make the curve swing."""
    book, tally, readings = CurveBook(), Tally(TASK, candidates=1, num_envs=2), Readings(TASK)
    for i, rollout in enumerate(_rollouts(6, 2)):
        [ended] = tally.update(rollout, readings, rollout.reward)
        book.record(ended, {"reward": float(i % 2)}, (i + 1) * 10)
    curve = _curves(book, rollout_steps=2)["reward"]
    assert curve.values == (0.5,) * 5
    assert curve.env_steps == (20, 30, 40, 50, 60)


def test_a_training_shorter_than_an_episode_is_told_rollout_by_rollout() -> None:
    curves = _curves(_book(_rollouts(2, 1)), rollout_steps=1)
    assert set(curves) == {"reward"}
    assert curves["reward"].values == (0.0, 1.0)


def test_a_reward_with_fewer_points_than_an_episode_has_rollouts_is_one_point() -> None:
    book = CurveBook({"episode_length": [(10, 4.0)], "reward": [(10, 1.0), (20, 2.0)]})
    assert _curves(book, rollout_steps=1)["reward"].values == (1.5,)


def test_a_task_without_success_has_no_curve_of_it() -> None:
    task = replace(TASK, success=None)
    book, tally = CurveBook(), Tally(task, candidates=1, num_envs=2)
    for rollout in _rollouts(1, 5):
        [ended] = tally.update(rollout, Readings(task), rollout.reward)
        book.record(ended, {}, 10)
    assert {curve.name for curve in book.curves(50, rollout_steps=5)} == {"fitness", "episode_length"}


def test_components_stand_under_their_name() -> None:
    curves = _curves(_book(_rollouts(2, 5), **{"component/near": 0.5}))
    assert curves["component/near"].values == (0.5, 0.5)


def test_a_curve_never_holds_what_is_not_a_number() -> None:
    [rollout] = _rollouts(1, 5)
    distance = rollout.info["distance"].clone()
    distance[4, 0] = math.nan
    curves = _curves(_book([replace(rollout, info={**rollout.info, "distance": distance})]))
    assert curves["fitness"].values == pytest.approx((-distance[4, 1].item(),))
    distance[4, 1] = math.inf
    assert "fitness" not in _curves(_book([replace(rollout, info={**rollout.info, "distance": distance})]))


def test_each_candidate_is_told_of_its_own_episodes() -> None:
    [rollout] = _rollouts(1, 5)
    rewards = torch.tensor([1.0, 10.0]).expand(5, 2)  # what each of the two candidates pays a step
    first, second = Tally(TASK, candidates=2, num_envs=1).update(rollout, Readings(TASK), rewards)
    assert (first.own_return.tolist(), second.own_return.tolist()) == ([4.0], [40.0])
    distance = rollout.info["distance"][4]
    assert first.fitness.tolist() == pytest.approx([-distance[0].item()])
    assert second.fitness.tolist() == pytest.approx([-distance[1].item()])


def test_an_own_return_goes_on_across_rollouts() -> None:
    tally = Tally(TASK, candidates=1, num_envs=2)
    one, two = _rollouts(2, 2)
    assert len(tally.update(one, Readings(TASK), torch.ones(2, 2))[0].own_return) == 0
    assert tally.update(two, Readings(TASK), torch.full((2, 2), 3.0))[0].own_return.tolist() == [8.0, 8.0]


def test_status_tells_the_latest_fitness() -> None:
    assert _book([]).status() == "training"
    [rollout] = _rollouts(1, 5)
    assert _book([rollout]).status() == f"fitness {-rollout.info['distance'][4].mean().item():.4g}"


def test_thinning_worked_out_by_hand() -> None:
    # five points 0 1 2 3 4 in two: (0 + 1 + 2) / 3 and (3 + 4) / 2, each told at its last step
    curve = _curves(_book(_rollouts(5, 1)), limit=2)["reward"]
    assert curve.values == (1.0, 3.5)
    assert curve.env_steps == (30, 50)


@given(st.integers(1, 40), st.integers(1, 20))
def test_thinning_keeps_order_the_last_step_and_the_range(count: int, limit: int) -> None:
    book = CurveBook()
    nothing = Episodes(fitness=np.zeros(0), success=None, length=np.zeros(0), own_return=np.zeros(0))
    for i in range(count):
        book.record(nothing, {"reward": float(i)}, 10 * (i + 1))
    [curve] = [c for c in book.curves(limit, rollout_steps=5) if c.name == "reward"]
    assert len(curve.values) == len(curve.env_steps) == min(count, limit)
    assert curve.env_steps[-1] == 10 * count
    assert list(curve.env_steps) == sorted(set(curve.env_steps))
    assert list(curve.values) == sorted(curve.values)
    assert 0 <= curve.values[0] <= curve.values[-1] <= count - 1
