"""The simulator of the backend `mjcf`: a model, all that a task declares around it, and a batch of environments of it.

How the batch is stepped is decided by `env.device`: on the CPU's threads (`threads.py`), or by MuJoCo Warp on a device,
where the frames then are (`device.py`). Environment i's random numbers come from its own seed alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith import opengl
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame, Picture
from rewardsmith.sim.mjcf import declared, fields, files, model, starts, varied, warp, worlds
from rewardsmith.sim.mjcf.control import Control
from rewardsmith.sim.mjcf.declared import MjcfKeys
from rewardsmith.sim.mjcf.device import DeviceBatch
from rewardsmith.sim.mjcf.episodes import Episodes
from rewardsmith.sim.mjcf.expressions import Expressions
from rewardsmith.sim.mjcf.fields import Layout
from rewardsmith.sim.mjcf.parts import Batch, Parts
from rewardsmith.sim.mjcf.physics import Physics
from rewardsmith.sim.mjcf.threads import ThreadBatch
from rewardsmith.sim.mjcf.worlds import Nominal, Worlds
from rewardsmith.sim.pictures import ModelPictures
from rewardsmith.types import Task

if mujoco.get_mju_user_warning() is None:
    mujoco.set_mju_user_warning(lambda _: None)  # else MUJOCO_LOG.TXT where one works; `faults.py` tells what broke


class MjcfSimulator:
    """A batch of environments of a task's own model; see docs/mjcf.md for what a task declares.

    Raises: ConfigError: a file is missing, the model does not compile, or a name or a declaration does not fit it.
    """

    def __init__(
        self,
        task: Task,
        *,
        env_seeds: Sequence[int],
        info_fields: Sequence[str],
        threads: int | None = None,
        picture: Picture | None = None,
    ) -> None:
        keys = declared.read(task)
        if keys.device != "cpu":
            warp.check(task, keys)
        self._task, self.num_envs = task, len(env_seeds)
        parts = _parts(task, keys, env_seeds, info_fields)
        self._starts_vary = parts.episodes.starts.varied
        actions = len(parts.control.driven)
        self.action_low, self.action_high = torch.full((actions,), -1.0), torch.full((actions,), 1.0)
        self._picture, self._drawings = picture or Picture(), dict[int, ModelPictures]()
        self.batch: Batch = _on_threads(parts, threads) if keys.device == "cpu" else _on_device(parts, keys)

    @staticmethod
    def refuses(task: Task) -> str | None:
        """Why the world that `task.env.disturbance` asks for cannot be made; None where it can."""
        wanted = task.env.disturbance
        if wanted is None or wanted.kind in ("mass", "friction"):
            return None
        if wanted.kind != "reset_noise":
            return f"MuJoCo cannot change {wanted.kind}."
        plain = MjcfSimulator(replace(task, env=replace(task.env, disturbance=None)), env_seeds=[0], info_fields=())
        plain.close()
        return None if plain._starts_vary else f"'{task.env.id}' begins alike each time: env.reset has no spread."

    files_of = staticmethod(files.files_of)

    def reset(self) -> Frame:
        return self.batch.reset()

    def step(self, actions: Tensor) -> Frame:
        return self.batch.step(actions)

    def unstable(self) -> ConfigError | None:
        """What is wrong where the physics broke in more than one of a thousand control steps since `reset`."""
        return self.batch.unstable()

    def render(self, env: int) -> NDArray[np.uint8]:
        opengl.choose()
        shown, data = self.pose(env)
        if env not in self._drawings:
            where = self._task.path or self._task.name
            self._drawings[env] = ModelPictures(shown, self._picture, where=where)
        return self._drawings[env].draw(data)

    def close(self) -> None:
        while self._drawings:
            self._drawings.popitem()[1].close()
        self.batch.close()

    def pose(self, environment: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """One environment's model and its data as it is now, positions brought up to date; for drawing it."""
        now = self.batch.standing(environment)
        data = now.data()
        mujoco.mj_forward(now.model, data)
        return now.model, data


# --- making the parts -----------------------------------------------------------------------------------------------


def _parts(task: Task, keys: MjcfKeys, env_seeds: Sequence[int], info_fields: Sequence[str]) -> Parts:
    """All that is declared, put together around the model."""
    read = Expressions(task, keys, info_fields)
    with _scene_gives_way():
        spec = model.specified(task, keys, edit=read.code.edit)
        _demand(task, keys, spec, read, asked=info_fields)
        whole = _nominal(task, keys, model.compiled(task, spec))
        slim = model.unseen(spec) if worlds.differ(keys.randomise) else None
    stepped = whole if slim is None else _nominal(task, keys, slim, whole=whole.model)
    plain, on = whole.model, warp.torch_device(keys)
    episodes = Episodes(task, keys, plain, worlds=len(whole.changes), reset=read.code.reset, device=on)
    layout = Layout(plain, episodes.commands.places, device=on)
    read.bind(layout)
    return Parts(
        task=task,
        whole=whole,
        stepped=stepped,
        seeds=torch.tensor([int(seed) for seed in env_seeds], dtype=torch.int64, device=on),
        episodes=episodes,
        control=Control(task, keys.control, plain, rest=episodes.starts.ctrl, device=on),
        layout=layout,
        read=read,
        steps=model.control_steps(task, plain),
    )


@contextmanager
def _scene_gives_way() -> Iterator[None]:
    """Where the options of model and scene differ, those of the model hold; MuJoCo need not warn of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Attach conflict")
        yield


def _nominal(task: Task, keys: MjcfKeys, compiled: mujoco.MjModel, *, whole: mujoco.MjModel | None = None) -> Nominal:
    compiled.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)  # a broken state is to be seen
    compiled.opt.enableflags &= ~int(mujoco.mjtEnableBit.mjENBL_SLEEP)  # who sleeps is in no state
    worlds.disturb(compiled, task.env.disturbance)
    starts.place_mocap(task, keys, compiled)
    return Nominal(task, keys.randomise, compiled, whole=whole)


def _demand(task: Task, keys: MjcfKeys, spec: Any, read: Expressions, *, asked: Sequence[str]) -> None:
    """Have the model tell all that is read of it; a fault in what nobody asked for stands in `env:`."""
    fields.demand(spec, [name for name in read.wanted if name in asked], commands=keys.commands)
    try:
        fields.demand(spec, read.wanted, commands=keys.commands)
    except ConfigError as fault:
        raise declared.refused(task, f"env.observation, env.terminated or env.code: {fault}") from fault


def _on_threads(parts: Parts, threads: int | None) -> ThreadBatch:
    each = Worlds(parts.whole, parts.stepped, len(parts.seeds))
    return ThreadBatch(parts, each, Physics(each.models, steps=parts.steps, threads=threads))


def _on_device(parts: Parts, keys: MjcfKeys) -> DeviceBatch:
    stepped = parts.stepped
    physics = warp.WarpPhysics(
        parts.task,
        stepped.model,
        len(parts.seeds),
        steps=parts.steps,
        device=parts.seeds.device,
        buffers=keys.buffers,
        varied=varied.varied_fields(stepped.changes, stepped.model),
    )
    return DeviceBatch(parts, varied.VariedWorlds(parts.whole, stepped, parts.seeds, physics), physics)
