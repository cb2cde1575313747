"""What follows from masses is worked out for many worlds at once as MuJoCo does it for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import mujoco
import numpy as np
import pytest
import torch

from rewardsmith.sim.mjcf import robots
from rewardsmith.sim.mjcf.declared import RandomiseKeys
from rewardsmith.sim.mjcf.varied import DERIVED, Masses, VariedWorlds, varied_fields
from rewardsmith.sim.mjcf.warp import WarpPhysics
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


class Fields:
    """The fields of a device's model, N worlds of each."""

    def __init__(self, model: mujoco.MjModel, names: list[str], worlds: int) -> None:
        self.of = {name: torch.from_numpy(getattr(model, name)).float().repeat(worlds, 1, 1) for name in names}
        self.of |= {name: field[:, 0] for name, field in self.of.items() if getattr(model, name).ndim == 1}

    def field(self, name: str) -> torch.Tensor:
        return self.of[name]


VARIED = """<mujoco><worldbody><geom name="floor" type="plane" size="1 1 1"/>
  <body><joint name="j" axis="0 1 0" damping="1 2 3" limited="true" range="-1 1"/>
  <geom name="foot" size=".1" pos=".1 0 0"/></body></worldbody>
  <contact><pair geom1="foot" geom2="floor" friction="1 1 .5 .1 .1"/></contact>
  <actuator><muscle joint="j" force="100" lengthrange="-1 1"/><position name="p" joint="j" kp="5" ctrlrange="-1 1"/>
  </actuator></mujoco>"""


@pytest.mark.parametrize("friction", [[0.5, 2.0], {"foot": [0.5, 2.0]}])
def test_fields_on_a_device_are_those_of_the_worlds_on_the_cpu(friction: object, task: Callable[..., Task]) -> None:
    model = mujoco.MjModel.from_xml_string(VARIED)
    keys = RandomiseKeys.model_validate({"friction": friction, "damping": [0.5, 2.0], "gain": [0.5, 2.0]})
    nominal, seeds = Nominal(task(), keys, model), torch.arange(4)
    names = varied_fields(nominal.changes, model)
    assert {"pair_friction", "dof_dampingpoly", "actuator_biasprm"} <= set(names)
    fields = Fields(model, names, len(seeds))
    worlds = VariedWorlds(nominal, nominal, seeds, cast(WarpPhysics, fields))
    uniform = torch.rand(4, len(nominal.changes), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    worlds.change(torch.ones(4, dtype=torch.bool), uniform)
    for i in range(4):
        expected = worlds.model(i)
        for name in names:
            np.testing.assert_allclose(fields.field(name)[i].numpy(), getattr(expected, name), rtol=1e-6, err_msg=name)
    assert fields.field("pair_friction")[:, 0, 0].unique().numel() == 4


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
