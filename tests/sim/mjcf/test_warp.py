"""MuJoCo Warp gives what MuJoCo gives: the same signals from the same seeds and actions, on Warp's CPU device.

Warp compiles for each kind of model at first, for minutes on a small machine; so these are slow the first time. On a
GPU the same is asserted of CUDA.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

import mujoco
import pytest
import torch
from torch.overrides import TorchFunctionMode

from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.sim.mjcf.warp import SPARE, no_gpu, room
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
ENV: dict[str, Any] = {
    "reset": {"noise": {"qpos": 0.05, "qvel": 0.1}, "bodies": {"ball": {"yaw": [-3, 3]}}},
    "commands": {"place": {"low": [-1, -1, 0], "high": [1, 1, 1], "mocap": "goal", "every_s": 0.4}},
}
VARIED: dict[str, Any] = {
    "randomise": {
        "mass": {"pole": [0.5, 2], "ball": [0.5, 2]},
        "friction": [0.2, 1.2],
        "damping": {"slider": [1, 50]},
        "gain": [0.5, 1.5],
        "pushes": {"every_s": [0.1, 0.3], "velocity": 0.5},
    }
}
DEVICES = (
    "warp-cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")],
    ),
)


@pytest.fixture(autouse=True)
def _warp() -> None:
    pytest.importorskip("mujoco_warp")


def test_a_gpu_that_is_not_there_is_one_line(task: Build, make: Make) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(
        ConfigError, match=r"env\.device is cuda, but there is no NVIDIA GPU here .* Write device: cpu\."
    ):
        make(task(device="cuda"))


@pytest.mark.parametrize(
    ("driver", "needed", "told"),
    [
        (None, (13, 4), "there is no NVIDIA GPU here that CUDA can use."),
        ((13, 0), (13, 4), "there is no NVIDIA GPU here that CUDA can use."),
        ((12, 8), (13, 4), "the NVIDIA driver is too old: it is for CUDA 12.8, and this MuJoCo Warp needs 13.0 or "),
    ],
)
def test_a_driver_that_is_too_old_is_not_taken_for_no_gpu(
    driver: tuple[int, int] | None, needed: tuple[int, int], told: str
) -> None:
    assert no_gpu(driver, needed=needed).startswith(told)


def _assert_agree(ours: MjcfSimulator, theirs: MjcfSimulator, steps: int) -> list[bool]:
    """Within 0.1 % under the same actions; at which steps episodes began."""
    draw, began = torch.Generator().manual_seed(0), []
    first, second = ours.reset(), theirs.reset()
    for step in range(steps + 1):
        if step:
            actions = torch.rand(3, 2, generator=draw) * 2 - 1
            first, second = ours.step(actions), theirs.step(actions)
        assert torch.equal(first.started, second.started.cpu())
        assert torch.equal(first.terminated, second.terminated.cpu())
        assert torch.equal(first.truncated, second.truncated.cpu())
        for field in FIELDS:
            off = (second.info[field].cpu() - first.info[field]).abs() / (1 + first.info[field].abs())
            assert off.max() < 1e-3, (field, step)
        torch.testing.assert_close(second.obs["obs"].cpu(), first.obs["obs"], atol=2e-3, rtol=2e-3)
        began.append(bool(first.started.any()))
    return began


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_warp_gives_the_signals_of_mujoco_over_the_horizon(device: str, task: Build, make: Make) -> None:
    """The ball's landing included, and commands that change."""
    ours, theirs = make(task(**ENV), *FIELDS), make(task(device=device, **ENV), *FIELDS)
    assert sum(_assert_agree(ours, theirs, HORIZON)) == 1
    assert ours.step(torch.zeros(3, 2)).info["contact(sphere, floor)"].all()


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_worlds_that_differ_are_the_same_on_both_over_many_episodes(device: str, task: Build, make: Make) -> None:
    """Masses, friction, damping, gains and pushes; episodes of 12 steps and less, where they end early."""
    env = {**ENV, **VARIED, "terminated": "abs(joint(hinge).qpos) > 0.35"}
    ours, theirs = make(task(steps=12, **env), *FIELDS), make(task(steps=12, device=device, **env), *FIELDS)
    assert sum(_assert_agree(ours, theirs, 60)) > 5
    one, other = ours.pose(1)[0], theirs.pose(1)[0]
    assert one.body("pole").mass == pytest.approx(other.body("pole").mass)
    assert one.geom("floor").friction == pytest.approx(other.geom("floor").friction)


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_frames_are_the_devices_own_and_are_not_written_over(device: str, task: Build, make: Make) -> None:
    simulator = make(task(device=device, **ENV), "qpos", "contact(sphere, floor).force")
    frame = simulator.reset()
    kept = {name: value.clone() for name, value in frame.info.items()}
    simulator.step(torch.ones(3, 2))
    for tensor in (*frame.info.values(), *frame.obs.values(), frame.reward, frame.terminated, frame.started):
        assert tensor.device.type == ("cuda" if device == "cuda" else "cpu")
    for name, value in kept.items():
        assert torch.equal(frame.info[name], value)


class HostCalls(TorchFunctionMode):
    """Remembers what asked for a tensor's numbers, which lets a GPU's queue run dry, and what brought new ones."""

    ASK = ("cpu", "numpy", "item", "tolist", "__bool__", "__int__", "__float__", "__array__", "nonzero", "__index__")
    TELL = ("tensor", "as_tensor", "from_numpy")

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        masked = name in ("__getitem__", "__setitem__") and _has_mask(args[1])
        if name in self.ASK + self.TELL or masked:
            self.heard.append(name)
        return func(*args, **(kwargs or {}))

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, fault, trace)


def _has_mask(index: object) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, torch.Tensor) and part.dtype == torch.bool for part in parts)


@pytest.mark.slow
def test_a_step_asks_nothing_of_the_host(task: Build, make: Make) -> None:
    """Starts, ends, commands, pushes, friction, damping and gains included; masses are the exception, once a step."""
    randomise = {name: value for name, value in VARIED["randomise"].items() if name != "mass"}
    env = {**ENV, "terminated": "abs(joint(hinge).qpos) > 0.2", "randomise": randomise}
    for masses, asked in (({}, set()), ({"mass": [0.5, 2]}, {"__bool__", "nonzero"})):
        simulator = make(task(steps=6, device="warp-cpu", **{**env, "randomise": randomise | masses}), *FIELDS)
        actions = torch.ones(3, 2)
        simulator.reset()
        with HostCalls() as calls:
            started = [simulator.step(actions).started for _ in range(12)]
        assert torch.stack(started).any()
        assert set(calls.heard) == asked


@pytest.mark.slow
def test_a_simulator_that_is_done_with_leaves_the_device_at_once(task: Build) -> None:
    """Its arrays and its graph lie where Python's collector does not look, so nothing may hold itself in a circle."""
    simulator = MjcfSimulator(task(device="warp-cpu"), env_seeds=[1, 2], info_fields=())
    simulator.reset()
    physics = weakref.ref(simulator.batch._physics)  # type: ignore[attr-defined]
    gc.collect()
    gc.disable()
    try:
        simulator.close()
        del simulator
        assert physics() is None
    finally:
        gc.enable()


@pytest.mark.slow
def test_a_step_reads_and_writes_the_arrays_of_warp_where_they_lie(task: Build, make: Make) -> None:
    physics = make(task(device="warp-cpu")).batch._physics  # type: ignore[attr-defined]
    time, qpos, qvel, _ = physics.state
    for view, array in ((time, physics._d.time), (qpos, physics._d.qpos), (qvel, physics._d.qvel)):
        assert view.data_ptr() == array.ptr
    qpos[1, 0] = 0.25
    assert physics._d.qpos.numpy()[1, 0] == 0.25


TOUCHING = """<mujoco><option gravity="0 0 0"/><worldbody>
  <body name="a"><freejoint/><geom type="box" size=".1 .1 .1"/></body>
  <body name="b" pos="0 0 1"><freejoint/><geom type="box" size=".1 .1 .1"/></body></worldbody>
  <keyframe><key qpos="0 0 0 1 0 0 0  0 0 0.199 1 0 0 0"/></keyframe></mujoco>"""


def test_there_is_room_for_twice_what_a_keyframe_touches() -> None:
    """Box on box: 4 contacts of 4 constraints each; apart, as they start, they have none."""
    assert room(mujoco.MjModel.from_xml_string(TOUCHING)) == (2 * 4 + SPARE, 2 * 16 + 4 * SPARE)


def _play(simulator: MjcfSimulator, steps: int) -> None:
    simulator.reset()
    for _ in range(steps):
        simulator.step(torch.zeros(3, 2))


@pytest.mark.slow
@pytest.mark.parametrize("short", ["constraints", "contacts"])
def test_too_little_room_on_the_device_is_one_line(short: str, task: Build, make: Make) -> None:
    """The ball needs one contact of four constraints; it is told at the next look at faults after it has landed."""
    simulator = make(task(device="warp-cpu", buffers={short: 1}, edits=[{"set": "body(arm)", "pos": [0.3, 0, 0]}]))
    with pytest.raises(ConfigError, match=rf"no room on the device for all {short} .* env\.buffers\.{short}: 2"):
        _play(simulator, 40)


@pytest.mark.slow
def test_an_unstable_model_is_told_on_a_device_too(task: Build, make: Make) -> None:
    edits = [{"set": "joint(hinge)", "stiffness": [1e9, 0, 0]}]
    simulator = make(task(device="warp-cpu", edits=edits, reset={"noise": {"qpos": 0.1}}))
    _play(simulator, 40)
    assert "the model is unstable: NaN or a number beyond 1e10 at step " in str(simulator.unstable())


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_an_episode_whose_physics_breaks_once_ends_and_the_next_is_sound(device: str, task: Build, make: Make) -> None:
    batch = make(task(device=device)).batch
    batch.reset()
    batch._taken += 10_000  # type: ignore[attr-defined]  # it has gone well for long
    batch._states[1, 20] = 1e9  # type: ignore[attr-defined]  # what a wild policy does
    frames = [batch.step(torch.zeros(3, 2)) for _ in range(20)]
    assert frames[0].terminated.tolist() == [False, True, False]
    assert frames[1].started.tolist() == [False, True, False]
    assert all(bool(frame.obs["obs"].isfinite().all()) for frame in frames)
    assert not torch.stack([frame.terminated for frame in frames[1:]]).any()
