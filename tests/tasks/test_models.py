"""The tasks on models of our own: their signals mean what they say, and a law written by hand solves each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from rewardsmith import config, sim, taskfile
from rewardsmith.interfaces import Frame, Trainee
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.readings import Readings
from rewardsmith.rollouts import EpisodeMeter, Stepper
from rewardsmith.train import expert_reward
from rewardsmith.types import Measure, Trained

if TYPE_CHECKING:
    from conftest import Play

G = 9.81  # m/s^2


def swing_up(obs: Tensor) -> Tensor:
    """Pump energy while the pole is low, catch it near the top; cart, cos, sin, cart's rate, pole's rate."""
    x, cos, sin, v, rate = obs.unbind(1)
    angle = torch.atan2(sin, cos)
    energy = 0.5 * 0.42 * rate**2 + G * (cos - 1)  # of a rod of 0.6 m, by its mass and half its length
    pump = -2.0 * energy * torch.sign(-rate * cos) - 0.3 * x - 0.1 * v
    catch = 4.5 * angle + 0.9 * rate + 0.25 * x + 0.4 * v
    return torch.where((cos > 0.9) & (rate.abs() < 4), catch, pump)[:, None].clamp(-1, 1)


def roll_to_target(obs: Tensor) -> Tensor:
    """Tilt by what distance and velocity ask for."""
    velocity, to_target = obs[:, 2:4], obs[:, 4:6]
    wanted = 6 * to_target - 3 * velocity  # m/s^2; a ball rolls with 5/7 of g
    tilt = 7 / 5 * wanted / G
    return torch.stack([-tilt[:, 1], tilt[:, 0]], dim=1).div(0.25).clamp(-1, 1)


def hover(obs: Tensor) -> Tensor:
    """Point the thrust where distance and velocity ask for; rotors front left, rear left, rear right, front right."""
    to_target, velocity, up, forward, rates = obs[:, 0:3], obs[:, 3:6], obs[:, 6:9], obs[:, 9:12], obs[:, 12:15]
    wanted = 4 * to_target - 3 * velocity + torch.tensor([0.0, 0.0, G])
    thrust = 0.5 * (wanted * up).sum(1).clamp(4, 16) / 4
    lean = torch.linalg.cross(up, wanted / wanted.norm(dim=1, keepdim=True))
    left = torch.linalg.cross(up, forward)
    roll = 1.2 * (lean * forward).sum(1) - 0.22 * rates[:, 0]
    pitch = 1.2 * (lean * left).sum(1) - 0.22 * rates[:, 1]
    yaw = -0.3 * rates[:, 2]
    signs = torch.tensor([[1.0, -1, 1], [1, 1, -1], [-1, 1, 1], [-1, -1, -1]])  # of roll, pitch and yaw at each rotor
    force = thrust[:, None] + torch.stack([roll, pitch, yaw], dim=1) @ signs.T
    return (force / 1.25 - 1).clamp(-1, 1)


LAWS: dict[str, Callable[[Tensor], Tensor]] = {
    "cartpole_swingup": swing_up,
    "ball_balance": roll_to_target,
    "quadcopter_hover": hover,
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_written_by_hand_solves_it(name: str) -> None:
    task = taskfile.load(name).task
    readings, law = Readings(task), LAWS[name]
    simulator = sim.make(task, env_seeds=range(8), info_fields=readings.info_fields)

    def act(_: int, frame: Frame) -> Tensor:
        return law(frame.obs["obs"])

    rollout = Stepper(simulator).collect(act, task.episode_steps)
    simulator.close()

    def scores(measure: Measure, values: Tensor) -> list[float]:
        return [float(v) for v in EpisodeMeter(measure, 8).update(values, rollout).value]

    success = readings.success(rollout)
    assert task.success is not None
    assert success is not None
    assert sum(scores(task.success, success)) >= 7
    assert min(scores(task.fitness, readings.fitness(rollout))) > 0.5
    assert readings.expert(rollout)[-50:].mean() > readings.expert(rollout)[:10].mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cartpole_swingup", "ball_balance"])
def test_the_experts_reward_trains_to_success(name: str) -> None:
    """Within three minutes on two cores."""
    loaded = taskfile.load(name)
    readings, settings = Readings(loaded.task), config.resolve(loaded.settings).train
    trainee = Trainee(id="expert", reward=expert_reward(readings), verified=None)
    learner = PopulationPPO(settings, sim.make)
    ((outcome, _),) = learner.train([trainee], loaded.task, seed=0, watch=lambda _: None, race=False)
    assert isinstance(outcome, Trained)
    success = outcome.curve("success")
    assert success is not None
    assert max(success.values[-3:]) > 0.9


def test_a_plate_tilted_about_y_lets_the_ball_roll_towards_x(play: Play) -> None:
    played = play("ball_balance", steps=120)
    change = (played["ball_velocity"] - played["prev_ball_velocity"]) / 0.02
    for axis, tilt, sign in ((0, 1, 1.0), (1, 0, -1.0)):
        both = torch.stack([change[..., axis][played.inside], sign * played["plate_angles"][..., tilt][played.inside]])
        assert torch.corrcoef(both)[0, 1] > 0.3


def test_a_ball_beyond_the_plates_edge_ends_the_attempt(play: Play) -> None:
    played = play("ball_balance", steps=200, num_envs=8)
    over = played.rollout.terminated & played.rollout.valid
    assert over.any()
    assert (played["ball_position"].abs().amax(-1)[over] > 0.2).all()


def test_poles_tip_is_as_high_as_its_angle_says_and_its_rate_is_the_angles_change(play: Play) -> None:
    played = play("cartpole_swingup", steps=200)
    torch.testing.assert_close(played["tip_height"], 0.6 * played["pole_angle"].cos(), atol=1e-5, rtol=1e-5)
    turned = played["pole_angle"] - played["prev_pole_angle"]
    turned = torch.atan2(turned.sin(), turned.cos()) / 0.02
    both = torch.stack([turned[played.inside], played["pole_rate"][played.inside]])
    assert torch.corrcoef(both)[0, 1] > 0.98
