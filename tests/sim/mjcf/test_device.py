"""What is made for a device stays on it: nothing of the CPU meets it, nothing of it is asked for.

Torch's device `meta` has shapes but no numbers, so whatever mixes devices or asks for a number fails on it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rewardsmith.interfaces import Frame
from rewardsmith.rollouts import Stepper
from rewardsmith.sim.mjcf import calls, declared, model, worlds
from rewardsmith.sim.mjcf import fields as names
from rewardsmith.sim.mjcf.control import Control
from rewardsmith.sim.mjcf.episodes import Episodes
from rewardsmith.sim.mjcf.expressions import Expressions
from rewardsmith.sim.mjcf.fields import Layout
from rewardsmith.types import Task

META = torch.device("meta")
FIELDS = ("qvel", "body(arm).cvel", "body(pole).xmat", "contact(sphere, floor).force", "command(place)", "info_by_code")
ENV: dict[str, Any] = {
    "reset": {"noise": {"qpos": 0.05}, "bodies": {"ball": {"yaw": [-3, 3]}}},
    "commands": {"place": {"low": [-1, -1, 0], "high": [1, 1, 1], "mocap": "goal", "every_s": 0.4}},
    "randomise": {"pushes": {"every_s": [1, 2], "velocity": 1}},
    "control": {"actuators": ["turn"]},
    "observation": ["qpos[3:5]", "qvel", "joint(slider).qpos", "clip(joint(hinge).qpos, -1, 1) ** 2", "ctrl", "time"],
    "terminated": ["abs(joint(hinge).qpos) > 0.3", "norm(site(tip).xpos) > atan2(1, 2)"],
    "code": "task.py",
}
CODE = """
READS = {"foot": "site(tip).xpos"}
def info_by_code(foot):
    return foot[:, 2].clamp(min=0.0)
def reset(qpos, qvel, uniform):
    qpos[:, 0] = uniform[:, 0]
    return qpos, qvel
"""


def test_all_that_a_task_declares_stays_on_the_device(
    task: Callable[..., Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TRIED", 0)  # only in the first frames are numbers compared
    (tmp_path / "task.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "m.xml").write_text((Path(__file__).parent.parent / "models" / "pendulum-v1.xml").read_text())
    built = task("m.xml", folder=tmp_path, **ENV)
    keys = declared.read(built)
    read = Expressions(built, keys, FIELDS)
    spec = model.specified(built, keys)
    names.demand(spec, read.wanted, commands=keys.commands)
    plain = model.compiled(built, spec)
    changes = worlds.changes(built, keys.randomise, plain)
    episodes = Episodes(built, keys, plain, worlds=len(changes), reset=read.code.reset, device=META)
    layout = Layout(plain, episodes.commands.places, device=META)
    read.bind(layout)
    seeds = episode = elapsed = torch.zeros(5, dtype=torch.int64, device=META)

    begun = episodes.begin(seeds, episode)
    kick, pause = episodes.push(seeds, episode, elapsed)
    due, fresh = episodes.commands.due(elapsed), episodes.fresh_commands(seeds, episode, elapsed)
    actions = torch.zeros(5, 1, device=META)
    ctrl = Control(built, keys.control, plain, rest=episodes.starts.ctrl, device=META).ctrl(actions)
    rows = torch.zeros(5, layout.width, device=META)
    layout.settle(rows)
    told = read.told(rows, actions)

    made = (begun.states, begun.commands, begun.push_at, kick, pause, due, fresh, ctrl, told.obs, told.terminated)
    assert all(tensor is not None and tensor.device == META for tensor in (*made, *told.info.values()))
    assert told.obs.shape == (5, 2 + plain.nv + 1 + 1 + plain.nu + 1)


class Elsewhere:
    """A simulator whose frames are not on the CPU."""

    num_envs = 3
    action_low, action_high = torch.tensor([-1.0]), torch.tensor([1.0])

    def reset(self) -> Frame:
        flag, number = torch.zeros(3, dtype=torch.bool, device=META), torch.zeros(3, device=META)
        return Frame(
            obs={"obs": number[:, None]}, info={}, reward=number, terminated=flag, truncated=flag, started=flag
        )

    def step(self, actions: torch.Tensor) -> Frame:
        assert actions.device == META
        return self.reset()

    def close(self) -> None:
        """Nothing is held."""


def test_rollouts_stay_on_the_device_where_they_are_wanted() -> None:
    stepper = Stepper(Elsewhere(), wanted=META)
    for _ in range(2):
        rollout = stepper.collect(lambda _, frame: frame.obs["obs"], 4)
        for tensor in (rollout.obs["obs"], rollout.led_by, rollout.reward, rollout.valid, rollout.elapsed):
            assert tensor.device == META
