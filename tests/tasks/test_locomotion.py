"""What the signals and the fitness of the walking and swimming tasks mean, against what MuJoCo says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from conftest import Play


@pytest.mark.parametrize("name", ["ant_run", "humanoid_run"])
def test_distance_adds_up_to_the_way_from_the_first_state(name: str, play: Play) -> None:
    """A reset does not report the position, so both are counted from the first step's on."""
    played = play(name, steps=60, info=("x_position",))
    way, x = played.readings.fitness(played.rollout), played.rollout.info["x_position"]
    before_its_first_end = (played.rollout.valid.cumprod(0) > 0)[1:]
    moved = torch.where(before_its_first_end, x[2:] - x[1:-1], 0.0)
    torch.testing.assert_close(torch.where(before_its_first_end, way[1:], 0.0), moved, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("name", "dt"), [("dm_walker_walk", 0.025), ("walker_walk", 0.008)])
def test_walkers_pitch_follows_its_rate_and_its_height_its_velocity(name: str, dt: float, play: Play) -> None:
    played = play(name, steps=150)
    inside = played.inside
    turned = played["torso_pitch"] - played["prev_torso_pitch"]
    turned = torch.atan2(turned.sin(), turned.cos()) / dt  # across the seam at +-pi
    risen = (played["torso_height"] - played["prev_torso_height"]) / dt
    gentle = inside & (played["pitch_rate"].abs() < 9)  # Gymnasium's is cut off at 10
    for change, rate in ((turned[gentle], played["pitch_rate"][gentle]), (risen[inside], played["z_velocity"][inside])):
        assert torch.corrcoef(torch.stack([change, rate]))[0, 1] > 0.85


def test_dm_walkers_reward_is_between_zero_and_one(play: Play) -> None:
    reward = play("dm_walker_walk", steps=150).rollout.reward
    assert reward.min() >= 0
    assert reward.max() <= 1


def test_dm_walkers_uprightness_is_the_cosine_of_its_pitch(play: Play) -> None:
    played = play("dm_walker_walk", steps=50)
    torch.testing.assert_close(played["torso_upright"], played["torso_pitch"].cos(), atol=1e-5, rtol=0)


def test_ant_is_over_only_where_it_was_thrown_high(play: Play) -> None:
    played = play("ant_run", steps=200, num_envs=8)
    ended = played.rollout.terminated & played.rollout.valid
    assert ended.any()
    assert (played["torso_height"][ended] > 1.0).all()
    assert played["torso_height"][played.rollout.valid].min() > 0.2


def test_humanoid_that_is_over_has_sunk_below_a_metre(play: Play) -> None:
    played = play("humanoid_run", steps=100)
    ended = played.rollout.terminated & played.rollout.valid
    assert ended.any()
    assert (played["torso_height"][ended] < 1.0).all()
    assert (played["torso_height"][played.rollout.valid & ~ended] >= 1.0).all()


def test_humanoids_feet_feel_force_only_now_and_then(play: Play) -> None:
    """It starts in the air; landing pushes upward."""
    played = play("humanoid_run", steps=100)
    force = played["foot_forces"][played.rollout.valid]
    assert (force[0] == 0).all()
    assert (force > 100).any()


def test_swimmers_heading_turns_at_its_rate(play: Play) -> None:
    played = play("swimmer_forward", steps=200)
    rate = (played["heading"] - played["prev_heading"]) / 0.04
    both = torch.stack([rate[played.inside], played["heading_rate"][played.inside]])
    assert torch.corrcoef(both)[0, 1] > 0.8
