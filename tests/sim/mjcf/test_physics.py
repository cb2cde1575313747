"""Stepping: the same bits as a plain loop of mj_step, on any number of threads; and what breaks is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

from rewardsmith import sim
from rewardsmith.errors import ConfigError
from rewardsmith.play import random_rollout
from rewardsmith.sim.mjcf.fields import FULL
from rewardsmith.sim.mjcf.simulator import MjcfSimulator
from rewardsmith.types import Task

Build = Callable[..., Task]
Make = Callable[..., MjcfSimulator]
START = {"noise": {"qpos": 0.1, "qvel": 0.1}}
SEEDS = range(7)


def played(simulator: MjcfSimulator, steps: int = 30) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    frames = [simulator.reset()]
    frames += [simulator.step(torch.rand(7, 2, generator=draw) * 2 - 1) for _ in range(steps)]
    return torch.stack([torch.cat([f.obs["obs"], *(x.flatten(1) for x in f.info.values())], dim=1) for f in frames])


def test_a_step_is_a_plain_loop_of_mj_step(task: Build, make: Make) -> None:
    """Bit for bit, the solver's warm start apart, which does not outlive a control step."""
    simulator = make(task(reset=START), seeds=SEEDS)
    simulator.reset()
    model, data = simulator.pose(4)
    state = np.zeros(mujoco.mj_stateSize(model, FULL))
    draw = torch.Generator().manual_seed(0)
    for _ in range(40):
        actions = torch.rand(7, 2, generator=draw) * 2 - 1
        frame = simulator.step(actions)
        data.ctrl[0] = float(actions[4, 0])  # -1 to 1
        data.ctrl[1] = -0.5 + 1.5 * float(actions[4, 1])  # -2 to 1
        data.qacc_warmstart[:] = 0
        mujoco.mj_step(model, data, nstep=5)
        mujoco.mj_getState(model, data, state, FULL)
        expected = torch.from_numpy(np.concatenate([data.qpos, data.qvel]).astype(np.float32))
        assert torch.equal(frame.obs["obs"][4], expected)


def test_nothing_sleeps(task: Build, make: Make, tmp_path: Path) -> None:
    """Whether something sleeps is in no state, so that it would depend on who was stepped before."""
    (tmp_path / "m.xml").write_text(
        '<mujoco><option><flag sleep="enable"/></option><worldbody><body><joint name="j"/><geom size=".1"/></body>'
        '</worldbody><actuator><motor joint="j" ctrlrange="-1 1"/></actuator></mujoco>'
    )
    model = make(task("m.xml", folder=tmp_path)).pose(0)[0]
    assert not model.opt.enableflags & int(mujoco.mjtEnableBit.mjENBL_SLEEP)


@pytest.mark.parametrize("threads", [2, 3, None])
def test_the_number_of_threads_changes_no_bit(threads: int | None, task: Build, make: Make) -> None:
    wanted = task(reset=START, randomise={"mass": [0.5, 1.5]}, steps=12)
    alone = make(wanted, "contact(sphere, floor).force", "body(arm).cvel", seeds=SEEDS, threads=1)
    others = make(wanted, "contact(sphere, floor).force", "body(arm).cvel", seeds=SEEDS, threads=threads)
    assert torch.equal(played(alone), played(others))


UNSTABLE: dict[str, Any] = {
    "edits": [{"set": "joint(hinge)", "stiffness": [1e9, 0, 0]}],  # a spring far too stiff for the time step
    "reset": {"noise": {"qpos": 0.1}},
}


def test_an_unstable_model_is_one_line_with_a_file_of_the_state(task: Build) -> None:
    with pytest.raises(ConfigError) as found:
        random_rollout(task(**UNSTABLE), sim.make, seed=0, num_envs=3, steps=20)
    told = re.fullmatch(
        r".*/t\.yaml: 'pendulum-v1\.xml': the model is unstable: NaN or a number beyond 1e10 at step (\d+) of "
        r"environment \d, in physics step \d of 5, fastest at joint '\w+' \(.*\)\. The bodies' state just before is in "
        r"(\S+\.json)\. Usual causes: .*",
        str(found.value),
    )
    assert told is not None
    kept = json.loads(Path(told[2]).read_text(encoding="utf-8"))
    Path(told[2]).unlink()
    assert kept["step"] == int(told[1])
    assert set(kept["bodies"]) >= {"cart", "pole"}
    assert set(kept["joints"]) >= {"slider", "hinge"}


def test_physics_that_breaks_under_a_policy_ends_its_episodes_and_no_run(task: Build, make: Make) -> None:
    """A policy may do what random actions never would; it is trained and judged by what it did until then."""
    simulator = make(task(**UNSTABLE))
    frames = [simulator.reset(), *(simulator.step(torch.zeros(3, 2)) for _ in range(40))]
    assert sum(int(frame.terminated.sum()) for frame in frames) > 3
    assert all(bool(frame.obs["obs"].isfinite().all()) for frame in frames)
    assert "the model is unstable" in str(simulator.unstable())
    assert make(task()).unstable() is None


def test_an_episode_whose_physics_breaks_once_in_a_long_while_ends(task: Build, make: Make) -> None:
    simulator = make(task(steps=10_000), "qpos")
    before = simulator.reset()
    for _ in range(1200):
        before = simulator.step(torch.zeros(3, 2))
    simulator.batch._states[1, 20] = 1e9  # what a wild policy does
    frame = simulator.step(torch.zeros(3, 2))
    assert frame.terminated.tolist() == [False, True, False]
    assert torch.isfinite(frame.obs["obs"]).all()
    assert before.obs["obs"].shape == frame.obs["obs"].shape
    after = simulator.step(torch.zeros(3, 2))
    assert after.started.tolist() == [False, True, False]
    assert torch.isfinite(after.obs["obs"]).all()
    assert simulator.unstable() is None


def test_broken_physics_leaves_no_log_and_no_warning(
    task: Build, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    simulator = make(task(steps=10_000), threads=2)
    simulator.reset()
    for _ in range(400):
        simulator.step(torch.zeros(3, 2))
    simulator.batch._states[:, 20] = 1e9
    simulator.step(torch.zeros(3, 2))
    told = str(simulator.unstable())
    Path(re.findall(r"\S+\.json", told)[0]).unlink()
    assert not list(tmp_path.iterdir())
    assert "WARNING" not in "".join(capfd.readouterr())
