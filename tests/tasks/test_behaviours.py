"""The tasks on Gymnasium's models in MuJoCo: their signals mean what they say, and a hand can do what they ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from rewardsmith import sim, taskfile
from rewardsmith.interfaces import Frame, Rollout
from rewardsmith.readings import Readings
from rewardsmith.rollouts import EpisodeMeter, Stepper
from rewardsmith.types import Measure, Task

if TYPE_CHECKING:
    from conftest import Play

ENVS = 8
DRIVEN = torch.tensor([6, 7, 0, 1, 2, 3, 4, 5])  # the joint that each of the ant's actions turns
STAND = [0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0]  # rad, the ant's joints

BACK = [  # torques of hip, knee and ankle, found by random search
    (1.0, -0.56, -1.0), (-0.48, -1.0, -0.86), (0.2, -0.34, 1.0), (-0.4, -1.0, 0.71), (0.04, -1.0, 0.94),
    (-0.28, 0.75, 0.76), (0.78, 1.0, -0.15), (-1.0, 0.31, 0.58), (1.0, 0.99, 1.0), (1.0, -1.0, -0.53),
]  # fmt: skip
FLIPS = {"hopper_front_flip": (-1, 6), "hopper_back_flip": (1, 5)}
"""Their sign, since the knee bends the other way, and how many steps each is held."""
Law = Callable[[int, Tensor], Tensor]


def played(task: Task, law: Law) -> Rollout:
    """One episode of each of a few environments, under a law of the step's number and the observation."""
    simulator = sim.make(task, env_seeds=range(ENVS), info_fields=Readings(task).info_fields)

    def act(t: int, frame: Frame) -> Tensor:
        return law(t, frame.obs["obs"]).clamp(-1, 1)

    try:
        return Stepper(simulator).collect(act, task.episode_steps)
    finally:
        simulator.close()


def first_scores(measure: Measure, values: Tensor, rollout: Rollout) -> list[float]:
    """Of the first episode of each environment."""
    scores = EpisodeMeter(measure, ENVS).update(values, rollout)
    firsts = {int(env): float(value) for env, value in reversed(list(zip(scores.env, scores.value, strict=True)))}
    return [firsts[env] for env in range(ENVS)]


def succeeded(task: Task, rollout: Rollout) -> list[float]:
    values = Readings(task).success(rollout)
    assert task.success is not None
    assert values is not None
    return first_scores(task.success, values, rollout)


def hold(obs: Tensor, wanted: list[float] | Tensor, *, angles: slice, rates: slice) -> Tensor:
    """Bring the ant's joints to an angle each."""
    return (1.5 * (torch.as_tensor(wanted) - obs[:, angles]) - 0.3 * obs[:, rates])[:, DRIVEN]


def wave(t: int, obs: Tensor) -> Tensor:
    """Stand on three legs, two of them turned towards the fourth, and swing that one a little ahead of the beat."""
    side = torch.sign(obs[:, 27:29] @ torch.tensor([0.8, 0.6]))
    wanted = torch.tensor([0.0, 0.52 if t > 8 else 1.1, -0.5, -1.15, 0.0, -1.0, 0.5, 1.15]).repeat(len(obs), 1)
    wanted[:, 0] = 0.45 * side
    return hold(obs, wanted, angles=slice(4, 12), rates=slice(18, 26))


# --- waving ---------------------------------------------------------------------------------------------------------


def test_a_law_written_by_hand_waves() -> None:
    task = taskfile.load("ant_wave_leg").task
    rollout = played(task, wave)
    assert succeeded(task, rollout) == [1.0] * ENVS
    assert min(first_scores(task.fitness, Readings(task).fitness(rollout), rollout)) > 0.5


def test_a_raised_leg_held_still_waves_not_at_all() -> None:
    task = taskfile.load("ant_wave_leg").task

    def still(_: int, obs: Tensor) -> Tensor:
        wanted = [0.4, 0.52, -0.5, -1.15, 0.0, -1.0, 0.5, 1.15]
        return hold(obs, wanted, angles=slice(4, 12), rates=slice(18, 26))

    rollout = played(task, still)
    scores = first_scores(task.fitness, Readings(task).fitness(rollout), rollout)
    assert max(abs(score) for score in scores) < 0.15
    assert succeeded(task, rollout) == [0.0] * ENVS


def test_the_foot_that_waves_stands_on_the_ground_at_first(play: Play) -> None:
    played = play("ant_wave_leg", steps=60)
    assert played["prev_foot_height"][0].abs().max() < 0.2
    assert played["foot_height"][played.rollout.valid].min() > -0.1


# --- lying down -----------------------------------------------------------------------------------------------------


def test_an_ant_on_its_feet_never_lies_down() -> None:
    task = taskfile.load("ant_lie_down").task
    rollout = played(task, lambda _, obs: hold(obs, STAND, angles=slice(4, 12), rates=slice(18, 26)))
    stretched = [0.0, 0.45, 0.0, -0.45, 0.0, -0.45, 0.0, 0.45]
    crouched = played(task, lambda _, obs: hold(obs, stretched, angles=slice(4, 12), rates=slice(18, 26)))
    for seen in (rollout, crouched):
        assert succeeded(task, seen) == [0.0] * ENVS
        assert Readings(task).inputs(seen, ["torso_height"])["torso_height"].min() > 0.3


# --- flips ----------------------------------------------------------------------------------------------------------


def flip(name: str) -> tuple[Task, Rollout]:
    """Torques without any feedback, so that it lands well from some starts only."""
    task, (sign, held) = taskfile.load(name).task, FLIPS[name]
    torques = sign * torch.tensor(BACK)
    return task, played(task, lambda t, obs: torques[min(t // held, 9)].expand(len(obs), 3))


@pytest.mark.parametrize("name", FLIPS)
def test_torques_found_by_search_flip_it(name: str) -> None:
    task, rollout = flip(name)
    scores = first_scores(task.fitness, Readings(task).fitness(rollout), rollout)
    assert min(scores) >= 0.5
    assert [score == pytest.approx(1.0) for score in scores] == [s == 1.0 for s in succeeded(task, rollout)]
    assert sum(succeeded(task, rollout)) >= 1


@pytest.mark.parametrize("name", FLIPS)
def test_a_turn_the_other_way_is_no_flip(name: str) -> None:
    """A turn on the ground or backward scores less than half."""
    task, rollout = flip(next(other for other in FLIPS if other != name))
    pitch = Readings(task).inputs(rollout, ["torso_pitch"])["torso_pitch"]
    assert (pitch[40].abs() > 3).all()
    readings = Readings(taskfile.load(name).task)
    assert (readings.fitness(rollout) < 0.5).all()


@pytest.mark.parametrize("name", FLIPS)
def test_a_hopper_is_over_where_its_torso_or_thigh_lies_down(name: str, play: Play) -> None:
    played = play(name, steps=150)
    over = played.rollout.terminated & played.rollout.valid
    assert over.any()
    assert (played["torso_height"][over] < 0.8).all()


# --- running --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ant_run_mjcf", "humanoid_run_mjcf"])
def test_distance_grows_by_the_velocity(name: str, play: Play) -> None:
    played = play(name, steps=60)
    way, inside = played.readings.fitness(played.rollout), played.inside[1:]
    speed = (way[1:] - way[:-1])[inside] / played.task.control_dt_s
    assert torch.corrcoef(torch.stack([speed, played["velocity"][1:, :, 0][inside]]))[0, 1] > 0.8


def test_humanoids_feet_are_below_its_torso(play: Play) -> None:
    played = play("humanoid_run_mjcf", steps=60)
    assert (played["feet"][0, :, [2, 5]] < -1).all()
