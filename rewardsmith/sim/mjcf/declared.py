"""What `env:` of a task file may declare for the backend `mjcf`. It knows the words, not the model they are about.

Reading needs neither MuJoCo nor torch. How each is used is told in docs/mjcf.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rewardsmith import yamlfile
from rewardsmith.config import Settings
from rewardsmith.errors import ConfigError
from rewardsmith.types import EnvSpec, Task
from rewardsmith.yamlfile import Place

NOT_OPTIONS = {"backend", "model"}
"""Keys of `env:` that an `EnvSpec` has fields of its own for."""


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"is {list(pair)}; write the lower end first.")
    return pair


def _twice(names: Iterable[str]) -> str | None:
    """A name that stands there more than once."""
    return next((name for name, times in Counter(names).items() if times > 1), None)


def _positive(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] <= 0:
        raise ValueError(f"is {list(pair)}; expected numbers above 0.")
    return pair


Expression = Annotated[str, BeforeValidator(_as_text)]
Expressions = Annotated[tuple[Expression, ...], BeforeValidator(_as_list)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_as_list)]
Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
Factors = Annotated[tuple[float, float], AfterValidator(_ordered), AfterValidator(_positive)]


class ControlKeys(Settings):
    """How an action becomes MuJoCo's `ctrl`."""

    actuators: tuple[str, ...] | None = Field(
        None, min_length=1, description="which an action drives, in this order; all by default"
    )
    scale: Numbers | None = Field(
        None,
        description="ctrl = default + scale * action, one number or one an actuator; by default -1 to 1 is ctrlrange",
    )
    default: Numbers | None = Field(None, description="the ctrl of action 0; by default that of the keyframe, else 0")
    physics_dt_s: float | None = Field(None, gt=0, description="the physics time step, instead of the model's own")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.default is not None and self.scale is None:
            raise ValueError("has a default but no scale, without which it counts for nothing. Add scale.")
        twice = _twice(self.actuators or ())
        if twice is not None:
            raise ValueError(f"drives actuator '{twice}' twice; name each once.")
        return self


class CommandKeys(Settings):
    """Numbers drawn uniformly for each episode: a goal, or a command that changes every `every_s` seconds."""

    low: Numbers = Field(min_length=1, description="lower ends, one number or a list")
    high: Numbers = Field(description="upper ends, as many")
    every_s: float | None = Field(None, gt=0, description="drawn anew after so many seconds; null: once an episode")
    mocap: str | None = Field(None, description="a mocap body that is put there, so that it is seen")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if len(self.low) != len(self.high) or any(a > b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError(
                f"has low {list(self.low)} and high {list(self.high)}; expected as many of each, in order."
            )
        return self


class NoiseKeys(Settings):
    """Uniform noise around the start, to either side."""

    qpos: float = Field(0.0, ge=0)
    qvel: float = Field(0.0, ge=0)


class JointStart(Settings):
    """A joint's start, drawn uniformly; the list `[low, high]` alone is of its position."""

    qpos: Range | None = None
    qvel: Range | None = None


class BodyStart(Settings):
    """How far from its start a body with a free joint begins, drawn uniformly: m, rad, m/s."""

    x: Range | None = None
    y: Range | None = None
    z: Range | None = None
    roll: Range | None = None
    pitch: Range | None = None
    yaw: Range | None = None
    vx: Range | None = None
    vy: Range | None = None
    vz: Range | None = None


def _as_joint_start(value: object) -> object:
    return {"qpos": value} if isinstance(value, list | tuple) else value


class ResetKeys(Settings):
    """Where episodes begin."""

    keyframe: str | None = Field(None, description="the model's keyframe; null: its qpos0")
    noise: NoiseKeys = NoiseKeys()
    joints: dict[str, Annotated[JointStart, BeforeValidator(_as_joint_start)]] = Field(default_factory=dict)
    bodies: dict[str, BodyStart] = Field(default_factory=dict)


class PushKeys(Settings):
    """Sudden changes of a free body's velocity, in a random direction along the ground."""

    body: str | None = Field(None, description="which; by default the first with a free joint")
    every_s: Factors = Field(description="seconds between two, drawn uniformly")
    velocity: float = Field(gt=0, description="at most so many m/s")


class RandomiseKeys(Settings):
    """How worlds differ from episode to episode: factors, for all or by name."""

    mass: Factors | dict[str, Factors] | None = Field(None, description="of bodies, inertia included")
    friction: Factors | dict[str, Factors] | None = Field(
        None, description="sliding friction of geoms; of two that touch the larger counts"
    )
    damping: Factors | dict[str, Factors] | None = Field(None, description="of joints")
    gain: Factors | dict[str, Factors] | None = Field(None, description="strength of actuators")
    pushes: PushKeys | None = None


class EditKeys(Settings):
    """One change of the model: `set` or `delete` an element, or `add` one; all other words are attributes.

    E.g. `{set: geom(foot), friction: [1.5, 0.005, 0.0001]}`.
    """

    set: str | None = Field(None, description="e.g. geom(foot); or option")
    delete: str | None = Field(None, description="e.g. body(arm)")
    add: Literal["geom", "site", "camera", "light"] | None = Field(None, description="what is put on the body `to`")
    to: str = Field("world", description="the body that gets what is added")
    values: dict[str, Any] = Field(default_factory=dict, description="attributes, as MjSpec calls them")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: object) -> object:
        """Attributes stand beside the other keys in a file."""
        if not isinstance(given, dict):
            return given
        ours = {key: value for key, value in given.items() if key in cls.model_fields}
        others = {key: value for key, value in given.items() if key not in cls.model_fields}
        return {**ours, "values": {**ours.get("values", {}), **others}}

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(word is not None for word in (self.set, self.delete, self.add)) != 1:
            raise ValueError("takes exactly one of set, delete and add, e.g. {set: geom(foot), friction: [1, 0, 0]}.")
        return self


class BufferKeys(Settings):
    """Room for contacts and constraints on a GPU, a world; by default a multiple of what a random play has."""

    contacts: int | None = Field(None, ge=1)
    constraints: int | None = Field(None, ge=1)


class MjcfKeys(Settings):
    """`env:` of the backend `mjcf`."""

    backend: Literal["mjcf"] = Field(description="mjcf: MuJoCo itself, on a model of your own")
    model: str = Field(min_length=1, description="an MJCF or URDF file beside the task, or a robot by name")
    scene: str | None = Field(None, description="flat (ground and light), or an MJCF file that is put around the model")
    edits: tuple[EditKeys, ...] = Field((), description="changes of the model, in order")
    code: str | None = Field(None, description="a Python file beside the task, for what cannot be declared")
    files: tuple[str, ...] = Field((), description="other files beside the task that its code reads")
    control: ControlKeys = Field(default_factory=ControlKeys, description="how an action becomes ctrl")
    observation: Expressions = Field(
        ("qpos", "qvel"), min_length=1, description="what the policy sees: signals by name, or expressions"
    )
    commands: dict[str, CommandKeys] = Field(default_factory=dict, description="numbers drawn for each episode")
    reset: ResetKeys = Field(default_factory=ResetKeys, description="where episodes begin")
    terminated: Expressions = Field((), description="an episode is over where one of these is not 0")
    device: Literal["cpu", "cuda", "warp-cpu"] = Field(
        "cpu",
        description="cpu: MuJoCo; cuda: MuJoCo Warp on a GPU; warp-cpu: the same code on the CPU, slow, for tests",
    )
    buffers: BufferKeys = Field(default_factory=BufferKeys, description="room on a GPU for contacts and constraints")
    randomise: RandomiseKeys = Field(default_factory=RandomiseKeys, description="how worlds differ between episodes")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        twice = _twice(command.mocap for command in self.commands.values() if command.mocap is not None)
        if twice is not None:
            raise ValueError(f"has two commands that put the mocap body '{twice}' somewhere; leave one.")
        return self


def env_spec(keys: MjcfKeys) -> EnvSpec:
    """The same as a task's `EnvSpec`: the model is its id, all else plain JSON in its options."""
    options = keys.model_dump(mode="json", exclude_unset=True, exclude=NOT_OPTIONS)
    return EnvSpec(backend="mjcf", id=keys.model, options=options)


def read(task: Task) -> MjcfKeys:
    """The declarations of a task.

    Raises: ConfigError: an option is unknown or does not fit.
    """
    given = {"backend": "mjcf", "model": task.env.id, **task.env.options}
    return yamlfile.check(MjcfKeys, given, at=_at(task))


def refused(task: Task, message: str) -> ConfigError:
    """An error about the model of a task."""
    return ConfigError(f"{_at(task)(())}: {message}")


def _at(task: Task) -> Callable[[Place], str]:
    return lambda _: f"{task.path or task.name}: '{task.env.id}'"
