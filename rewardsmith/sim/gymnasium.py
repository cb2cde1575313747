"""Gymnasium: any registered id, stepped in one process; for environments that EnvPool lacks.

Gymnasium's vector environments reset on the step after `done` (NEXT_STEP), the same rule as EnvPool's.
"""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith import opengl
from rewardsmith.errors import CannotRender, ConfigError, RewardsmithError, did_you_mean
from rewardsmith.interfaces import Frame, Picture
from rewardsmith.sim import disturbed, faults
from rewardsmith.sim.frames import FrameMaker, float32, no_such_field, numeric
from rewardsmith.sim.pictures import ModelPictures, camera_number, prepare
from rewardsmith.sim.spaces import refuse_observations
from rewardsmith.types import Disturbance, EnvSpec, Task


class GymnasiumSimulator:
    """A batch of one registered Gymnasium id with a continuous action space.

    An info field must be reported by an episode's first step; where it is not reported later, it reads as zeros. It
    steps in the caller's thread, whatever `threads` says. Actions are cut to the bounds, which rounding may leave.

    Raises: ConfigError: no such id, an option it refuses, actions that are not a bounded Box, or observations that no
    policy can read; and whatever else the environment raises when it is made, reset or stepped.
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
        self._env = _make(task, self.num_envs, asked=info_fields, picture=picture)
        space = self._env.single_action_space
        if not isinstance(space, gymnasium.spaces.Box) or not space.is_bounded():
            self._env.close()
            raise ConfigError(
                f"{task.path or task.name}: '{task.env.id}' has actions {space}; expected a Box with finite bounds."
            )
        try:
            observed, seen = self._env.single_observation_space, task.env.observation
            refuse_observations(task.env.id, observed, seen=seen, where=task.path or task.name)
        except ConfigError:
            self._env.close()
            raise
        self._action_shape = (self.num_envs, *space.shape)
        self._action_space = space
        self.action_low = torch.as_tensor(space.low, dtype=torch.float32).flatten()
        self.action_high = torch.as_tensor(space.high, dtype=torch.float32).flatten()
        self._frames = FrameMaker(task, self.num_envs, info_fields, self._field)
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._where, self._id, self._picture = task.path or task.name, task.env.id, picture
        self._drawn = [_set_up(env.unwrapped, picture, self._where) for env in self._env.envs] if picture else []
        self._models = [getattr(env.unwrapped, "model", None) for env in self._env.envs]

    @staticmethod
    def refuses(task: Task) -> str | None:
        """Why the world that `task.env.disturbance` asks for cannot be made; None where it can."""
        wanted = task.env.disturbance
        if wanted is not None and wanted.kind in disturbed.PHYSICS:
            return _physics_refused(task, wanted)
        return disturbed.gymnasium_refuses(task, defaults=_defaults(task))

    @staticmethod
    def unreported(task: Task, fields: Sequence[str]) -> tuple[str, ...]:
        """Those of the info `fields` that a reset does not report, so that they read as zeros there."""
        env = _make(task, 1)
        with faults.told(task.env.id, "be reset", where=task.path or task.name):
            _, info = env.reset(seed=0)
        env.close()
        known = numeric(info)
        return tuple(field for field in fields if field not in known)

    def reset(self) -> Frame:
        self._shapes = self._reported()
        return self._frames.first(*self._reset())

    def step(self, actions: Tensor) -> Frame:
        return self._frames.next(*self._step(actions))

    def render(self, env: int) -> NDArray[np.uint8]:
        place = self._env.envs[env]
        if self._drawn[env] is None:
            return self._own_picture(place)
        return self._pictures(env, place.unwrapped.model).draw(place.unwrapped.data)

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

    def _reset(self) -> Any:
        with faults.told(self._id, "be reset", where=self._where):
            return self._env.reset(seed=self._seeds)

    def _step(self, actions: Tensor) -> Any:
        space = self._action_space
        batch = actions.numpy().astype(space.dtype).reshape(self._action_shape)
        try:
            return self._env.step(np.clip(batch, space.low, space.high))
        except Exception as fault:
            raise faults.refused(self._id, "be stepped", fault, where=self._where) from fault

    def _own_picture(self, place: Any) -> NDArray[np.uint8]:
        """What the environment draws of itself. Raises: CannotRender: it cannot, or what it returns is no picture."""
        try:
            pixels = place.render()
        except RewardsmithError:
            raise
        except Exception as fault:  # e.g. pygame is not installed
            raise CannotRender(f"'{self._id}' cannot draw here: {faults.kind_and_reason(fault)}") from fault
        if (found := _as_rgb(pixels)) is None:
            raise CannotRender(
                f"'{self._id}' draws no picture: its render() returned {_told(pixels)}; expected a NumPy array of "
                "shape (height, width, 3), RGB as uint8 from 0 to 255."
            )
        return found

    def _pictures(self, env: int, model: Any) -> ModelPictures:
        """What draws the environment's model; another than before where a reset made another model."""
        drawn = self._drawn[env]
        assert drawn is not None
        assert self._picture is not None
        if model is not self._models[env]:
            drawn.close()
            drawn = self._drawn[env] = ModelPictures(model, self._picture, where=self._where)
            self._models[env] = model
        return drawn

    def _reported(self) -> dict[str, tuple[int, ...]]:
        """The shape of each info field, from a first step that is then taken back: a reset reports little."""
        if not self._info_fields:
            return {}
        self._reset()
        *_, info = self._step(((self.action_low + self.action_high) / 2).expand(self.num_envs, -1))
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
    """Names of the numeric info entries that an episode's first step returns.

    Raises: ConfigError: the environment cannot be made, reset or stepped.
    """
    env = _make(task, 1)
    env.action_space.seed(0)
    with faults.told(task.env.id, "be reset"):
        env.reset(seed=0)
    with faults.told(task.env.id, "be stepped"):
        *_, info = env.step(env.action_space.sample())
    env.close()
    return tuple(sorted(numeric(info)))


def _make(task: Task, num_envs: int, *, asked: Sequence[str] = (), picture: Picture | None = None) -> Any:
    import gymnasium

    from rewardsmith.sim.infos import FloatInfo, Shapes

    if "max_episode_steps" in task.env.options:
        raise ConfigError(
            f"{task.path or task.name}: '{task.env.id}' takes no option 'max_episode_steps': the task's episode_steps "
            "says how long an episode is."
        )

    def one() -> Any:
        changed = disturbed.gymnasium_options(task, defaults=_defaults(task)) | drawing
        env = gymnasium.make(task.env.id, max_episode_steps=task.episode_steps, **changed)
        disturbed.change_physics(env, task.env.disturbance)
        return FloatInfo(env, asked=asked, shapes=shapes)

    shapes: Shapes = {}
    try:
        drawing = {"render_mode": "rgb_array"} if picture is not None and _draws_if_asked(task) else {}
        return gymnasium.vector.SyncVectorEnv([one] * num_envs)
    except Exception as fault:
        raise cannot_make(task.env, fault, where=task.path or task.name) from fault


def cannot_make(env: EnvSpec, fault: Exception, *, where: str = "", also: Sequence[str] = ()) -> RewardsmithError:
    """What to raise for what Gymnasium raised. `where`: the task that asks for it; `also`: ids that EnvPool knows,
    where that was asked first."""
    import gymnasium

    asker, options = f"{where}: " if where else "", dict(env.options)
    if isinstance(fault, gymnasium.error.Error | ImportError) and not faults.place(fault):
        reason = faults.reason(fault).partition(" Did you mean")[0].rstrip(".")
        return ConfigError(
            f"{asker}{'Neither EnvPool nor Gymnasium can' if also else 'Gymnasium cannot'} make '{env.id}': {reason}."
            f"{did_you_mean(env.id, [*also, *gymnasium.registry])} "
            "An environment of your own is named as module:Id, the module lying on PYTHONPATH and registering it."
        )
    if options and isinstance(fault, TypeError | ValueError | OSError) and not isinstance(fault, RewardsmithError):
        at = f" ({found})" if (found := faults.place(fault)) else ""
        return ConfigError(
            f"{asker}'{env.id}' refuses its options {options}: {faults.reason(fault)}{at}{_better_option(env)}"
        )
    return faults.refused(env.id, "be made", fault, where=where)


def _better_option(env: EnvSpec) -> str:
    """` Did you mean 'x'?` for the first option that the environment does not name, or an empty string."""
    try:
        known = _parameters(env)
    except Exception:  # noqa: BLE001 - a module that cannot be imported is told of already
        return ""
    strange = [name for name in env.options if name not in known]
    return did_you_mean(strange[0], known) if strange and known else ""


def _parameters(env: EnvSpec) -> Mapping[str, inspect.Parameter]:
    """What the environment's class can be called with; empty where it is not known."""
    creator = _creator(env)
    return {} if creator is None else inspect.signature(creator).parameters


def _creator(env: EnvSpec) -> Any:
    """The environment's class, or the function that makes it; None where it is not known."""
    from gymnasium.envs.registration import load_env_creator

    creator = _registered(env).entry_point
    return load_env_creator(creator) if isinstance(creator, str) else creator


def _registered(env: EnvSpec) -> Any:
    """Gymnasium's own entry for the id; `package:Id-v0` is registered once the package is imported."""
    from gymnasium.envs.registration import spec

    module, _, name = env.id.rpartition(":")
    if module:
        importlib.import_module(module)
    return spec(name)


def _defaults(task: Task) -> dict[str, float]:
    """The parameters of the environment's class that are numbers by default, or as it is registered."""
    values = {name: p.default for name, p in _parameters(task.env).items()} | _registered(task.env).kwargs
    return {n: float(v) for n, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)}


def _physics_refused(task: Task, wanted: Disturbance) -> str | None:
    """Why the environment's masses or frictions cannot be changed; found out on one of them, which is reset once."""
    with closing(_make(replace(task, env=replace(task.env, disturbance=None)), 1)) as plain:
        [env] = plain.envs
        if not _shows_model(env.unwrapped):
            return f"'{task.env.id}' shows no MuJoCo model as 'model' and 'data' whose {wanted.kind} could be changed."
        with faults.told(task.env.id, f"be reset with another {wanted.kind}", where=task.path or task.name):
            kept = disturbed.keeps_changed_physics(env, wanted)
    return None if kept else f"'{task.env.id}' sets its own {wanted.kind} at each reset, so that no change of it lasts."


# --- pictures -------------------------------------------------------------------------------------------------------


def _draws_if_asked(task: Task) -> bool:
    """Whether the environment says that it draws pictures of itself, and can be asked to when it is made."""
    creator, parameters = _creator(task.env), _parameters(task.env)
    if "render_mode" not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return False
    metadata = creator.metadata if hasattr(creator, "metadata") else _metadata(task)
    return isinstance(metadata, Mapping) and "rgb_array" in metadata.get("render_modes", ())


def _metadata(task: Task) -> Any:
    """What an environment that a function makes says of itself."""
    import gymnasium

    options: dict[str, Any] = dict(task.env.options)
    env = gymnasium.make(task.env.id, **options)
    env.close()
    return env.metadata


def _as_rgb(pixels: object) -> NDArray[np.uint8] | None:
    """A copy of a picture as `(height, width, 3)` without its alpha; None where it is no picture."""
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or not pixels.size:
        return None
    if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 255:
        return None
    return np.array(pixels[..., :3], dtype=np.uint8)


def _told(pixels: object) -> str:
    if isinstance(pixels, np.ndarray):
        return f"an array of shape {pixels.shape}, {pixels.dtype}"
    return "None" if pixels is None else f"a {type(pixels).__name__}"


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
