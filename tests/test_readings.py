"""Rollouts read through a task's eyes: what belongs to which row, and that reward code and fitness never meet."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from rewardsmith.interfaces import Rollout
from rewardsmith.readings import Readings
from rewardsmith.rollouts import Stepper
from rewardsmith.sim.point import PointSimulator, point_task
from rewardsmith.types import EnvSpec, Measure, References, Signal, Task

# Two environments, three transitions; obs holds x and 10 x, so that every number can be told apart.
X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])


def _rollout() -> Rollout:
    no = torch.zeros(3, 2, dtype=torch.bool)
    return Rollout(
        obs={"obs": torch.stack([X, 10 * X], dim=-1)},
        info={"speed": -X, "force": torch.stack([X, X + 0.5, X + 0.75], dim=-1)},
        led_by=X[..., None] / 100,
        reward=1000 * X[1:],
        terminated=no,
        truncated=no,
        valid=~no,
        elapsed=torch.tensor([[0, 4], [1, 5], [2, 6], [3, 7]]),
    )


def _task() -> Task:
    return Task(
        name="made_up",
        goal="None.",
        env=EnvSpec(backend="point", id="Point-v0"),
        signals=(
            Signal(name="x", shape=(), unit="m", doc="", source="obs[0]"),
            Signal(name="speed", shape=(), unit="m/s", doc="", source="info.speed"),
            Signal(name="force", shape=(3,), unit="N", doc="", source="info.force"),
            Signal(name="action", shape=(1,), unit="1", doc="", source="action"),
            Signal(name="prev_y", shape=(), unit="m", doc="a signal whose name begins so", source="obs[1]"),
        ),
        fitness=Measure(source="2 * x + reward", reduce="mean"),
        success=Measure(source="info.done_well", reduce="any"),
        references=References(expert="reward - 1", sparse="speed"),
        episode_steps=8,
        control_dt_s=0.1,
    )


def _read(name: str) -> Tensor:
    return Readings(_task()).inputs(_rollout(), [name])[name]


def test_a_signal_is_read_in_the_state_after_the_step() -> None:
    assert torch.equal(_read("x"), X[1:])
    assert torch.equal(_read("speed"), -X[1:])
    assert _read("force").shape == (3, 2, 3)
    assert torch.equal(_read("force")[..., 0], X[1:])


def test_prev_is_the_same_signal_in_the_state_before_the_step() -> None:
    assert torch.equal(_read("prev_x"), X[:-1])
    assert torch.equal(_read("prev_force")[..., 1], X[:-1] + 0.5)


def test_the_action_is_the_one_of_the_step_and_prev_action_the_one_before() -> None:
    assert torch.equal(_read("action"), X[1:, :, None] / 100)
    assert torch.equal(_read("prev_action"), X[:-1, :, None] / 100)


def test_a_declared_name_that_begins_with_prev_is_that_signal() -> None:
    assert torch.equal(_read("prev_y"), 10 * X[1:])
    assert torch.equal(_read("prev_prev_y"), 10 * X[:-1])


def test_episode_progress_counts_the_steps_taken_and_ends_at_one() -> None:
    assert _read("episode_progress").tolist() == [[0.125, 0.625], [0.25, 0.75], [0.375, 0.875]]
    rollout = Stepper(PointSimulator(point_task(episode_steps=4), env_seeds=[0], info_fields=())).collect(
        lambda *_: torch.zeros(1, 1), 4
    )
    progress = Readings(point_task(episode_steps=4)).inputs(rollout, ["episode_progress"])["episode_progress"]
    assert progress[:, 0].tolist() == [0.25, 0.5, 0.75, 1.0]


def test_only_what_is_asked_for_is_read() -> None:
    found = Readings(_task()).inputs(_rollout(), ["x", "prev_x"])
    assert list(found) == ["x", "prev_x"]
    assert Readings(_task()).inputs(_rollout(), []) == {}


def test_fitness_may_use_signals_and_the_environments_reward_of_the_same_row() -> None:
    assert torch.equal(Readings(_task()).fitness(_rollout()), 2 * X[1:] + 1000 * X[1:])


def test_a_measure_that_is_a_plain_number_counts_every_row() -> None:
    task = replace(_task(), fitness=Measure(source="1", reduce="sum"))
    assert torch.equal(Readings(task).fitness(_rollout()), torch.ones(3, 2))


def test_success_is_none_where_the_task_declares_none() -> None:
    rollout = _rollout()
    with_success = replace(rollout, info={**rollout.info, "done_well": X})
    found = Readings(_task()).success(with_success)
    assert found is not None
    assert torch.equal(found, X[1:])
    assert Readings(replace(_task(), success=None)).success(rollout) is None


def test_references_are_read_and_the_sparse_one_is_the_fitness_unless_told_otherwise() -> None:
    assert torch.equal(Readings(_task()).expert(_rollout()), 1000 * X[1:] - 1)
    assert torch.equal(Readings(_task()).sparse(_rollout()), -X[1:])
    bare = Readings(replace(_task(), references=References(expert=None)))
    assert torch.equal(bare.sparse(_rollout()), bare.fitness(_rollout()))
    with pytest.raises(ValueError, match="no expert reward"):
        bare.expert(_rollout())


def test_every_info_field_that_anything_needs_is_asked_of_the_simulator() -> None:
    assert Readings(_task()).info_fields == ("done_well", "force", "speed")
    bare = replace(_task(), success=None, signals=_task().signals[:1], references=References(expert=None))
    assert Readings(bare).info_fields == ()
    assert Readings(replace(bare, references=References(expert="info.r", sparse="info.s"))).info_fields == ("r", "s")


def test_the_policy_sees_the_chosen_observation_flat() -> None:
    task = replace(_task(), env=EnvSpec(backend="point", id="Point-v0", observation="obs.state"))
    stacked = replace(_rollout(), obs={"obs.state": torch.arange(48.0).view(4, 2, 2, 3), "obs.other": X})
    states = Readings(task).policy_states(stacked)
    assert states.shape == (4, 2, 6)
    assert states[1, 0].tolist() == [12, 13, 14, 15, 16, 17]


def test_the_policy_sees_a_scalar_observation_as_a_row_of_one() -> None:
    stacked = replace(_rollout(), obs={"obs": X})
    states = Readings(_task()).policy_states(stacked)
    assert states.shape == (4, 2, 1)
    assert torch.equal(states[..., 0], X)


def test_policy_obs_of_a_frame_is_the_state_of_its_rollout() -> None:
    readings = Readings(point_task())
    stepper = Stepper(PointSimulator(point_task(), env_seeds=[0, 1], info_fields=()))
    first = readings.policy_obs(stepper.frame)
    rollout = stepper.collect(lambda *_: torch.ones(2, 1), 2)
    assert first.shape == (2, 3)
    assert torch.equal(readings.policy_states(rollout)[0], first)
    assert torch.equal(readings.policy_states(rollout)[-1], readings.policy_obs(stepper.frame))
