"""Random play gives real transitions, the same for the same seed."""

from __future__ import annotations

import math

import pytest
import torch

from rewardsmith import sim
from rewardsmith.interfaces import Simulator
from rewardsmith.play import random_rollout, random_states, ranges_of
from rewardsmith.sim.point import STRIDE_M, PointSimulator, point_task
from rewardsmith.types import Task
from rewardsmith.views import task_view


def test_the_same_seed_plays_the_same_and_another_one_differently() -> None:
    one, again, other = (random_rollout(point_task(), sim.make, seed=s) for s in (3, 3, 4))
    assert torch.equal(one.obs["obs"], again.obs["obs"])
    assert not torch.equal(one.obs["obs"], other.obs["obs"])


def test_actions_span_the_bounds_and_are_held_for_four_steps() -> None:
    rollout = random_rollout(point_task(episode_steps=1000), sim.make, seed=0, num_envs=64, steps=40)
    actions = rollout.led_by[1:, :, 0]
    assert actions.min() < -0.95
    assert actions.max() > 0.95
    assert actions.abs().max() <= 1.0
    blocks = actions.view(10, 4, 64)
    assert torch.equal(blocks, blocks[:, :1].expand_as(blocks))
    assert not torch.equal(blocks[0], blocks[1])


@pytest.mark.parametrize("steps", [1, 3, 4, 5, 64])
def test_a_rollout_is_as_long_and_as_wide_as_asked(steps: int) -> None:
    rollout = random_rollout(point_task(), sim.make, seed=0, num_envs=3, steps=steps)
    assert rollout.reward.shape == (steps, 3)


def test_states_hold_every_input_that_reward_code_may_ask_for() -> None:
    states = random_states(point_task(), sim.make, seed=0)
    names = {"position", "target", "offset", "distance", "action"}
    assert set(states) == names | {f"prev_{name}" for name in names} | {"episode_progress"}
    assert all(len(value) == 512 and value.dtype == torch.float32 for value in states.values())
    assert states["action"].shape == (512, 1)
    assert states["position"].shape == (512,)


@pytest.mark.parametrize("episode_steps", [1, 2, 7, 100])
def test_states_are_as_many_as_asked_however_short_the_episodes(episode_steps: int) -> None:
    states = random_states(point_task(episode_steps=episode_steps), sim.make, seed=0)
    assert {len(value) for value in states.values()} == {512}


def test_states_show_what_is_drawn_once_an_episode_as_often_as_there_are_episodes() -> None:
    states = random_states(point_task(episode_steps=1000), sim.make, seed=2)
    assert len(states["target"].unique()) == 16


def test_states_are_of_the_whole_play_in_its_order() -> None:
    progress = random_states(point_task(episode_steps=128), sim.make, seed=2)["episode_progress"]
    assert torch.equal(progress, progress.sort().values)
    assert progress.min() < 0.05
    assert progress.max() > 0.95


def test_states_are_transitions_and_never_a_reset() -> None:
    states = random_states(point_task(episode_steps=5), sim.make, seed=1)
    step = states["position"] - states["prev_position"]
    assert torch.allclose(step, STRIDE_M * states["action"][:, 0], atol=1e-6)
    assert torch.equal(states["target"], states["prev_target"])


def test_the_simulator_is_closed_even_where_playing_fails() -> None:
    closed: list[str] = []

    class Fragile(PointSimulator):
        def step(self, actions: torch.Tensor) -> object:  # type: ignore[override]
            if closed == [] and actions.any():
                raise ArithmeticError("broken on purpose")
            return super().step(actions)

        def close(self) -> None:
            closed.append("closed")

    def make(task: Task, *, env_seeds: list[int], info_fields: tuple[str, ...]) -> Simulator:
        return Fragile(task, env_seeds=env_seeds, info_fields=info_fields)  # type: ignore[return-value]

    with pytest.raises(ArithmeticError):
        random_rollout(point_task(), make, seed=0)  # type: ignore[arg-type]
    assert closed == ["closed"]


def test_ranges_are_of_each_number_of_a_signal() -> None:
    task = point_task()
    states = random_states(task, sim.make, seed=0)
    found = ranges_of(task, states)
    assert set(found) == {s.name for s in task.signals}
    assert {name: len(pairs) for name, pairs in found.items()} == {s.name: math.prod(s.shape) for s in task.signals}
    assert found["action"] == ((float(states["action"].min()), float(states["action"].max())),)


def test_ranges_leave_out_what_is_no_number_and_tell_where_nothing_is() -> None:
    task = point_task()
    states = random_states(task, sim.make, seed=0)
    action = states["action"]
    holed = torch.cat([action, torch.full((2, *action.shape[1:]), torch.nan)])
    assert ranges_of(task, states | {"action": holed}) == ranges_of(task, states)
    nowhere = ranges_of(task, states | {"action": torch.full_like(action, torch.nan)})
    [told] = [s.seen for s in task_view(task, env_source=False, ranges=nowhere).signals if s.name == "action"]
    assert told == "no number"
