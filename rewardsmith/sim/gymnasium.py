"""Gymnasium: any registered id, stepped in one process; for environments that EnvPool lacks.

Gymnasium's vector environments reset on the step after `done` (NEXT_STEP), the same rule as EnvPool's.
"""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from rewardsmith.sim.pictures import ModelPictures, camera_number, prepare
from rewardsmith.types import Task


class GymnasiumSimulator:
    """A batch of one registered Gymnasium id with a continuous action space.

    An info field must be reported by an episode's first step; where it is not reported later, it reads as zeros. It
    steps in the caller's thread, whatever `threads` says.

    Raises: ConfigError: no such id, an option it refuses, or actions that are not a bounded Box.
    """

    def __init__(
        self,
        task: Task,
        *,
        env_seeds: Sequence[int],
        info_fields: Sequence[str],
        threads: int | None = None,  # noqa: ARG002 - it has none of its own
        picture: Picture | None = None,
    ) -> None:
        import gymnasium

        self.num_envs = len(env_seeds)
        self._seeds = [int(s) for s in env_seeds]
        self._info_fields = tuple(info_fields)
        self._env = _make(task, self.num_envs, picture)
        space = self._env.single_action_space
        if not isinstance(space, gymnasium.spaces.Box) or not space.is_bounded():
            self._env.close()
            raise ConfigError(
                f"{task.path or task.name}: '{task.env.id}' has actions {space}; expected a Box with finite bounds."
            )
        self._action_shape = (self.num_envs, *space.shape)
        self._action_dtype = space.dtype
        self.action_low = torch.as_tensor(space.low, dtype=torch.float32).flatten()
        self.action_high = torch.as_tensor(space.high, dtype=torch.float32).flatten()
        self._frames = FrameMaker(task, self.num_envs, info_fields, self._field)
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._where = task.path or task.name
        self._drawn = [_set_up(env.unwrapped, picture, self._where) for env in self._env.envs] if picture else []

    @staticmethod
    def refuses(task: Task) -> str | None:
        """Why the world that `task.env.disturbance` asks for cannot be made; None where it can."""
        plain = _make(replace(task, env=replace(task.env, disturbance=None)), 1)
        has_model = hasattr(getattr(plain.envs[0].unwrapped, "model", None), "body_mass")
        plain.close()
        return disturbed.gymnasium_refuses(task, defaults=_defaults(task), has_model=has_model)

    def reset(self) -> Frame:
        self._shapes = self._reported()
        return self._frames.first(*self._env.reset(seed=self._seeds))

    def step(self, actions: Tensor) -> Frame:
        batch = actions.numpy().astype(self._action_dtype).reshape(self._action_shape)
        return self._frames.next(*self._env.step(batch))

    def render(self, env: int) -> NDArray[np.uint8]:
        import gymnasium

        drawn, place = self._drawn[env], self._env.envs[env]
        try:
            pixels = place.render() if drawn is None else drawn.draw(place.unwrapped.data)
        except gymnasium.error.Error as fault:  # e.g. pygame is not installed
            raise CannotRender(f"{place.spec.id} cannot draw here: {str(fault).splitlines()[0]}") from fault
        return np.array(pixels, dtype=np.uint8)

    def pose(self, env: int) -> tuple[Any, Any]:
        place = self._env.envs[env].unwrapped
        if not _shows_model(place):
            raise ConfigError(f"{self._where}: the environment shows no MuJoCo model as 'model' and 'data'.")
        return place.model, copy.copy(place.data)

    def close(self) -> None:
        for drawn in self._drawn:
            if drawn is not None:
                drawn.close()
        self._env.close()

    def _reported(self) -> dict[str, tuple[int, ...]]:
        """The shape of each info field, from a first step that is then taken back: a reset reports little."""
        if not self._info_fields:
            return {}
        self._env.reset(seed=self._seeds)
        still = ((self.action_low + self.action_high) / 2).expand(self.num_envs, -1)
        *_, info = self._env.step(still.numpy().astype(self._action_dtype).reshape(self._action_shape))
        known = numeric(info)
        for name in self._info_fields:
            if name not in known:
                raise no_such_field(name, known)
        return {name: known[name].shape[1:] for name in self._info_fields}

    def _field(self, info: Mapping[str, Any], name: str) -> Tensor:
        """One info entry, zeros where an environment did not report it (most report nothing at a reset)."""
        found = numeric(info).get(name)
        return torch.zeros(self.num_envs, *self._shapes[name]) if found is None else float32(found)


def info_fields(task: Task) -> tuple[str, ...]:
    """Names of the numeric info entries that an episode's first step returns."""
    env = _make(task, 1)
    env.action_space.seed(0)
    env.reset(seed=0)
    *_, info = env.step(env.action_space.sample())
    env.close()
    return tuple(sorted(numeric(info)))


def _make(task: Task, num_envs: int, picture: Picture | None = None) -> Any:
    import gymnasium

    options: dict[str, Any] = dict(task.env.options)

    def one() -> Any:
        changed = disturbed.gymnasium_options(task, defaults=_defaults(task))
        if picture is not None and _draws(task):
            changed |= {"render_mode": "rgb_array"}
        env = gymnasium.make(task.env.id, max_episode_steps=task.episode_steps, **changed)
        disturbed.change_physics(env, task.env.disturbance)
        return env

    try:
        return gymnasium.vector.SyncVectorEnv([one] * num_envs)
    except (gymnasium.error.Error, ImportError) as fault:
        reason = str(fault).splitlines()[0].partition(" Did you mean")[0]
        raise ConfigError(
            f"{task.path or task.name}: Gymnasium cannot make '{task.env.id}': {reason}"
            f"{did_you_mean(task.env.id, gymnasium.registry)}"
        ) from fault
    except (TypeError, ValueError, OSError) as fault:
        raise ConfigError(
            f"{task.path or task.name}: '{task.env.id}' refuses its options {options}: {str(fault).splitlines()[0]}"
            f"{_better_option(task)}"
        ) from fault


def _better_option(task: Task) -> str:
    """` Did you mean 'x'?` for the first option that the environment does not name, or an empty string."""
    known = _parameters(task)
    strange = [name for name in task.env.options if name not in known]
    return did_you_mean(strange[0], known) if strange and known else ""


def _parameters(task: Task) -> Mapping[str, inspect.Parameter]:
    """What the environment's class can be called with; empty where it is not known."""
    creator = _creator(task)
    return {} if creator is None else inspect.signature(creator).parameters


def _creator(task: Task) -> Any:
    """The environment's class, or the function that makes it; None where it is not known."""
    from gymnasium.envs.registration import load_env_creator, spec

    module, _, name = task.env.id.rpartition(":")  # `package:Id-v0` is registered once the package is imported
    if module:
        importlib.import_module(module)
    creator = spec(name).entry_point
    return load_env_creator(creator) if isinstance(creator, str) else creator


def _defaults(task: Task) -> dict[str, float]:
    """The parameters of the environment's class whose defaults are numbers."""
    numbers = {name: p.default for name, p in _parameters(task).items()}
    return {n: float(v) for n, v in numbers.items() if isinstance(v, int | float) and not isinstance(v, bool)}


# --- pictures -------------------------------------------------------------------------------------------------------


def _draws(task: Task) -> bool:
    """Whether the environment says that it draws pictures of itself."""
    metadata = getattr(_creator(task), "metadata", None)
    return isinstance(metadata, Mapping) and "rgb_array" in metadata.get("render_modes", ())


def _set_up(env: Any, picture: Picture, where: str) -> ModelPictures | None:
    """Ready one environment for pictures; what draws its model where it does not draw itself.

    Raises: ConfigError: it neither draws nor shows a MuJoCo model, or has no such camera. CannotRender: no OpenGL.
    """
    renderer, drawn = getattr(env, "mujoco_renderer", None), env.render_mode == "rgb_array"
    if drawn and renderer is not None:
        opengl.choose()
        prepare(env.model, picture)
        renderer.width, renderer.height = picture.width, picture.height
        if picture.camera is not None:
            renderer.camera_id = camera_number(env.model, picture.camera, where)
        return None
    if drawn:
        if picture.camera is not None:
            raise ConfigError(f"{where}: the environment draws itself, from where it likes; got '{picture.camera}'.")
        return None
    if not _shows_model(env):
        raise ConfigError(
            f"{where}: the environment has no render mode 'rgb_array', and shows no MuJoCo model as 'model' and 'data'."
        )
    opengl.choose()
    return ModelPictures(env.model, picture, where=where)


def _shows_model(env: Any) -> bool:
    return hasattr(getattr(env, "model", None), "body_mass") and hasattr(getattr(env, "data", None), "qpos")
