"""MetaWorld's tasks: what the observation's 39 numbers mean, and that a script of waypoints solves each one.

That every shipped task loads, fits its environment and gives finite, varying signals is tested in `test_tasks.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from rewardsmith import sim, taskfile
from rewardsmith.interfaces import Frame, Rollout
from rewardsmith.readings import Readings
from rewardsmith.rollouts import Stepper

HAND, OBJECT, GOAL = slice(0, 3), slice(4, 7), slice(36, 39)
NOW, BEFORE = slice(0, 18), slice(18, 36)
NUM_ENVS = 3
OPEN, SHUT = -1.0, 1.0


@dataclass(frozen=True)
class To:
    """Until step `until`, steer the hand to `offset` from a place in the observation."""

    until: int
    place: slice
    offset: tuple[float, float, float]
    grip: float = SHUT


SCRIPTS = {
    "button_press": (To(70, OBJECT, (0, -0.12, -0.05)), To(130, OBJECT, (0, 0.1, -0.05))),
    "button_press_topdown": (To(80, OBJECT, (0, 0, 0.1)), To(130, OBJECT, (0, 0, -0.05))),
    "door_close": (To(150, GOAL, (0, 0, 0.05)),),
    "door_unlock": (
        To(30, OBJECT, (-0.05, -0.12, 0.03)),
        To(60, OBJECT, (-0.05, -0.02, -0.03)),
        To(120, OBJECT, (0.06, -0.02, -0.02)),
    ),
    "drawer_close": (
        To(30, OBJECT, (0, -0.12, 0.1)),
        To(60, OBJECT, (0, -0.12, -0.07)),
        To(150, OBJECT, (0, 0.05, -0.07)),
    ),
    "handle_press": (To(50, OBJECT, (0, -0.02, 0.2), OPEN), To(120, OBJECT, (0, -0.02, -0.3), OPEN)),
    "handle_press_side": (To(60, OBJECT, (0, 0, 0.2)), To(120, OBJECT, (0, 0, -0.3))),
    "handle_pull": (  # each stroke with the fingers pressed to the bar lifts it a little, and it stays
        To(40, OBJECT, (0, -0.12, 0)),
        *(
            To(40 + 75 * stroke + until, OBJECT, offset)
            for stroke in range(3)
            for until, offset in ((15, (0, -0.12, -0.02)), (35, (0, -0.02, -0.02)), (75, (0, -0.02, 0.1)))
        ),
    ),
    "peg_insert_side": (
        To(60, OBJECT, (0, 0, 0.15), OPEN),
        To(90, OBJECT, (0, 0, 0), OPEN),
        To(110, OBJECT, (0, 0, 0)),
        To(170, GOAL, (0.35, 0, 0.02)),
        To(300, GOAL, (0.05, 0, 0.02)),
    ),
    "pick_place": (
        To(40, OBJECT, (0, 0, 0.15), OPEN),
        To(70, OBJECT, (0, 0, 0.03), OPEN),
        To(90, OBJECT, (0, 0, 0.03)),
        To(180, GOAL, (0, 0, 0.03)),
    ),
    "push": (
        To(40, OBJECT, (0, 0, 0.15), OPEN),
        To(70, OBJECT, (0, 0, 0.03), OPEN),
        To(90, OBJECT, (0, 0, 0.03)),
        To(180, GOAL, (0, 0, 0.03)),
    ),
    "reach": (To(100, GOAL, (0, 0, 0.045), OPEN),),
    "sweep_into": (
        To(40, OBJECT, (0, 0, 0.15), OPEN),
        To(70, OBJECT, (0, 0, 0.02), OPEN),
        To(90, OBJECT, (0, 0, 0.02)),
        To(180, GOAL, (0, 0, 0.08)),
    ),
    "window_close": (
        To(70, OBJECT, (0.03, -0.03, 0.17)),
        To(110, OBJECT, (0.03, -0.03, -0.08)),
        To(200, OBJECT, (-0.07, -0.03, -0.08)),
    ),
    "window_open": (
        To(70, OBJECT, (-0.03, -0.03, 0.17)),
        To(110, OBJECT, (-0.03, -0.03, -0.08)),
        To(200, OBJECT, (0.07, -0.03, -0.08)),
    ),
}


def follow(script: tuple[To, ...]) -> Callable[[int, Frame], Tensor]:
    def act(t: int, frame: Frame) -> Tensor:
        obs = frame.obs["obs"]
        leg = next(leg for leg in script if t < leg.until)
        move = obs[:, leg.place] + torch.tensor(leg.offset) - obs[:, HAND]
        return torch.cat([20 * move, torch.full((len(obs), 1), leg.grip)], dim=1).clamp(-1, 1)

    return act


@functools.cache
def solved(name: str) -> tuple[Readings, Rollout]:
    """One rollout of the script, shorter than an episode."""
    task = taskfile.load(name).task
    readings = Readings(task)
    simulator = sim.make(task, env_seeds=range(NUM_ENVS), info_fields=(*readings.info_fields, "obj_to_target"))
    try:
        return readings, Stepper(simulator).collect(follow(SCRIPTS[name]), SCRIPTS[name][-1].until)
    finally:
        simulator.close()


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_solves_the_task_and_its_fitness_is_one_just_where_success_is(name: str) -> None:
    readings, rollout = solved(name)
    fitness, success = readings.fitness(rollout), readings.success(rollout)
    assert success is not None
    assert (success > 0).any(dim=0).all()
    assert torch.equal(fitness == 1, success > 0)


@pytest.mark.parametrize("name", SCRIPTS)
def test_fresh_episode_scores_nothing(name: str) -> None:
    readings, rollout = solved(name)
    assert (readings.fitness(rollout)[0] < 0.01).all()


@pytest.mark.parametrize("name", SCRIPTS)
def test_second_half_of_the_observation_is_the_first_one_step_ago(name: str) -> None:
    readings, rollout = solved(name)
    obs = rollout.obs["obs"]
    assert torch.equal(obs[1:, :, BEFORE], obs[:-1, :, NOW])
    hand = readings.inputs(rollout, ["hand_position", "prev_hand_position", "hand_velocity"])
    moved = (hand["hand_position"] - hand["prev_hand_position"]) / 0.0125
    torch.testing.assert_close(hand["hand_velocity"], moved)


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "sweep_into"])  # its hole never moves
def test_goal_differs_between_episodes_but_not_within_one(name: str) -> None:
    readings, rollout = solved(name)
    goal = readings.inputs(rollout, ["goal_position"])["goal_position"]
    assert (goal == goal[0]).all()
    assert len({tuple(place) for place in goal[0].tolist()}) == NUM_ENVS


def test_peg_head_is_where_metaworld_sees_it() -> None:
    """MetaWorld's distance to the goal is the head's, with y and z counted double."""
    readings, rollout = solved("peg_insert_side")
    signals = readings.inputs(rollout, ["peg_head_position", "goal_position"])
    way = (signals["peg_head_position"] - signals["goal_position"]) * torch.tensor([1.0, 2.0, 2.0])
    torch.testing.assert_close(way.norm(dim=-1), rollout.info["obj_to_target"][1:], atol=2e-4, rtol=0)


def test_fingertips_are_where_metaworld_sees_them() -> None:
    readings, rollout = solved("reach")
    signals = readings.inputs(rollout, ["fingertip_position", "goal_position"])
    off = (signals["fingertip_position"] - signals["goal_position"]).norm(dim=-1) - rollout.info["obj_to_target"][1:]
    assert off.abs().max() < 0.01
    assert off[-20:].abs().max() < 0.003
