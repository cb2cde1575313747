"""MuJoCo's names: every field is what MuJoCo itself says, and a wrong name is one line with the right one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.types import Task

Build = Callable[..., Task]
Make = Callable[..., MjcfSimulator]
START = {"keyframe": "leaning", "noise": {"qpos": 0.2, "qvel": 0.5}}


def velocity(data: Any, kind: Any, number: int) -> np.ndarray:
    found = np.zeros(6)
    mujoco.mj_objectVelocity(data.model, data, kind, number, found, 0)
    return found


def of_body(name: str, part: slice) -> Callable[[Any], Any]:
    return lambda d: velocity(d, mujoco.mjtObj.mjOBJ_XBODY, d.body(name).id)[part]


def subtree(attribute: str) -> Callable[[Any], Any]:
    def read(data: Any) -> Any:
        mujoco.mj_subtreeVel(data.model, data)
        return getattr(data, attribute)[data.body("ball").id]

    return read


SAID: dict[str, Callable[[Any], Any]] = {
    "qpos": lambda d: d.qpos,
    "qvel": lambda d: d.qvel,
    "ctrl": lambda d: d.ctrl,
    "time": lambda d: d.time,
    "joint(hinge).qpos": lambda d: d.joint("hinge").qpos[0],
    "joint(root).qpos": lambda d: d.joint("root").qpos,
    "joint(root).qvel": lambda d: d.joint("root").qvel,
    "joint(wrist).qpos": lambda d: d.joint("wrist").qpos,
    "joint(wrist).qvel": lambda d: d.joint("wrist").qvel,
    "joint(slider).qfrc_actuator": lambda d: d.joint("slider").qfrc_actuator[0],
    "body(pole).xpos": lambda d: d.body("pole").xpos,
    "body(pole).xquat": lambda d: d.body("pole").xquat,
    "body(ball).xmat": lambda d: d.body("ball").xmat.flatten(),
    "body(ball).zaxis": lambda d: d.body("ball").xmat.reshape(3, 3)[:, 2],
    "body(arm).xipos": lambda d: d.body("arm").xipos,
    "body(arm).cvel": lambda d: d.body("arm").cvel,
    "body(pole).cvel": lambda d: d.body("pole").cvel,
    "body(arm).linvel": of_body("arm", slice(3, 6)),
    "body(arm).angvel": of_body("arm", slice(0, 3)),
    "body(ball).subtree_com": lambda d: d.body("ball").subtree_com,
    "body(ball).subtree_linvel": subtree("subtree_linvel"),
    "body(ball).subtree_angmom": subtree("subtree_angmom"),
    "site(tip).xpos": lambda d: d.site("tip").xpos,
    "site(tip).xmat": lambda d: d.site("tip").xmat.flatten(),
    "geom(stick).xpos": lambda d: d.geom("stick").xpos,
    "actuator(push).force": lambda d: d.actuator("push").force[0],
    "actuator(turn).length": lambda d: d.actuator("turn").length[0],
    "actuator(turn).velocity": lambda d: d.actuator("turn").velocity[0],
    "sensor(gyro)": lambda d: d.sensor("gyro").data,
    "sensor(angle)": lambda d: d.sensor("angle").data[0],
}


@pytest.mark.parametrize("field", SAID)
def test_a_field_is_what_mujoco_says(field: str, task: Build, make: Make) -> None:
    simulator = make(task(reset=START), field)
    told = simulator.reset().info[field]
    for i in range(3):
        expected = torch.as_tensor(np.array(SAID[field](simulator.pose(i)[1])), dtype=torch.float32)
        assert told[i].shape == expected.shape
        torch.testing.assert_close(told[i], expected, atol=1e-5, rtol=1e-5)


def test_a_field_with_a_name_that_is_no_word_is_quoted(task: Build, make: Make) -> None:
    edits = [{"add": "site", "to": "pole", "name": "left/tip-1", "pos": [0, 0, 0.1]}]
    simulator = make(task(edits=edits, signals={"tip": 'site("left/tip-1").xpos'}, observation=["tip"]))
    torch.testing.assert_close(simulator.reset().obs["obs"][0], torch.tensor([0.0, 0.0, 1.2]))


def test_a_contact_is_one_while_two_touch_and_its_force_is_on_the_first(task: Build, make: Make) -> None:
    """A ball of 0.6 kg with its arm falls 0.2 m and comes to rest: the floor then carries its weight."""
    fields = ("contact(sphere, floor)", "contact(sphere, floor).force", "contact(floor, sphere).force", "contact(box)")
    simulator = make(task(), *fields)
    frames = [simulator.reset(), *(simulator.step(torch.zeros(3, 2)) for _ in range(60))]
    assert frames[0].info[fields[0]][0] == 0
    assert frames[0].info[fields[1]][0].norm() == 0
    assert frames[-1].info[fields[0]][0] == 1
    assert frames[-1].info[fields[1]][0, 2] > 0.5  # upward
    torch.testing.assert_close(frames[-1].info[fields[1]], -frames[-1].info[fields[2]])
    assert not any(frame.info["contact(box)"].any() for frame in frames)


def test_a_force_at_rest_is_the_weight(task: Build, make: Make) -> None:
    edits = [{"delete": "body(arm)"}]
    simulator = make(task(edits=edits), "contact(sphere, floor).force")
    simulator.reset()
    for _ in range(99):
        frame = simulator.step(torch.zeros(3, 2))
    assert frame.info["contact(sphere, floor).force"][0, 2].item() == pytest.approx(0.5 * 9.81, rel=0.01)


def test_an_acceleration_at_rest_is_that_of_an_accelerometer(task: Build, make: Make) -> None:
    told = make(task(), "body(cart).linacc").reset().info["body(cart).linacc"][0]
    torch.testing.assert_close(told, torch.tensor([0.0, 0.0, 9.81]))


def test_a_name_of_a_geom_and_a_body_means_the_geom_in_a_contact(task: Build, make: Make) -> None:
    """The ball's geom rests on the floor; a body that is named like the cart's geom in the air changes nothing."""
    edits = [{"set": "body(ball)", "name": "box"}]
    simulator = make(task(edits=edits), "contact(box)", "contact(sphere)")
    simulator.reset()
    for _ in range(60):
        frame = simulator.step(torch.zeros(3, 2))
    assert not frame.info["contact(box)"].any()
    assert frame.info["contact(sphere)"].all()


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("body(poel).xpos", r"the model has no body 'poel'\. Did you mean 'pole'\? Known: world, cart, pole"),
        ("sensor(gyroo)", r"the model has no sensor 'gyroo'\. Did you mean 'gyro'\?"),
        ("joint(hing).qpos", r"the model has no joint 'hing'\. Did you mean 'hinge'\?"),
        ("site(tpi).xpos", r"the model has no site 'tpi'\. Did you mean 'tip'\?"),
        ("contact(sphere, flor)", r"the model has no geom or body 'flor'\. Did you mean 'floor'\?"),
        ("command(speed)", r"env.commands has no 'speed'\. Known: none"),
        ("body(pole).xpoz", r"a body has no 'xpoz'\. Did you mean 'xpos'\?"),
        ("body(pole)", r"it needs to say what of the body\. Known: xpos"),
        ("sensor(gyro).data", r"a sensor has no 'data'\. Known: none: leave it away"),
        ("body(pole, cart).xpos", r"it names 2 elements\. Write e\.g\. body\(pole\)"),
        ("joint(wrist).qfrc_actuator", r"joint 'wrist' is a ball, and MuJoCo tells this of hinges and slides"),
        ("joint(root).qfrc_actuator", r"joint 'root' is free, and MuJoCo tells this of hinges and slides"),
        ("act", r"the model has none of it"),
        ("x_velocity", r"info has no field 'x_velocity'\. Known: act, actuator\(\.\.\.\), body"),
    ],
)
def test_a_wrong_name_is_one_line_with_the_right_one(field: str, told: str, task: Build, make: Make) -> None:
    with pytest.raises(ConfigError, match=told) as found:
        make(task(), field)
    assert "\n" not in str(found.value)
    assert str(found.value).startswith(f"info has no field '{field}'")


@pytest.mark.parametrize("key", ["observation", "terminated"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("qpos[30]", r"30 is out of range: there are 13 numbers, 0 to 12; in 'qpos\[30\]'"),
        ("qpos[0:40]", r"40 is out of range: there are 13 numbers"),
        ("qpos[5:5]", r"the range 5:5 is empty; in 'qpos\[5:5\]'"),
        ("time[0]", r"a scalar has no parts; leave the brackets away; in 'time\[0\]'"),
        ("qpos + qvel", r"shapes \(11,\) and \(13,\) do not fit together in '\+'; in 'qpos \+ qvel'"),
        ("info.nope", r"info has no field 'nope'\. Known: act, actuator\(\.\.\.\)"),
    ],
)
def test_an_expression_that_does_not_fit_names_its_key(key: str, text: str, told: str, task: Build, make: Make) -> None:
    with pytest.raises(ConfigError, match=rf"env\.{key}: {told}"):
        make(task(**{key: [text]})).reset()


def test_an_end_is_one_number(task: Build, make: Make) -> None:
    text = "body(ball).xpos < 0.2"
    with pytest.raises(ConfigError, match=r"env\.terminated: 'body\(ball\)\.xpos < 0\.2' has shape \[3\]; one number"):
        make(task(terminated=["time > 1", text])).reset()
    simulator = make(task(terminated=[f"({text})[2]", "0"]))
    assert not simulator.reset().terminated.any()


def test_a_part_of_a_part_is_seen(task: Build, make: Make) -> None:
    frame = make(task(reset=START, observation=["qpos[-3:]", "qpos[1:4][-1]", "time"]), "qpos").reset()
    qpos = frame.info["qpos"]
    torch.testing.assert_close(frame.obs["obs"], torch.cat([qpos[:, -3:], qpos[:, 3:4], torch.zeros(3, 1)], dim=1))
