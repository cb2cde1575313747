"""Worlds that differ: what is asked for is what changes, from each environment's own stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from rewardsmith import sim
from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
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
