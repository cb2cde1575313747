"""When physics breaks: finding out where, keeping the state in a file, and saying so in one line."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import mujoco
import numpy as np

from rewardsmith.errors import ConfigError
from rewardsmith.sim.mjcf.declared import refused
from rewardsmith.sim.mjcf.parts import Broke
from rewardsmith.types import Task

TOLERATED = 1000
"""One in so many control steps may break under random actions; the episode then ends. More is a bad model."""


def unstable(task: Task, broke: Broke, *, steps: int) -> ConfigError:
    """The error for a control step of `steps` physics steps that broke; the bodies' state is written to a file."""
    model, environment, step = broke.standing.model, broke.environment, broke.step
    data = broke.standing.data()
    number, before = 0, _told(model, data)
    for number in range(steps):  # noqa: B007 - the step it broke in is told
        before = _told(model, data)
        mujoco.mj_step(model, data)
        if any(warning.number for warning in data.warning) or not np.isfinite(data.qpos).all():
            break
    fastest = int(np.nan_to_num(np.abs(data.qacc), nan=np.inf).argmax())
    joint = model.joint(int(model.dof_jntid[fastest])).name or f"number {int(model.dof_jntid[fastest])}"
    warned = [mujoco.mjtWarning(i).name.removeprefix("mjWARN_") for i, w in enumerate(data.warning) if w.number]
    file = _keep({"step": step, "environment": environment, "physics_step": number, "warnings": warned, **before})
    return refused(
        task,
        f"the model is unstable: NaN or a number beyond 1e10 at step {step} of environment {environment}, in physics "
        f"step {number + 1} of {steps}, fastest at joint '{joint}' ({', '.join(warned) or 'no warning'}). The bodies' "
        f"state just before is in {file}. Usual causes: a time step that is too long (env.control.physics_dt_s), "
        "actuators that are too strong, or bodies that begin within one another.",
    )


def _told(model: mujoco.MjModel, data: mujoco.MjData) -> dict[str, object]:
    """What a person needs to see: joints and bodies by name, and the numbers to start again from."""
    return {
        "time": data.time,
        "qpos": data.qpos.tolist(),
        "qvel": data.qvel.tolist(),
        "ctrl": data.ctrl.tolist(),
        "bodies": {
            model.body(i).name or str(i): {"xpos": data.xpos[i].tolist(), "xquat": data.xquat[i].tolist()}
            for i in range(1, model.nbody)
        },
        "joints": {
            model.joint(i).name or str(i): {
                "qpos": float(data.qpos[model.jnt_qposadr[i]]),
                "qvel": float(data.qvel[model.jnt_dofadr[i]]),
            }
            for i in range(model.njnt)
        },
    }


def _keep(told: dict[str, object]) -> Path:
    with tempfile.NamedTemporaryFile(
        "w", prefix="rewardsmith-unstable-", suffix=".json", delete=False, encoding="utf-8"
    ) as file:
        json.dump(told, file, indent=1)
    return Path(file.name)
