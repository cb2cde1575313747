"""Worlds that differ: what is asked for is what changes, from each environment's own stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from rewardsmith import sim
from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.declared import PushKeys, RandomiseKeys
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.sim.mjcf.worlds import Nominal, Pushes
from rewardsmith.types import Disturbance, Disturbed, Task

Build = Callable[..., Task]
Make = Callable[..., MjcfSimulator]
MANY = range(40)


def disturbed(task: Task, kind: Disturbed, factor: float) -> Task:
    return replace(task, env=replace(task.env, disturbance=Disturbance(kind=kind, factor=factor)))


def test_a_disturbed_world_differs_in_what_was_asked_and_in_nothing_else(task: Build, make: Make) -> None:
    plain, heavy, slippery = (
        make(t).pose(0)[0] for t in (task(), disturbed(task(), "mass", 1.3), disturbed(task(), "friction", 0.5))
    )
    np.testing.assert_allclose(heavy.body_mass, 1.3 * plain.body_mass)
    np.testing.assert_allclose(heavy.body_inertia, 1.3 * plain.body_inertia)
    assert (heavy.dof_invweight0 < plain.dof_invweight0).all()  # derived from masses
    np.testing.assert_allclose(heavy.geom_friction, plain.geom_friction)
    np.testing.assert_allclose(slippery.geom_friction[:, 0], 0.5 * plain.geom_friction[:, 0])
    np.testing.assert_allclose(slippery.geom_friction[:, 1:], plain.geom_friction[:, 1:])
    np.testing.assert_allclose(slippery.body_mass, plain.body_mass)


def test_what_cannot_be_disturbed_is_said(task: Build) -> None:
    assert sim.refuses(disturbed(task(), "mass", 2.0)) is None
    assert sim.refuses(disturbed(task(reset={"noise": {"qpos": 0.1}}), "reset_noise", 2.0)) is None
    refused = sim.refuses(disturbed(task(), "reset_noise", 2.0))
    assert refused == "'pendulum-v1.xml' begins alike each time: env.reset has no spread."


def test_worlds_are_randomised_within_their_factors_and_anew_each_episode(task: Build, make: Make) -> None:
    randomise = {"mass": {"pole": [0.5, 2.0]}, "friction": [0.8, 1.2], "damping": {"slider": [2, 3]}, "gain": [1, 1.5]}
    simulator = make(task(randomise=randomise, steps=2), seeds=MANY)
    plain = make(task()).pose(0)[0]
    simulator.reset()
    models = [simulator.pose(i)[0] for i in MANY]
    pole = np.array([m.body("pole").mass[0] / plain.body("pole").mass[0] for m in models])
    assert 0.5 <= pole.min() < 0.7 < 1.8 < pole.max() <= 2.0
    slider = np.array([m.joint("slider").damping[0] / plain.joint("slider").damping[0] for m in models])
    assert 2 <= slider.min() < slider.max() <= 3
    gain = np.array([m.actuator("push").gainprm[0] for m in models])
    assert 1 <= gain.min() < gain.max() <= 1.5
    friction = np.array([m.geom("floor").friction[0] for m in models])
    assert 0.8 <= friction.min() < friction.max() <= 1.2
    for m in models:
        np.testing.assert_allclose(m.body("cart").mass, plain.body("cart").mass)
        np.testing.assert_allclose(m.joint("hinge").damping, plain.joint("hinge").damping)
    for _ in range(3):
        simulator.step(torch.zeros(40, 2))
    again = np.array([simulator.pose(i)[0].body("pole").mass[0] / plain.body("pole").mass[0] for i in MANY])
    assert (again != pole).all()
    assert 0.5 <= again.min() < again.max() <= 2.0  # factors do not pile up


def test_pushes_come_at_times_of_their_own_and_change_the_velocity_along_the_ground(task: Build, make: Make) -> None:
    push = {"pushes": {"every_s": [0.2, 0.4], "velocity": 1.0}}
    edits = [{"set": "option", "gravity": [0, 0, 0]}]
    simulator = make(task(randomise=push, edits=edits), "joint(root).qvel")
    frames = [simulator.reset(), *(simulator.step(torch.zeros(3, 2)) for _ in range(40))]
    speeds = torch.stack([frame.info["joint(root).qvel"][:, :3] for frame in frames])
    moved = (speeds[1:] - speeds[:-1])[..., :2].norm(dim=-1) > 1e-3
    assert (moved.sum(dim=0) >= 5).all()  # in 2 s, every 0.2 to 0.4 s
    assert not torch.equal(moved[:, 0], moved[:, 1])


UNSEEN = """<mujoco><option timestep="0.01" density="{density}"/><worldbody>
  <geom name="wall" type="box" size=".1 .1 .1" pos="1 0 1" contype="0" conaffinity="0"/>
  <body name="fish" pos="0 0 1"><freejoint/><geom name="core" size=".05" mass="1"/><site name="eye" euler="0 90 0"/>
    <geom name="hull" type="ellipsoid" size=".3 .1 .1" contype="0" conaffinity="0" fluidshape="{shape}"/></body>
  </worldbody><actuator><general site="eye" gear="0 0 1 0 0 0" ctrlrange="-9 9"/></actuator>
  <sensor>{sensor}</sensor></mujoco>"""
RAY = '<rangefinder name="seen" site="eye"/>'
DISTANCE = '<distance name="seen" body1="fish" geom2="wall" cutoff="10"/>'


@pytest.mark.parametrize(
    ("shape", "sensor"), [("ellipsoid", '<clock name="seen"/>'), ("none", RAY), ("none", DISTANCE)]
)
def test_a_geom_that_touches_nothing_still_acts_where_worlds_are_randomised(
    shape: str, sensor: str, task: Build, make: Make, tmp_path: Path
) -> None:
    (tmp_path / "m.xml").write_text(UNSEEN.format(density=1000, shape=shape, sensor=sensor))
    plain = task("m.xml", folder=tmp_path, dt=0.01)
    same = replace(plain, env=replace(plain.env, options={"randomise": {"gain": [1, 1]}}))
    one, other = (make(t, "qpos", "sensor(seen)") for t in (plain, same))
    for step in range(20):
        first, second = (each.step(torch.ones(3, 1)).info if step else each.reset().info for each in (one, other))
        assert torch.equal(first["qpos"], second["qpos"])
        assert torch.equal(first["sensor(seen)"], second["sensor(seen)"])


def test_a_factor_may_be_of_what_is_only_seen(task: Build, make: Make) -> None:
    """`mark` and `halo` touch nothing, so the model that is stepped does not have them."""
    edits = [{"add": "geom", "name": "halo", "size": [0.1], "contype": 0, "conaffinity": 0}]
    friction = {"mark": [0.5, 0.5], "halo": [0.25, 0.25], "stick": [0.2, 0.2]}
    simulator = make(task(randomise={"friction": friction}, edits=edits))
    simulator.reset()
    seen = simulator.pose(0)[0]
    told = [seen.geom(name).friction[0] for name in ("mark", "halo", "stick", "box")]
    assert told == [0.5, 0.25, 0.2, 1.0]


ACTUATORS = """<mujoco><worldbody><body><joint name="j" axis="0 1 0" damping="1 2 3" limited="true" range="-1 1"/>
  <geom size=".1" pos=".1 0 0"/></body></worldbody>
  <actuator><muscle name="m" joint="j" force="100" lengthrange="-1 1"/><position name="p" joint="j" kp="5"
    ctrlrange="-1 1"/>{more}</actuator></mujoco>"""


def of_string(text: str, task: Task, **randomise: object) -> tuple[mujoco.MjModel, mujoco.MjModel]:
    """A model, and another in the world of the factors' upper ends."""
    plain = mujoco.MjModel.from_xml_string(text)
    nominal = Nominal(task, RandomiseKeys.model_validate(randomise), plain)
    return plain, nominal.changed(np.ones(len(nominal.changes)))


def test_a_muscles_gain_is_its_force_and_a_servos_is_all(task: Build) -> None:
    """Of a muscle's numbers the third and fourth are force and scale; the others say lengths and speeds."""
    plain, strong = of_string(ACTUATORS.format(more=""), task(), gain=[1, 2])
    for array in ("actuator_gainprm", "actuator_biasprm"):
        before, after = getattr(plain, array), getattr(strong, array)
        np.testing.assert_allclose(after[0, 2:4], 2 * before[0, 2:4])
        np.testing.assert_array_equal(np.delete(after[0], (2, 3)), np.delete(before[0], (2, 3)))
        np.testing.assert_allclose(after[1], 2 * before[1])
    assert strong.actuator_gainprm[0, 2] == 200


def test_a_dc_motor_has_no_single_gain(task: Build) -> None:
    motor = ACTUATORS.format(more='<dcmotor name="dc" joint="j" motorconst="0.1" resistance="1"/>')
    with pytest.raises(ConfigError, match=r"actuator 'dc' is a DC motor, .* env\.randomise\.gain: name the others"):
        of_string(motor, task(), gain=[1, 2])
    assert of_string(motor, task(), gain={"p": [1, 2]})[1].actuator("p").gainprm[0] == 10


def test_damping_that_grows_with_speed_is_damping(task: Build) -> None:
    damped = of_string(ACTUATORS.format(more=""), task(), damping=[1, 2])[1]
    assert damped.dof_damping.tolist() == [2]
    assert damped.dof_dampingpoly.tolist() == [[4, 6]]


PAIRS = """<mujoco><worldbody><geom name="floor" type="plane" size="1 1 1"/><geom name="wall" size="1"/>
  <body name="b" pos="0 0 3"><freejoint/><geom name="foot" size=".1"/><geom name="hand" size=".1"/></body></worldbody>
  <contact><pair geom1="foot" geom2="floor" friction="1 1 .5 .1 .1"/><pair geom1="hand" geom2="floor"/>
  <pair geom1="hand" geom2="wall"/></contact></mujoco>"""


@pytest.mark.parametrize(
    ("friction", "expected"),
    [
        ([1, 3], [3, 3, 3]),
        ({"floor": [1, 3]}, [3, 3, 1]),
        ({"floor": [1, 3], "foot": [1, 5]}, [3, 3, 1]),  # the first pair is of both: one of the factors
    ],
)
def test_a_pair_with_a_friction_of_its_own_takes_the_factor_of_its_geoms(
    friction: object, expected: list[float], task: Build
) -> None:
    slippery = of_string(PAIRS, task(), friction=friction)[1]
    assert slippery.pair_friction[:, 0].tolist() == expected
    assert slippery.pair_friction[:, 1].tolist() == expected
    assert slippery.pair_friction[0, 2:].tolist() == [0.5, 0.1, 0.1]


def test_a_push_without_a_body_is_of_the_first_that_is_free(task: Build) -> None:
    bodies = '<body pos="0 0 {}"><freejoint/><geom size=".1"/></body>'
    model = mujoco.MjModel.from_xml_string(
        f"<mujoco><worldbody>{bodies.format(1)}{bodies.format(2)}</worldbody></mujoco>"
    )
    pushes = Pushes(task(), PushKeys.model_validate({"every_s": [1, 2], "velocity": 1}), model)
    assert pushes.at == 1 + model.nq


def test_a_connection_with_a_mocap_body_stays_where_it_was_made(task: Build, make: Make, tmp_path: Path) -> None:
    """The keyframe puts the mocap body elsewhere; other masses must not move what is tied to it."""
    (tmp_path / "m.xml").write_text(
        """<mujoco><worldbody><body name="hook" mocap="true" pos="0 0 1"><geom size=".01"/></body>
        <body name="load" pos="0 0 1"><joint name="j" type="slide"/><geom size=".1"/></body></worldbody>
        <equality><connect body1="hook" body2="load" anchor="0 0 .2"/></equality>
        <actuator><motor joint="j" ctrlrange="-1 1"/></actuator><keyframe><key name="k" mpos="1 0 1"/></keyframe>
        </mujoco>"""
    )
    env = {"reset": {"keyframe": "k"}, "randomise": {"mass": [1, 2]}}
    simulator = make(task("m.xml", folder=tmp_path, **env))
    simulator.reset()
    np.testing.assert_allclose(simulator.pose(0)[0].eq_data[0, :6], [0, 0, 0.2, 0, 0, 0.2], atol=1e-12)


@pytest.mark.parametrize(
    ("randomise", "told"),
    [
        ({"mass": {"poel": [1, 2]}}, r"no body 'poel'\. Did you mean 'pole'\?"),
        ({"friction": {"flor": [1, 2]}}, r"no geom 'flor'\. Did you mean 'floor'\?"),
        ({"pushes": {"every_s": [1, 2], "velocity": 1, "body": "pole"}}, r"no body with a free joint 'pole'\..* ball"),
        ({"mass": [0, 1]}, r"expected numbers above 0"),
    ],
)
def test_a_factor_of_what_is_not_there_is_one_line(
    randomise: dict[str, object], told: str, task: Build, make: Make
) -> None:
    with pytest.raises(ConfigError, match=told):
        make(task(randomise=randomise))
