"""What follows from masses is worked out for many worlds at once as MuJoCo does it for one."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
import pytest
import torch

from rewardsmith.sim.mjcf import robots
from rewardsmith.sim.mjcf.declared import RandomiseKeys
from rewardsmith.sim.mjcf.varied import DERIVED, Masses
from rewardsmith.sim.mjcf.worlds import Nominal
from rewardsmith.types import Task

TENDONS = """<mujoco><worldbody>
  <body name="a"><joint name="one" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 1 0 0" size=".1"/>
    <body name="b" pos="1 0 0"><joint name="two" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 1 0 0" size=".1"/>
      <site name="s" pos=".5 0 .2"/></body></body>
  <body name="c" pos="0 2 0"><joint type="ball"/><geom type="box" size=".1 .2 .3"/><site name="t"/></body>
  <body name="d" pos="0 4 0"><freejoint/><geom type="box" size=".1 .2 .3"/></body></worldbody>
  <tendon><fixed name="f"><joint joint="one" coef="1"/><joint joint="two" coef="-2"/></fixed>
    <spatial name="p"><site site="s"/><site site="t"/></spatial></tendon></mujoco>"""


def model_of(name: str) -> mujoco.MjModel:
    if name == "tendons":
        return mujoco.MjModel.from_xml_string(TENDONS)
    return mujoco.MjModel.from_xml_path(str(robots.find(name)))


@pytest.mark.parametrize("name", ["tendons", "ant", "humanoid"])
@pytest.mark.parametrize("alone", [True, False])
def test_what_follows_from_masses_is_what_mujoco_derives(name: str, alone: bool, task: Callable[..., Task]) -> None:
    model = model_of(name)
    names = [model.body(i).name for i in (1, 2)]
    mass = {name: [0.5, 2.0] for name in names} if alone else [0.5, 2.0]
    randomise = RandomiseKeys.model_validate({"friction": [1, 1], "mass": mass})
    nominal = Nominal(task(), randomise, model)
    uniform = np.random.default_rng(0).random((3, len(nominal.changes)))
    low, high = np.array([[change.low, change.high] for change in nominal.changes]).T
    factors = torch.tensor(low + (high - low) * uniform)
    derived = Masses(nominal.changes, model, torch.device("cpu")).derived(factors)
    for i in range(3):
        expected = nominal.changed(uniform[i])
        for field in DERIVED[: 4 if model.ntendon else 3]:
            told = derived[field][i].numpy()
            np.testing.assert_allclose(told, getattr(expected, field), rtol=1e-6, atol=1e-9, err_msg=field)
