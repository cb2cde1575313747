"""What the signals and the fitness of MuJoCo Playground's tasks mean: exact against noisy, and geometry by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

if TYPE_CHECKING:
    from conftest import Play


@pytest.mark.parametrize(
    ("signal", "start", "noise"),
    [("velocity", 0, 0.1), ("turning_rates", 3, 0.2), ("gravity_direction", 6, 0.05), ("joint_angles", 9, 0.03)],
)
def test_dogs_exact_signals_are_the_noisy_ones_without_their_noise(
    signal: str, start: int, noise: float, play: Play
) -> None:
    played = play("go1_joystick", steps=100)
    exact = played[signal]
    noisy = played.rollout.obs["obs.privileged_state"][1:, :, start : start + exact.shape[-1]]
    assert 0.5 * noise < (exact - noisy).abs().max() <= noise + 1e-6


def test_dogs_command_is_the_environments_and_changes_within_an_episode(play: Play) -> None:
    played = play("go1_joystick", steps=300, num_envs=8, scale=0.1, info=("command",))
    assert torch.equal(played["command"], played.rollout.info["command"][1:])
    changed = (played["command"] != played["prev_command"]).any(-1)
    assert changed[played.inside].any()


def test_dog_that_stands_follows_better_than_one_that_falls(play: Play) -> None:
    """Standing still is near some commands by chance; tipping over forfeits the rest of the 20 seconds."""
    standing = play("go1_joystick", steps=1000, scale=0.0)
    falling = play("go1_joystick", steps=200)
    assert max(falling.fitness()) < 0.01
    assert 0.01 < sum(standing.fitness()) / 4 < 0.3


def test_dog_on_all_fours_is_not_in_a_handstand(play: Play) -> None:
    played = play("go1_handstand", steps=500, scale=0.0)
    assert max(played.fitness()) < 0.02
    height = played["body_height"]
    assert 0.2 < height.min() < height.max() < 0.3
    torch.testing.assert_close(played["gravity_direction"].norm(dim=-1), torch.ones_like(height), atol=1e-5, rtol=0)
    assert (played["gravity_direction"][..., 2] < -0.95).all()


def test_dogs_nose_sinks_while_it_turns_nose_down(play: Play) -> None:
    """d/dt of the forward part of gravity is the rate about the left axis times its downward part, upright."""
    played = play("go1_handstand", steps=100)
    sunk = (played["gravity_direction"] - played["prev_gravity_direction"])[..., 0]
    fast = played.inside & (played["gravity_direction"][..., 2] < -0.5) & (played["turning_rates"][..., 1].abs() > 1)
    assert (sunk.sign() == played["turning_rates"][..., 1].sign())[fast].float().mean() > 0.8


def turned(before: Tensor, after: Tensor) -> Tensor:
    """The rotation vector in the world from one unit quaternion (w, x, y, z) to another: `(..., 3)`."""
    w0, v0, w1, v1 = before[..., :1], before[..., 1:], after[..., :1], after[..., 1:]
    w = w0 * w1 + (v0 * v1).sum(-1, keepdim=True)
    v = w0 * v1 - w1 * v0 - torch.linalg.cross(v1, v0)
    length = v.norm(dim=-1, keepdim=True)
    return torch.where(w < 0, -v, v) / length.clamp(min=1e-9) * 2 * torch.atan2(length, w.abs())


def test_cubes_angular_velocity_is_the_worlds_and_its_turns_add_up(play: Play) -> None:
    """Sampled 20 times a second, the velocity is not quite what happened in between."""
    played = play("leap_cube_rotate", steps=300, num_envs=12)
    truly = turned(played["prev_cube_orientation"], played["cube_orientation"])[..., 2] / (2 * math.pi)
    told = played.readings.fitness(played.rollout)
    both = torch.stack([truly[played.inside], told[played.inside]])
    assert torch.corrcoef(both)[0, 1] > 0.7
    still_held = played.rollout.valid.cumprod(0) > 0
    assert ((truly - told) * still_held).sum(0).abs().max() < 0.15


def test_cube_that_was_dropped_lies_below_the_hand(play: Play) -> None:
    played = play("leap_cube_rotate", steps=300, num_envs=12)
    ended = played.rollout.terminated & played.rollout.valid
    assert ended.any()
    assert (played["cube_position"][ended][:, 2] < -0.08).all()


def test_arms_target_stays_where_it_is_in_an_attempt(play: Play) -> None:
    played = play("panda_pick_cube", steps=150)
    target = played["cube_position"] + played["cube_to_target"]
    torch.testing.assert_close(target, target[:1].expand_as(target), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        played["gripper_position"] + played["gripper_to_cube"], played["cube_position"], atol=1e-4, rtol=0
    )
    assert (-torch.tensor(played.fitness()) > 0.2).all()  # on the floor, the target above it


def test_gripper_starts_pointing_down(play: Play) -> None:
    assert (play("panda_pick_cube", steps=1)["prev_gripper_down"] > 0.99).all()


def test_drawers_handle_moves_along_x_only_and_shut_is_no_fitness(play: Play) -> None:
    played = play("panda_open_cabinet", steps=150)
    handle = played["handle_position"]
    torch.testing.assert_close(handle[..., 1:], torch.tensor([0.0, 0.5]).expand_as(handle[..., 1:]), atol=1e-4, rtol=0)
    target = handle[..., 0] + played["handle_to_target"]
    assert 0.2 < target.min() < target.max() < 0.4
    opened = (0.5 - handle[..., 0]) / (0.5 - target)
    told = played.readings.fitness(played.rollout)
    torch.testing.assert_close(told, opened.clamp(0, 1), atol=1e-4, rtol=0)
