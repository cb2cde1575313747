"""The tasks on robots that packages ship: their signals mean what they say, and their measures tell good from bad."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rewardsmith import sim, taskfile
from rewardsmith.interfaces import Frame
from rewardsmith.readings import Readings
from rewardsmith.rollouts import EpisodeMeter, Stepper
from rewardsmith.types import Measure

if TYPE_CHECKING:
    from conftest import Play

Law = Callable[[int, Tensor], Tensor]
"""A law written by hand: the step and the observation `(N, D)` to actions `(N, A)`."""


def scores(name: str, law: Law, *, num_envs: int = 8) -> tuple[list[float], list[float]]:
    """Fitness and success of an episode each under a law."""
    task = taskfile.load(name).task
    readings = Readings(task)
    simulator = sim.make(task, env_seeds=range(num_envs), info_fields=readings.info_fields)

    def act(step: int, frame: Frame) -> Tensor:
        return law(step, frame.obs["obs"])

    rollout = Stepper(simulator).collect(act, task.episode_steps)
    simulator.close()

    def measured(measure: Measure, values: Tensor) -> list[float]:
        return [float(v) for v in EpisodeMeter(measure, num_envs).update(values, rollout).value]

    success = readings.success(rollout)
    assert task.success is not None
    assert success is not None
    return measured(task.fitness, readings.fitness(rollout)), measured(task.success, success)


# --- the dog --------------------------------------------------------------------------------------------------------


def at_rest(actions: int) -> Law:
    return lambda _, obs: torch.zeros(len(obs), actions)


def test_a_dog_that_stands_keeps_to_slow_commands_alone() -> None:
    """Its commands are drawn anew for each attempt; standing is near the slow ones by chance."""
    fitness, success = scores("go1_velocity", at_rest(12))
    assert max(success) < 1
    assert 0 < max(fitness) < 0.6
    assert min(fitness) < 0.05


def test_dogs_command_stays_within_an_attempt_and_differs_between_attempts(play: Play) -> None:
    played = play("go1_velocity", steps=120, scale=0.5)
    command = played["command"]
    assert torch.equal(command[0], command[59])
    assert (command[0, 0] != command[0, 1]).all()


def test_dogs_velocity_is_that_of_its_trunk_turned_into_its_own_frame(play: Play) -> None:
    """Turning changes no length, and what is level and straight ahead is the same from either side."""
    played = play("go1_velocity", steps=120, scale=0.5)
    task_velocity = played["velocity"]
    moved = (played["body_height"] - played["prev_body_height"]) / 0.02
    down = played["gravity_direction"]
    torch.testing.assert_close(down.norm(dim=-1), torch.ones_like(moved), atol=1e-5, rtol=0)
    sinking = -(task_velocity * down).sum(-1)  # the part of the velocity along the vertical, upward
    both = torch.stack([moved[played.inside], sinking[played.inside]])
    assert torch.corrcoef(both)[0, 1] > 0.9


def test_a_foot_that_touches_the_ground_is_down(play: Play) -> None:
    played = play("go1_velocity", steps=120, scale=0.5)
    touching = (played["foot_contacts"] > 0) & played.inside[..., None]
    lifted = (played["foot_contacts"] == 0) & played.inside[..., None]
    assert touching.any()
    assert lifted.any()
    assert played["foot_heights"][touching].abs().median() < 0.01
    assert played["foot_heights"][lifted].median() > played["foot_heights"][touching].median()


# --- the drawer -----------------------------------------------------------------------------------------------------

MIDDLE = torch.tensor([0.0, -0.5, 0.0, -2.5, 0.0, 3.5, 0.785])
SPAN = torch.tensor([0.5, 0.9, 0.4, 0.6, 0.4, 0.4, 0.4])
PATH = [  # arm angles that hold the gripper level at the handle's height, by inverse kinematics: x = 0.67, 0.52, 0.34 m
    torch.tensor([0.0, 0.037, 0.0, -2.12, 0.0, 3.728, 0.785]),
    torch.tensor([0.0, -0.415, 0.0, -2.60, 0.0, 3.755, 0.785]),
    torch.tensor([0.0, -1.188, 0.0, -3.036, 0.0, 3.418, 0.785]),
]


def pull(step: int, obs: Tensor) -> Tensor:
    """To the handle with open fingers, close them, and straight back."""
    at, half, back = [(angles - MIDDLE) / SPAN for angles in PATH]
    if step < 80:
        arm = at * min(1.0, step / 60)
    else:
        along = min(2.0, (step - 80) / 40)
        arm = torch.lerp(at, half, along) if along < 1 else torch.lerp(half, back, along - 1)
    return torch.cat([arm, torch.tensor([1.0 if step < 60 else -1.0])]).expand(len(obs), 8).clamp(-1, 1)


def test_drawer_is_opened_by_a_law_written_by_hand_and_stays_shut_at_rest() -> None:
    fitness, success = scores("panda_open_drawer", pull)
    assert success == [1.0] * 8
    assert min(fitness) > 0.95
    fitness, success = scores("panda_open_drawer", at_rest(8))
    assert max(fitness) < 0.02
    assert success == [0.0] * 8


def test_handle_moves_along_x_as_far_as_the_drawer_opens(play: Play) -> None:
    played = play("panda_open_drawer", steps=200)
    handle = played["handle_position"]
    torch.testing.assert_close(handle[..., 1:], torch.tensor([0.0, 0.59]).expand_as(handle[..., 1:]), atol=1e-4, rtol=0)
    torch.testing.assert_close(0.67 - handle[..., 0], played["drawer_opening"], atol=0.02, rtol=0)
    torch.testing.assert_close(played["gripper_position"] + played["to_handle"], handle, atol=1e-4, rtol=0)


# --- the hand -------------------------------------------------------------------------------------------------------


def heading(x: Tensor, y: Tensor) -> Tensor:
    """The change of a direction seen from above from one step to the next, in rad; `(T - 1, N)`."""
    angle = torch.atan2(y, x)
    turned = angle[1:] - angle[:-1]
    return torch.atan2(turned.sin(), turned.cos())


def test_a_hand_at_rest_holds_cube_and_pen(play: Play) -> None:
    for name in ("cube_rotate", "pen_spin"):
        assert not play(name, steps=60, scale=0.0).rollout.terminated.any()


def test_a_cube_left_alone_is_wanted_elsewhere() -> None:
    fitness, success = scores("cube_rotate", at_rest(20))
    assert sum(success) < 4
    assert sum(fitness) / 8 < 0.5


def test_cubes_turn_that_is_left_is_the_angle_between_the_two_orientations(play: Play) -> None:
    """A cube that lies flat is turned about the vertical alone, so the quaternions tell the same angle."""
    played = play("cube_rotate", steps=60, scale=0.0)
    cosine = (played["cube_orientation"] * played["target_orientation"]).sum(-1).abs().clamp(max=1)
    torch.testing.assert_close(2 * cosine.acos(), played["turn_left"].abs(), atol=0.15, rtol=0)


def test_pens_spin_adds_up_to_the_turn_of_its_direction(play: Play) -> None:
    played = play("pen_spin", steps=100, num_envs=8)
    pen = played["pen_direction"]
    turned = heading(pen[..., 0], pen[..., 1])
    told = played["spin_rate"][1:] * 0.04
    level = played.inside[1:] & (pen[1:, :, 2].abs() < 0.5)
    assert torch.corrcoef(torch.stack([turned[level], told[level]]))[0, 1] > 0.8


def test_a_pen_that_falls_off_the_hand_ends_the_attempt(play: Play) -> None:
    played = play("pen_spin", steps=100, num_envs=8)
    over = played.rollout.terminated & played.rollout.valid
    assert over.any()
    assert (played["pen_position"][over][:, 2] < 0.1).all()
