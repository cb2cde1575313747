"""Where episodes begin, and what is drawn for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.types import Disturbance, Task

Build = Callable[..., Task]
Make = Callable[..., MjcfSimulator]
MANY = range(64)
AT = {"low": [0, 0, 0], "high": [1, 1, 1]}


def start(simulator: MjcfSimulator, field: str) -> torch.Tensor:
    return simulator.reset().info[field]


def test_an_episode_begins_at_the_keyframe_with_its_ctrl(task: Build, make: Make) -> None:
    frame = make(task(reset={"keyframe": "leaning"}), "qpos", "ctrl", "time").reset()
    expected = torch.tensor([0.2, 0.5, 1, 0, 0.3, 1, 0, 0, 0, 1, 0, 0, 0])
    torch.testing.assert_close(frame.info["qpos"][0], expected)
    torch.testing.assert_close(frame.info["ctrl"][0], torch.tensor([0.5, 0.0]))
    assert not frame.info["time"].any()


def test_a_joints_range_is_covered_and_not_left(task: Build, make: Make) -> None:
    reset = {"joints": {"hinge": [-2, 1], "slider": {"qpos": [0.5, 0.6], "qvel": [-1, 1]}}}
    frame = make(task(reset=reset), "joint(hinge).qpos", "joint(slider).qvel", seeds=MANY).reset()
    hinge, rate = frame.info["joint(hinge).qpos"], frame.info["joint(slider).qvel"]
    assert -2 <= hinge.min() < -1.5 < 0.5 < hinge.max() <= 1
    assert -1 <= rate.min() < -0.8 < 0.8 < rate.max() <= 1


def test_a_free_body_begins_moved_and_turned(task: Build, make: Make) -> None:
    """From (1, 0, 0.3) unturned; a yaw of a quarter turn takes its x axis to the world's y."""
    reset = {"bodies": {"ball": {"x": [0.5, 0.5], "z": [0.2, 0.2], "yaw": [math.pi / 2, math.pi / 2], "vx": [2, 2]}}}
    frame = make(task(reset=reset), "body(ball).xpos", "body(ball).xaxis", "body(ball).linvel").reset()
    torch.testing.assert_close(frame.info["body(ball).xpos"][0], torch.tensor([1.5, 0.0, 0.5]))
    torch.testing.assert_close(frame.info["body(ball).xaxis"][0], torch.tensor([0.0, 1.0, 0.0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(frame.info["body(ball).linvel"][0], torch.tensor([2.0, 0.0, 0.0]))


def test_noise_leaves_quaternions_of_length_one(task: Build, make: Make) -> None:
    simulator = make(task(reset={"noise": {"qpos": 0.3}}), "joint(root).qpos", "joint(wrist).qpos", seeds=MANY)
    frame = simulator.reset()
    torch.testing.assert_close(frame.info["joint(root).qpos"][:, 3:].norm(dim=1), torch.ones(64))
    torch.testing.assert_close(frame.info["joint(wrist).qpos"].norm(dim=1), torch.ones(64))


def test_wider_starts_are_as_much_wider_as_was_asked(task: Build, make: Make) -> None:
    plain = task(reset={"noise": {"qvel": 0.1}, "joints": {"hinge": [1.0, 2.0]}})
    wide = replace(plain, env=replace(plain.env, disturbance=Disturbance(kind="reset_noise", factor=3.0)))
    one, other = (make(t, "qvel", "joint(hinge).qpos", seeds=MANY).reset().info for t in (plain, wide))
    torch.testing.assert_close(other["qvel"], 3 * one["qvel"])
    torch.testing.assert_close(other["joint(hinge).qpos"] - 1.5, 3 * (one["joint(hinge).qpos"] - 1.5))


def test_a_goal_is_drawn_for_each_episode_and_its_body_put_there(task: Build, make: Make) -> None:
    goal = {"place": {"low": [-1, 0.5, 0.5], "high": [1, 0.5, 2], "mocap": "goal"}}
    simulator = make(task(commands=goal, steps=5), "command(place)", "body(goal).xpos", seeds=MANY)
    frames = [simulator.reset(), *(simulator.step(torch.zeros(64, 2)) for _ in range(8))]
    for frame in frames:
        torch.testing.assert_close(frame.info["command(place)"], frame.info["body(goal).xpos"])
    first, last, fresh = frames[0].info["command(place)"], frames[5].info["command(place)"], frames[6]
    assert torch.equal(first, last)
    assert fresh.started.all()
    assert not torch.equal(first, fresh.info["command(place)"])
    assert -1 <= first[:, 0].min() < -0.8 < 0.8 < first[:, 0].max() <= 1


def test_a_command_changes_when_its_time_has_come(task: Build, make: Make) -> None:
    """Every 0.2 s is every 4 control steps of 0.05 s; the goal beside it stays."""
    commands = {"speed": {"low": 0, "high": 1, "every_s": 0.2}, "goal": {"low": [0, 0], "high": [1, 1]}}
    simulator = make(task(commands=commands), "command(speed)", "command(goal)")
    frames = [simulator.reset(), *(simulator.step(torch.zeros(3, 2)) for _ in range(12))]
    speeds = [float(frame.info["command(speed)"][0]) for frame in frames]
    assert [t for t in range(1, 13) if speeds[t] != speeds[t - 1]] == [4, 8, 12]
    assert all(torch.equal(frame.info["command(goal)"], frames[0].info["command(goal)"]) for frame in frames)


def test_a_command_does_not_change_at_an_episodes_end(task: Build, make: Make) -> None:
    """What the last step is scored against is what its action was meant for."""
    commands = {"speed": {"low": 0, "high": 1, "every_s": 0.2}}
    simulator = make(replace(task(commands=commands), episode_steps=8), "command(speed)")
    frames = [simulator.reset(), *(simulator.step(torch.zeros(3, 2)) for _ in range(9))]
    speeds = [float(frame.info["command(speed)"][0]) for frame in frames]
    assert frames[8].truncated.all()
    assert [t for t in range(1, 9) if speeds[t] != speeds[t - 1]] == [4]
    assert speeds[9] != speeds[8]  # of the next episode


KEYED = """<mujoco><worldbody><body name="mark" mocap="true" pos="1 0 0"><geom name="m" size=".1"/></body>
  <body name="other" mocap="true"><geom size=".1"/></body><body name="arm" pos="0 0 1"><joint name="j"/>
  <geom size=".1" pos=".2 0 0"/></body></worldbody><actuator><motor joint="j" ctrlrange="-1 1"/></actuator>
  <keyframe><key name="k" mpos="2 0 1 3 3 3" mquat="0 1 0 0 1 0 0 0"/></keyframe></mujoco>"""


@pytest.mark.parametrize("randomise", [{}, {"mass": [1, 2]}])
def test_mocap_bodies_begin_where_the_keyframe_puts_them(
    randomise: dict[str, object], task: Build, make: Make, tmp_path: Path
) -> None:
    (tmp_path / "m.xml").write_text(KEYED)
    commands = {"place": {"low": [5, 5, 5], "high": [5, 5, 5], "mocap": "other"}}
    fields = ("body(mark).xpos", "body(mark).xquat", "body(other).xpos")
    keyed = task("m.xml", folder=tmp_path, reset={"keyframe": "k"}, commands=commands, randomise=randomise)
    simulator = make(keyed, *fields)
    for frame in (simulator.reset(), simulator.step(torch.zeros(3, 1))):
        assert frame.info[fields[0]][0].tolist() == [2, 0, 1]
        assert frame.info[fields[1]][0].tolist() == [0, 1, 0, 0]
        assert frame.info[fields[2]][0].tolist() == [5, 5, 5]  # a command goes first
    shown = simulator.pose(0)[1]
    assert shown.body("mark").xpos.tolist() == [2, 0, 1]
    assert shown.body("mark").xquat.tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"reset": {"keyframe": "leanin"}}, r"no keyframe 'leanin'\. Did you mean 'leaning'\?"),
        ({"reset": {"joints": {"hing": [0, 1]}}}, r"no joint 'hing'\. Did you mean 'hinge'\?"),
        ({"reset": {"joints": {"root": [0, 1]}}}, r"joint 'root' is free: .* reset\.bodies"),
        ({"reset": {"joints": {"wrist": [0, 1]}}}, r"joint 'wrist' is a ball: reset\.noise .* reset\(\) in env\.code"),
        (
            {"reset": {"bodies": {"arm": {"yaw": [0, 1]}}}},
            r"'arm' has no free joint: its joint is a ball: reset\.noise",
        ),
        ({"reset": {"bodies": {"pole": {"x": [0, 1]}}}}, r"body 'pole' has no free joint: .* reset\.joints"),
        ({"commands": {"p": {"low": [0], "high": [1], "mocap": "goal"}}}, r"'p' has 1 numbers; 3 are needed"),
        ({"commands": {"p": {"low": [0], "high": [1], "mocap": "pole"}}}, r"no mocap body 'pole'\..* Known: goal"),
        ({"commands": {"p": {"low": [0, 1], "high": [1]}}}, r"expected as many of each, in order"),
        ({"commands": {"p": {"low": [], "high": []}}}, r"commands\.p\.low"),
        (
            {"commands": {name: {**AT, "mocap": "goal"} for name in "pq"}},
            r"two commands that put the mocap body 'goal'",
        ),
        ({"reset": {"joints": {"hinge": [1, 0]}}}, r"write the lower end first"),
    ],
)
def test_a_start_that_does_not_fit_is_one_line(env: dict[str, object], told: str, task: Build, make: Make) -> None:
    with pytest.raises(ConfigError, match=told) as found:
        make(task(**env))
    assert "\n" not in str(found.value)
