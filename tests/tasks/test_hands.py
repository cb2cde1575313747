"""What the signals, success and fitness of the hand tasks mean, against the environments' own rewards and flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from conftest import Play


def test_blocks_angle_and_distance_make_up_its_reward(play: Play) -> None:
    """The environment takes a quaternion and its negative for different, and so may see the longer way round."""
    played = play("hand_block", steps=100)
    angle = played["angle_to_target"]
    cosine = (played["block_orientation"] * played["target_orientation"]).sum(-1)
    the_way = torch.where(cosine < 0, 2 * torch.pi - angle, angle)
    distance = (played["block_position"] - played["target_position"]).norm(dim=-1)
    torch.testing.assert_close(played.rollout.reward, -(10 * distance + the_way), atol=1e-3, rtol=0)


def test_blocks_velocity_is_that_of_its_position(play: Play) -> None:
    played = play("hand_block", steps=100)
    moved = (played["block_position"] - played["prev_block_position"]) / 0.04
    both = torch.stack([moved[played.inside].flatten(), played["block_velocity"][played.inside].flatten()])
    assert torch.corrcoef(both)[0, 1] > 0.9


def test_pens_angle_is_at_most_the_one_in_its_reward(play: Play) -> None:
    """The environment's Euler angles add to the angle between the directions, never take from it."""
    played = play("hand_pen", steps=100)
    pen, target = played["pen_direction"], played["target_direction"]
    torch.testing.assert_close(pen.norm(dim=-1), torch.ones(pen.shape[:-1]), atol=1e-5, rtol=0)
    angle = 2 * torch.atan2((pen - target).norm(dim=-1), (pen + target).norm(dim=-1))
    distance = (played["pen_position"] - played["target_position"]).norm(dim=-1)
    theirs = -played.rollout.reward - 10 * distance
    assert (theirs - angle).min() > -1e-3
    assert torch.corrcoef(torch.stack([theirs.flatten(), angle.flatten()]))[0, 1] > 0.9


def test_pen_that_was_dropped_earns_nothing_any_more(play: Play) -> None:
    played = play("hand_pen", steps=100, num_envs=6)
    dropped = played["pen_position"][..., 2] < 0.05
    assert dropped.any()
    assert (played.readings.fitness(played.rollout)[dropped] == 0).all()


def test_palm_and_handle_are_apart_by_the_way_between_them(play: Play) -> None:
    played = play("adroit_door", steps=200)
    torch.testing.assert_close(
        played["palm_position"] + played["to_handle"], played["handle_position"], atol=1e-5, rtol=0
    )


def test_a_turned_latch_is_a_fifth_of_an_open_door(play: Play) -> None:
    played = play("adroit_door", steps=200, num_envs=8)
    turned, opened = played["latch_angle"] / 1.2, played["door_angle"] / 1.35
    told, latched = played.readings.fitness(played.rollout), (turned > 0.1) & (opened < 0.01)
    assert latched.any()
    torch.testing.assert_close(told[latched], (0.2 * turned.clamp(0, 1) + 0.8 * opened)[latched])
    assert all(0 <= fitness < 1 for fitness in played.fitness())
