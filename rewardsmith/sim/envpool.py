"""EnvPool: C++ environments stepped in batches on CPU threads.

EnvPool resets by itself: the step after `done` ignores the action and returns the reset observation (MetaWorld's with
a reward, which is dropped). Such frames are marked `started`, so that no rollout takes them for a transition.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith import opengl
from rewardsmith.errors import CannotRender, ConfigError, did_you_mean
from rewardsmith.interfaces import Frame, Picture
from rewardsmith.sim import disturbed
from rewardsmith.sim.frames import FrameMaker, float32, no_such_field, numeric
from rewardsmith.types import EnvSpec, Task

OURS = {"num_envs", "batch_size", "num_threads", "seed", "env_seed", "max_episode_steps"}
"""What EnvPool calls options and we decide ourselves."""


class EnvPoolSimulator:
    """A batch of one EnvPool id. Environment i is seeded with `env_seeds[i]` and never with its place in the batch.

    Raises: ConfigError: EnvPool has no such id, refuses the options, or its actions are not a bounded Box.
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
        self.num_envs = len(env_seeds)
        self._env = _make(task, env_seeds, threads, picture)
        self._where = task.path or task.name
        self._frames = FrameMaker(task, self.num_envs, info_fields, _field)
        space = self._env.action_space
        self._action_dtype, self._action_shape = space.dtype, (self.num_envs, *space.shape)
        self.action_low = torch.as_tensor(space.low, dtype=torch.float32).flatten()
        self.action_high = torch.as_tensor(space.high, dtype=torch.float32).flatten()

    @staticmethod
    def refuses(task: Task) -> str | None:
        """Why the world that `task.env.disturbance` asks for cannot be made; None where it can."""
        return disturbed.envpool_refuses(task)

    def reset(self) -> Frame:
        return self._frames.first(*self._env.reset())

    def step(self, actions: Tensor) -> Frame:
        batch = actions.numpy().astype(self._action_dtype).reshape(self._action_shape)
        return self._frames.next(*self._env.step(batch))

    def render(self, env: int) -> NDArray[np.uint8]:
        try:
            return np.array(self._env.render(env_ids=[env])[0], dtype=np.uint8)
        except (IndexError, NotImplementedError) as fault:
            raise ConfigError(f"{self._where}: EnvPool draws no such picture: {fault}.") from fault
        except RuntimeError as fault:
            if "not implemented" in str(fault):
                raise ConfigError(f"{self._where}: EnvPool draws no pictures of it.") from fault
            raise CannotRender(
                f"EnvPool cannot draw here: {fault}. `rewardsmith doctor` says what there is and what to install."
            ) from fault

    def close(self) -> None:
        self._env.close()


def _check(task: Task) -> None:
    """Refuse an id, options or actions that cannot be used, before anything is built."""
    import envpool
    import gymnasium

    where = task.path or task.name
    if task.env.id not in envpool.list_all_envs():
        raise ConfigError(
            f"{where}: EnvPool has no environment '{task.env.id}'.{did_you_mean(task.env.id, envpool.list_all_envs())}"
        )
    check_options(task.env, where=where)
    spec = envpool.make_spec(task.env.id)
    space = spec.gymnasium_action_space
    if not isinstance(space, gymnasium.spaces.Box) or not space.is_bounded():
        raise ConfigError(f"{where}: '{task.env.id}' has actions {space}; expected a Box with finite bounds.")


def check_options(env: EnvSpec, *, where: str = "") -> None:
    """Raises: ConfigError: EnvPool knows no such option for this id. `where`: the task that asks for it."""
    import envpool

    known = sorted(set(envpool.make_spec(env.id)._config_keys) - OURS)
    for name in env.options:
        if name not in known:
            raise ConfigError(
                f"{f'{where}: ' if where else ''}'{env.id}' takes no option '{name}'.{did_you_mean(name, known)} "
                f"Known: {', '.join(known)}."
            )


def _make(task: Task, env_seeds: Sequence[int], threads: int | None = None, picture: Picture | None = None) -> Any:
    looks = {} if picture is None else _looks(task, picture)  # before EnvPool is imported
    import envpool

    _check(task)
    try:
        with disturbed.envpool_options(task) as options:
            return envpool.make(
                task.env.id,
                env_type="gymnasium",
                num_envs=len(env_seeds),
                num_threads=min(len(env_seeds), threads or os.cpu_count() or 1),
                env_seed=[int(s) for s in env_seeds],
                max_episode_steps=task.episode_steps,
                **looks,
                **options,
            )
    except (TypeError, ValueError, AssertionError, RuntimeError) as fault:
        raise ConfigError(
            f"{task.path or task.name}: EnvPool cannot make '{task.env.id}' with options "
            f"{dict(task.env.options)}: {str(fault).splitlines()[0]}"
        ) from fault


def _looks(task: Task, picture: Picture) -> dict[str, Any]:
    """EnvPool's options for pictures. Raises: ConfigError: a camera's name. CannotRender: there is no OpenGL."""
    if isinstance(picture.camera, str):
        raise ConfigError(
            f"{task.path or task.name}: EnvPool knows cameras by their number alone; got '{picture.camera}'. "
            "Expected 0, 1, ..., or none for the environment's own view."
        )
    opengl.load_library()
    camera = -1 if picture.camera is None else picture.camera
    size = {"render_width": picture.width, "render_height": picture.height}
    return {"render_mode": "rgb_array", "render_camera_id": camera, **size}


def info_fields(task: Task) -> tuple[str, ...]:
    """Names of the numeric info entries that the environment returns."""
    env = _make(task, [0])
    _, info = env.reset()
    env.close()
    return tuple(sorted(_reported(info)))


def _reported(info: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """What the environment says of itself; `env_id` is EnvPool's own count."""
    return {name: value for name, value in numeric(info).items() if not name.endswith("env_id")}


def _field(info: Mapping[str, Any], name: str) -> Tensor:
    value: Any = info
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise no_such_field(name, _reported(info))
        value = value[part]
    return float32(value)
