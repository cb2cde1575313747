"""MuJoCo Warp gives what MuJoCo gives: the same signals from the same seeds and actions, on Warp's CPU device.

Warp compiles for each kind of model at first, for minutes on a small machine; so these are slow the first time.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.types import Task

Build = Callable[..., Task]
Make = Callable[..., MjcfSimulator]
FIELDS = (
    "qpos", "qvel", "time", "ctrl", "body(arm).cvel", "body(pole).xmat", "site(tip).xpos", "sensor(gyro)",
    "actuator(push).force", "contact(sphere, floor)", "contact(sphere, floor).force", "command(place)",
    "body(goal).xpos",
)  # fmt: skip
HORIZON = 24
"""Control steps of 5 physics steps each: 1.2 s. The ball lands after 0.2 s and rolls on."""
ENV = {
    "reset": {"noise": {"qpos": 0.05, "qvel": 0.1}},
    "commands": {"place": {"low": [-1, -1, 0], "high": [1, 1, 1], "mocap": "goal"}},
}


def test_a_gpu_that_is_not_there_is_one_line(task: Build, make: Make) -> None:
    pytest.importorskip("mujoco_warp")
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(
        ConfigError, match=r"env\.device is cuda, but there is no NVIDIA GPU here .* Write device: cpu\."
    ):
        make(task(device="cuda"))


def test_worlds_that_differ_are_refused(task: Build, make: Make) -> None:
    pytest.importorskip("mujoco_warp")
    with pytest.raises(ConfigError, match=r"env\.randomise\.mass needs device: cpu"):
        make(task(device="warp-cpu", randomise={"mass": [1, 2]}))


def _play(simulator: MjcfSimulator, steps: int) -> None:
    simulator.reset()
    for _ in range(steps):
        simulator.step(torch.zeros(3, 2))


@pytest.mark.slow
def test_warp_gives_the_signals_of_mujoco_over_the_horizon(task: Build, make: Make) -> None:
    """Within 0.1 %, the ball's landing included."""
    pytest.importorskip("mujoco_warp")
    ours, theirs = make(task(**ENV), *FIELDS), make(task(device="warp-cpu", **ENV), *FIELDS)
    draw = torch.Generator().manual_seed(0)
    first, second = ours.reset(), theirs.reset()
    for _ in range(HORIZON):
        actions = torch.rand(3, 2, generator=draw) * 2 - 1
        first, second = ours.step(actions), theirs.step(actions)
        assert torch.equal(first.started, second.started)
        for field in FIELDS:
            off = (second.info[field] - first.info[field]).abs() / (1 + first.info[field].abs())
            assert off.max() < 1e-3, field
    assert first.info["contact(sphere, floor)"].all()


@pytest.mark.slow
def test_too_little_room_on_the_device_is_one_line(task: Build, make: Make) -> None:
    pytest.importorskip("mujoco_warp")
    simulator = make(task(device="warp-cpu", buffers={"constraints": 1}))
    with pytest.raises(ConfigError, match=r"no room on the device for all constraints .* env\.buffers\.constraints: 2"):
        _play(simulator, 20)
