"""Disturbed worlds: what is asked for is what changes, and what cannot be changed is refused in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import envpool
import gymnasium
import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from rewardsmith import sim, taskfile
from rewardsmith.errors import ConfigError
from rewardsmith.sim.disturbed import MODELS, changed_model
from rewardsmith.sim.point import point_task
from rewardsmith.types import Disturbance, Disturbed, Task

BOTH = ("envpool", "gymnasium")


def _task(name: str, backend: str = "envpool", disturbance: Disturbance | None = None) -> Task:
    task = taskfile.load(name).task
    return replace(task, env=replace(task.env, backend=backend, disturbance=disturbance))


def _played(task: Task, *, steps: int = 30, seeds: Sequence[int] = (1, 2, 3, 4)) -> Tensor:
    """Observations `(steps + 1, N, D)` under one and the same action."""
    world = sim.make(task, env_seeds=seeds, info_fields=())
    action = (0.6 * world.action_high).expand(len(seeds), -1)
    frames = [world.reset(), *(world.step(action) for _ in range(steps))]
    world.close()
    return torch.stack([f.obs["obs"] for f in frames])


def _kind(kind: Disturbed, factor: float) -> Disturbance:
    return Disturbance(kind=kind, factor=factor)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("kind", ["mass", "friction"])
def test_other_physics_move_otherwise_from_the_same_start(backend: str, kind: Disturbed) -> None:
    plain = _played(_task("half_cheetah_run", backend))
    same = _played(_task("half_cheetah_run", backend, _kind(kind, 1.0)))
    other = _played(_task("half_cheetah_run", backend, _kind(kind, 1.5)))
    torch.testing.assert_close(same, plain, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(other[0], plain[0])
    assert (other - plain).abs().max() > 0.1


@pytest.mark.parametrize("backend", BOTH)
def test_starts_are_spread_as_much_wider_as_was_asked(backend: str) -> None:
    """Positions of a pendulum start uniformly within 0.01 of upright, or Gymnasium's own figure, in any world."""
    seeds = range(40)
    plain = _played(_task("inverted_pendulum_balance", backend), steps=0, seeds=seeds)[0]
    wide = _played(_task("inverted_pendulum_balance", backend, _kind("reset_noise", 3.0)), steps=0, seeds=seeds)[0]
    torch.testing.assert_close(wide, 3.0 * plain, atol=1e-5, rtol=1e-4)


def test_starts_are_wider_than_those_an_environment_is_registered_with() -> None:
    """Its class alone would spread them by 0.01."""
    gymnasium.register(
        "RewardsmithTest/Wide-v0",
        entry_point=gymnasium.spec("InvertedPendulum-v5").entry_point,
        kwargs={"reset_noise_scale": 0.1},
    )
    try:
        task = _task("inverted_pendulum_balance", "gymnasium")
        task = replace(task, env=replace(task.env, id="RewardsmithTest/Wide-v0"))
        wider = replace(task, env=replace(task.env, disturbance=_kind("reset_noise", 2.0)))
        torch.testing.assert_close(_played(wider, steps=0), 2.0 * _played(task, steps=0), atol=1e-5, rtol=1e-4)
    finally:
        del gymnasium.registry["RewardsmithTest/Wide-v0"]


@pytest.mark.parametrize("name", ["hopper_hop", "walker_walk", "half_cheetah_run", "ant_run", "reacher_reach"])
def test_a_changed_model_differs_in_what_was_asked_and_in_nothing_else(name: str) -> None:
    spec = envpool.make_spec(taskfile.load(name).task.env.id)
    folder = Path(spec.config.base_path) / MODELS
    model = folder / f"{Path(spec.config.xml_file).stem}_envpool.xml"
    plain = mujoco.MjModel.from_xml_path(str(model))
    heavy, slippery = (_compiled(changed_model(model, _kind(kind, 1.3))) for kind in ("mass", "friction"))
    np.testing.assert_allclose(heavy.body_mass, 1.3 * plain.body_mass)
    np.testing.assert_allclose(heavy.body_inertia, 1.3 * plain.body_inertia)
    np.testing.assert_allclose(heavy.geom_friction, plain.geom_friction)
    np.testing.assert_allclose(slippery.geom_friction[:, 0], 1.3 * plain.geom_friction[:, 0])
    np.testing.assert_allclose(slippery.geom_friction[:, 1:], plain.geom_friction[:, 1:])
    np.testing.assert_allclose(slippery.body_mass, plain.body_mass)
    for other in (heavy, slippery):
        for of in ("geom_size", "geom_pos", "body_pos", "jnt_range", "dof_damping", "actuator_gear", "qpos0"):
            np.testing.assert_array_equal(getattr(other, of), getattr(plain, of))


def _compiled(model: bytes) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(model.decode())


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("door_open", "mass", "takes no changed model for 'MetaWorld/DoorOpen-v3'"),
        ("door_open", "reset_noise", "no option for the spread of its starts"),
        ("dm_walker_walk", "friction", "takes no changed model"),
        ("adroit_door", "mass", "takes no changed model"),
        ("hopper_hop", "mass", None),
        ("hopper_hop", "friction", None),
        ("reacher_reach", "reset_noise", None),
    ],
)
def test_what_envpool_cannot_change_it_says(name: str, kind: Disturbed, why: str | None) -> None:
    said = sim.refuses(_task(name, disturbance=_kind(kind, 1.5)))
    assert said is None if why is None else why in (said or "")


def test_what_gymnasium_cannot_change_it_says() -> None:
    assert sim.refuses(_task("hopper_hop", "gymnasium", _kind("mass", 1.5))) is None
    refused = sim.refuses(_task("reacher_reach", "gymnasium", _kind("reset_noise", 1.5)))
    assert refused == "Gymnasium's 'Reacher-v5' has no option for the spread of its starts."


SLIDER = """<mujoco><worldbody><body><joint name="x" type="slide"/><geom size=".1" mass="1"/></body></worldbody>
<actuator><motor joint="x"/></actuator></mujoco>"""


class Slider(gymnasium.Env[Any, Any]):
    """A mass on a rail; `at_reset` is what becomes of its model there."""

    made: ClassVar[list[Slider]] = []

    def __init__(self, *, at_reset: str = "kept") -> None:
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))
        self.action_space = gymnasium.spaces.Box(-1, 1, (1,))
        self.at_reset, self.closed = at_reset, False
        self._build()
        Slider.made.append(self)

    def _build(self) -> None:
        self.model = mujoco.MjModel.from_xml_string(SLIDER)
        self.data = mujoco.MjData(self.model)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:  # noqa: ARG002
        super().reset(seed=seed)
        if self.at_reset == "remade":
            self._build()
        if self.at_reset == "rewritten":
            self.model.geom_friction[:, 0] = 0.9
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action: Any) -> Any:
        return np.asarray(action, dtype=np.float32), 0.0, False, False, {}

    def close(self) -> None:
        self.closed = True


class Blind(Slider):
    """Shows its model alone."""

    def _build(self) -> None:
        self.model = mujoco.MjModel.from_xml_string(SLIDER)


def _said_of(entry_point: type[Slider], kind: Disturbed, **options: object) -> str | None:
    gymnasium.register("RewardsmithTest/Slider-v0", entry_point=entry_point, disable_env_checker=True)
    try:
        task = _task("inverted_pendulum_balance", "gymnasium", _kind(kind, 1.5))
        return sim.refuses(replace(task, env=replace(task.env, id="RewardsmithTest/Slider-v0", options=options)))
    finally:
        del gymnasium.registry["RewardsmithTest/Slider-v0"]


@pytest.mark.parametrize(
    ("at_reset", "kind", "kept"),
    [
        ("kept", "mass", True),
        ("kept", "friction", True),
        ("remade", "mass", False),
        ("remade", "friction", False),
        ("rewritten", "mass", True),
        ("rewritten", "friction", False),
    ],
)
def test_physics_that_a_reset_sets_again_are_not_changed(at_reset: str, kind: Disturbed, *, kept: bool) -> None:
    said = _said_of(Slider, kind, at_reset=at_reset)
    assert said == (
        None
        if kept
        else f"'RewardsmithTest/Slider-v0' sets its own {kind} at each reset, so that no change of it lasts."
    )


@pytest.mark.parametrize("kind", ["mass", "friction"])
def test_a_model_without_its_data_cannot_be_changed(kind: Disturbed) -> None:
    said = _said_of(Blind, kind)
    assert said == (
        f"'RewardsmithTest/Slider-v0' shows no MuJoCo model as 'model' and 'data' whose {kind} could be changed."
    )


@pytest.mark.parametrize(("kind", "count"), [("mass", 1), ("friction", 1), ("reset_noise", 0)])
def test_asking_makes_one_environment_at_most_and_closes_it(kind: Disturbed, count: int) -> None:
    Slider.made.clear()
    _said_of(Slider, kind)
    assert [env.closed for env in Slider.made] == [True] * count


def test_a_simulator_without_disturbances_says_so() -> None:
    task = point_task()
    asked = replace(task, env=replace(task.env, disturbance=_kind("mass", 1.5)))
    assert sim.refuses(asked) == "The simulator 'point' offers no disturbances."


def test_a_world_that_was_refused_is_never_replaced_by_the_plain_one() -> None:
    with pytest.raises(ConfigError, match="takes no changed model"):
        sim.make(_task("door_open", disturbance=_kind("mass", 1.5)), env_seeds=[1], info_fields=())
