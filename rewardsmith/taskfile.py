"""Task files: `task.yaml` to a validated `types.Task` and the settings the task prefers.

Two checks, apart because the first must not load torch or a simulator: `load` proves the file consistent in itself,
`check_against` compares it with what its environment really returns. Either tells all faults that do not follow from
one another, each as `path:line: what is wrong`. How rollouts are read is the business of `readings.py`, how settings
merge that of `config.py`.
"""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, model_validator

from rewardsmith import resources, sources, yamlfile
from rewardsmith.config import (
    AdviceSettings,
    FeedbackSettings,
    HumanSettings,
    JudgeSettings,
    Layer,
    LimitSettings,
    PoolSettings,
    ProposeSettings,
    RefitSettings,
    ScreenSettings,
    SearchSettings,
    Settings,
    TrainSettings,
    VerifySettings,
)
from rewardsmith.errors import did_you_mean
from rewardsmith.sim import BACKENDS
from rewardsmith.sim.mjcf import declared as mjcf
from rewardsmith.sim.mjcf.declared import MjcfKeys
from rewardsmith.sources import Source, SourceError, View
from rewardsmith.types import (
    CONTROL_DT,
    EPISODE_PROGRESS,
    PREVIOUS,
    Constant,
    EnvSpec,
    Measure,
    Reduction,
    References,
    Signal,
    Task,
)
from rewardsmith.yamlfile import Document, Place, Problem

if TYPE_CHECKING:
    from torch import Tensor

    from rewardsmith.interfaces import Frame

TO_DO: Final = "TODO"
"""What a drafted file says where only a person can go on; goal and fitness may not begin with it."""
TAKEN: Final = sources.RESERVED | {"torch", "math", "typing", "rewardsmith", EPISODE_PROGRESS, "compute_reward"}
"""Words that can name neither a signal nor a constant."""
SETTINGS: Final = (
    "search", "propose", "verify", "screen", "train", "judge", "pool", "refit", "feedback", "advice", "limits", "human",
)  # fmt: skip
"""Sections of a task file that are settings, not task."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedTask:
    """A task, the settings it prefers (`config.resolve`'s task layer), and its file for messages with lines."""

    task: Task
    settings: Layer
    document: Document


def load(path_or_name: str | Path) -> LoadedTask:
    """Read a task from its file, or a shipped one by its name. Needs neither torch nor the environment.

    Raises: ConfigError: the file is not a valid task; the message has a line for each fault.
    """
    path = yamlfile.locate(path_or_name, kind="task", folder=resources.tasks_folder())
    document = yamlfile.load(path)
    task = _task(document.read_as(_keys_for(document)), path)
    problems = list(_left_to_write(task)) or list(_problems(task))
    if problems:
        raise yamlfile.complain(problems, at=document.at)
    settings = {name: document.values[name] for name in SETTINGS if document.values.get(name) is not None}
    return LoadedTask(task=task, settings=settings, document=document)


def names() -> tuple[str, ...]:
    """The tasks that ship, sorted."""
    return yamlfile.shipped(resources.tasks_folder())


def check_against(loaded: LoadedTask, frame: Frame, *, actions: Tensor) -> None:
    """Read every source from a real frame and compare shapes.

    `frame` is one that a step returned, with every info field the environment has; `actions: (N, A)` led to it.

    Raises: ConfigError: a source asks for what the environment lacks, or a shape is not the declared one.
    """
    problems = list(_differences(loaded.task, frame, actions))
    if problems:
        raise yamlfile.complain(problems, at=loaded.document.at)


def json_schema() -> dict[str, Any]:
    """The JSON schema of task files, for editors."""
    plain, model = TaskKeys.model_json_schema(), MjcfTaskKeys.model_json_schema()
    environments = [schema["properties"]["env"] for schema in (plain, model)]
    return plain | {
        "$defs": model["$defs"] | plain["$defs"],
        "properties": plain["properties"] | {"env": {"anyOf": environments}},
    }


# --- the keys of the file -------------------------------------------------------------------------------------------

_WORD: Final = re.compile("[a-z][a-z0-9_]*")

# One factor of a unit; "1" is a plain number, "steps" counts control steps.
_LENGTH_TIME_ANGLE: Final = ("m", "cm", "mm", "km", "s", "ms", "min", "rad", "deg", "rev", "Hz")
_MASS_FORCE_POWER: Final = ("kg", "g", "N", "kN", "Nm", "J", "kJ", "W", "Pa", "V", "A", "K")
_UNITS: Final = frozenset({"1", "%", "step", "steps", "episode", *_LENGTH_TIME_ANGLE, *_MASS_FORCE_POWER})


def _unit(text: str) -> str:
    factors = re.split(r"[*/· ]+", text)
    unknown = [f for f in factors if re.sub(r"\^?-?[23]$", "", f) not in _UNITS]
    if unknown or not text:
        close = did_you_mean(unknown[0], _UNITS) if unknown else ""
        raise ValueError(
            f"is no unit that is known: '{text}'.{close} Write e.g. m, m/s, rad/s, N m, m/s^2, or 1 for none."
        )
    return text


def _prose(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty. Say in words what it means; whoever writes the reward reads it.")
    return text.strip()


def _name(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"is '{text}'; write lower-case letters, digits and _, e.g. hopper_hop.")
    return text


def _observation(text: str) -> str:
    if not re.fullmatch(r"obs(\.\w+)*", text):
        raise ValueError(f"is '{text}'; write obs, or obs.<key> where the environment gives several.")
    return text


def _as_text(value: object) -> object:
    """Numbers are fine as expressions and units: `of: 1`, `unit: 1`."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_constant(value: object) -> object:
    """A bare number: `target_height: 1.2`."""
    return {"value": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


Prose = Annotated[str, AfterValidator(_prose)]
Unit = Annotated[str, BeforeValidator(_as_text), AfterValidator(_unit)]
Expression = Annotated[str, BeforeValidator(_as_text)]
Name = Annotated[str, AfterValidator(_name), Field(max_length=64)]
Observation = Annotated[str, AfterValidator(_observation)]


class EnvKeys(Settings):
    """`env:` which simulator, which environment."""

    backend: str = Field("envpool", description=f"{', '.join(BACKENDS)}, or your own as package.module:Name")
    id: str = Field(description="the environment's id, e.g. HalfCheetah-v5", min_length=1)
    options: dict[str, object] = Field(default_factory=dict, description="passed to the environment as they are")
    observation: Observation = Field("obs", description="what the policy sees: obs (all there is) or obs.<key>")


class SignalKeys(Settings):
    """One entry of `signals:`, a quantity that reward code may read."""

    source: Expression = Field(description="where it comes from, e.g. obs[0:3], info.x_velocity or norm(obs[0:3])")
    shape: tuple[Annotated[StrictInt, Field(ge=1)], ...] = Field((), description="per environment; [] for one number")
    unit: Unit = Field(description="e.g. m, m/s, rad/s, N m, or 1 for none")
    doc: Prose = Field(description="what it is, in words; the language model reads this")


class ConstantKeys(Settings):
    """One entry of `constants:`, a number that reward code may read; a bare number stands for one without unit."""

    value: Annotated[float, Field(allow_inf_nan=False)] = Field(description="the number")
    unit: Unit = Field("1", description="e.g. m, m/s, rad/s, or 1 for none")
    doc: str = Field("", description="what it is, in words; the language model reads this")


ConstantEntry = Annotated[ConstantKeys, BeforeValidator(_as_constant, json_schema_input_type=float | ConstantKeys)]


class FitnessKeys(Settings):
    """`fitness:` how one episode is scored; higher is better."""

    of: Expression = Field(description="what is measured at each step: an expression or a signal's name")
    reduce: Reduction = Field(description="how an episode's steps become one number")
    unit: Unit = Field(description="e.g. m, m/s, or 1 for none")
    doc: Prose = Field(description="what it is, in words")


class SuccessKeys(Settings):
    """`success:` when an episode counts as solved."""

    of: Expression = Field(description="what is measured at each step: an expression or a signal's name")
    reduce: Reduction = Field(description="how an episode's steps become one number")
    at_least: float | None = Field(None, description="solved from this value on; not with reduce: any")
    doc: str = Field("", description="what it is, in words")

    @model_validator(mode="after")
    def _threshold(self) -> Self:
        if self.at_least is None and self.reduce != "any":
            raise ValueError(f"needs 'at_least' with reduce: {self.reduce}, the value from which on it is solved.")
        if self.at_least is not None and self.reduce == "any":
            raise ValueError(
                "has no use for 'at_least' with reduce: any, which asks whether 'of' held at some step. Write it into "
                f"'of', as in x >= {self.at_least:g}, or reduce: max."
            )
        return self


class ReferenceKeys(Settings):
    """`references:` rewards to compare with; never shown to reward code or a language model."""

    expert: Expression | None = Field("reward", description="the environment's own per-step reward; null for none")
    sparse: Expression | None = Field(None, description="a reward that only says what is wanted; default: fitness.of")


class TaskKeys(Settings):
    """A task file."""

    name: Name = Field(description="lower-case letters, digits and _; runs are named after it")
    goal: Prose = Field(description="what the body is, what it should do and what counts as good, for a stranger")
    env: EnvKeys = Field(description="the environment: backend, id, options, observation")
    episode_steps: StrictInt = Field(ge=1, description="control steps after which an episode is cut off")
    control_dt_s: float = Field(gt=0, le=3600, description="seconds of simulated time that one control step takes")
    signals: dict[str, SignalKeys] = Field(min_length=1, description="what reward code may read, by name")
    constants: dict[str, ConstantEntry] = Field(
        default_factory=dict, description="numbers that reward code may read, by name; dt needs no entry"
    )
    fitness: FitnessKeys = Field(description="how an episode is scored")
    hidden_fitness: FitnessKeys | None = Field(
        None, description="a second fitness, told to nobody before the end: does the first one measure what is meant?"
    )
    success: SuccessKeys | None = Field(None, description="when an episode counts as solved")
    references: ReferenceKeys = Field(default_factory=ReferenceKeys, description="rewards to compare with")
    search: SearchSettings | None = None
    propose: ProposeSettings | None = None
    verify: VerifySettings | None = None
    screen: ScreenSettings | None = None
    train: TrainSettings | None = None
    judge: JudgeSettings | None = None
    pool: PoolSettings | None = None
    refit: RefitSettings | None = None
    feedback: FeedbackSettings | None = None
    advice: AdviceSettings | None = None
    limits: LimitSettings | None = None
    human: HumanSettings | None = None


class MjcfTaskKeys(TaskKeys):
    """A task file whose environment is a MuJoCo model of its own."""

    env: MjcfKeys = Field(description="the model, and what is declared of it")  # type: ignore[assignment]


def _keys_for(document: Document) -> type[TaskKeys]:
    match document.values.get("env"):
        case {"backend": "mjcf"}:
            return MjcfTaskKeys
        case {"model": _, **others} if "id" not in others:  # its backend is misspelt or missing
            return MjcfTaskKeys
    return TaskKeys


def _task(keys: TaskKeys, path: Path) -> Task:
    fitness, success = keys.fitness, keys.success
    return Task(
        name=keys.name,
        goal=keys.goal,
        env=_env(keys.env, path.resolve().parent),
        signals=tuple(_signal(name, signal) for name, signal in keys.signals.items()),
        constants=tuple(_constant(name, constant) for name, constant in keys.constants.items()),
        fitness=_fitness(fitness),
        hidden_fitness=_fitness(keys.hidden_fitness) if keys.hidden_fitness else None,
        success=_success(success) if success else None,
        references=_references(keys),
        episode_steps=keys.episode_steps,
        control_dt_s=keys.control_dt_s,
        path=str(path.resolve() if isinstance(keys.env, MjcfKeys) else path),  # a model is looked for beside it
    )


def _env(env: EnvKeys | MjcfKeys, folder: Path) -> EnvSpec:
    if isinstance(env, MjcfKeys):
        return mjcf.env_spec(_relative(env, folder))
    return EnvSpec(backend=env.backend, id=env.id, options=env.options, observation=env.observation)


def _relative(env: MjcfKeys, folder: Path) -> MjcfKeys:
    """The same with every absolute name of a file as it is from `folder`, so that a run finds its own copy by it."""
    names: dict[str, str | None] = {"model": env.model, "scene": env.scene, "code": env.code}
    found: dict[str, str | tuple[str, ...]] = {
        key: os.path.relpath(name, folder) for key, name in names.items() if name and Path(name).is_absolute()
    }
    if any(Path(name).is_absolute() for name in env.files):
        found["files"] = tuple(os.path.relpath(folder / name, folder) for name in env.files)
    return env.model_copy(update=found) if found else env


def _references(keys: TaskKeys) -> References:
    """A model of one's own has no reward of its own, so there is no expert unless the task says what it is."""
    given = keys.references
    expert = None if isinstance(keys.env, MjcfKeys) and "expert" not in given.model_fields_set else given.expert
    return References(expert=expert, sparse=given.sparse)


def _signal(name: str, keys: SignalKeys) -> Signal:
    return Signal(name=name, shape=keys.shape, unit=keys.unit, doc=keys.doc, source=keys.source)


def _constant(name: str, keys: ConstantKeys) -> Constant:
    return Constant(name=name, value=keys.value, unit=keys.unit, doc=" ".join(keys.doc.split()))


def _fitness(keys: FitnessKeys) -> Measure:
    return Measure(source=keys.of, reduce=keys.reduce, unit=keys.unit, doc=keys.doc)


def _success(keys: SuccessKeys) -> Measure:
    return Measure(source=keys.of, reduce=keys.reduce, doc=keys.doc, at_least=keys.at_least)


# --- consistent in itself -------------------------------------------------------------------------------------------


def _problems(task: Task) -> Iterable[Problem]:
    yield from _unknown_backend(task.env.backend)
    yield from _bad_constants(task)
    parsed: dict[str, Source] = {}
    for signal in task.signals:
        place: Place = ("signals", signal.name)
        yield from ((place, message) for message in _bad_name(signal.name, "a signal"))
        if signal.name == CONTROL_DT:
            yield place, "'dt' cannot name a signal: it is the number control_dt_s. Choose another name."
        try:
            parsed[signal.name] = _parsed(task.env, signal.source, signals={}, at=place)
        except SourceError as fault:
            yield (*place, "source"), _told(fault, signal.source)
        else:
            yield from (((*place, "source"), message) for message in _bad_signal(parsed[signal.name]))
    if len(parsed) < len(task.signals):
        return  # a measure may name a signal that could not be read: that fault has been told
    for place, text in (*_measures(task), *_of_model(task.env)):
        try:
            source = _parsed(task.env, text, signals=parsed, at=place)
        except SourceError as fault:
            yield place, _told(fault, text)
        else:
            if source.uses_reward and task.env.backend == "mjcf":
                yield place, "reads 'reward', but a model has none of its own. Say in references.expert what it is."


def _parsed(env: EnvSpec, text: str, *, signals: Mapping[str, Source], at: Place) -> Source:
    """An expression of the task; where a name in it is unknown, what is told to be known is what it may read."""
    if env.backend != "mjcf":
        return sources.parse(text, signals=signals)
    roots = sources.ENV_ROOTS if at[0] == "env" else sources.MODEL_ROOTS
    return sources.parse(text, signals=signals, roots=roots, hint=sources.CODE_HINT if env.options.get("code") else "")


def _of_model(env: EnvSpec) -> Iterable[tuple[Place, str]]:
    """The expressions that the backend `mjcf` is told of its model."""
    if env.backend != "mjcf":
        return
    for key in ("observation", "terminated"):
        for number, text in enumerate(_texts(env.options.get(key))):
            yield ("env", key, number), text


def _texts(given: object) -> list[str]:
    return [given] if isinstance(given, str) else list(given) if isinstance(given, list) else []


def _left_to_write(task: Task) -> Iterable[Problem]:
    """What `new-task` left to the person."""
    left: list[tuple[Place, str, str]] = [
        (("goal",), task.goal, "Say what the body is, what it should do and what counts as good"),
        (("fitness", "of"), task.fitness.source, "Write what is measured at each step, an expression or a signal"),
        (("fitness", "doc"), task.fitness.doc, "Say in words what the fitness measures"),
    ]
    for place, text, wanted in left:
        if text.startswith(TO_DO):
            yield place, f"'{'.'.join(map(str, place))}' still says TODO. {wanted}."


def _unknown_backend(name: str) -> Iterable[Problem]:
    if name not in BACKENDS and ":" not in name:
        known = f"Known: {', '.join(BACKENDS)}; or your own as package.module:Name."
        yield ("env", "backend"), f"unknown backend '{name}'.{did_you_mean(name, BACKENDS)} {known}"


def _bad_name(name: str, what: str) -> Iterable[str]:
    if not _WORD.fullmatch(name) or keyword.iskeyword(name):
        yield f"'{name}' cannot name {what}. Use lower-case letters, digits and _, e.g. torso_height."
    elif name.startswith(PREVIOUS):
        yield f"'{name}' cannot name {what}: prev_ stands for a signal's value one step before."
    elif name in TAKEN:
        yield f"'{name}' cannot name {what}: it has a meaning of its own. Choose another name."


def _bad_constants(task: Task) -> Iterable[Problem]:
    for constant in task.constants:
        place: Place = ("constants", constant.name)
        yield from ((place, message) for message in _bad_name(constant.name, "a constant"))
        if task.signal(constant.name):
            yield place, f"'{constant.name}' is a signal already. Choose another name."
        if constant.name == CONTROL_DT and constant.value != task.control_dt_s:
            yield place, f"'dt' is control_dt_s, {task.control_dt_s:g}, not {constant.value:g}. Leave it out."


def _bad_signal(source: Source) -> Iterable[str]:
    if source.uses_reward:
        yield "a signal may not read the environment's own reward. Read obs, info or action."
    elif not (source.obs_keys or source.info_fields or source.uses_action):
        yield f"'{source.text}' is the same at every step. Read obs, info or action."


def _measures(task: Task) -> Iterable[tuple[Place, str]]:
    """The expressions that score a rollout, and where each stands in the file."""
    yield ("fitness", "of"), task.fitness.source
    if task.hidden_fitness:
        yield ("hidden_fitness", "of"), task.hidden_fitness.source
    if task.success:
        yield ("success", "of"), task.success.source
    if task.references.expert is not None:
        yield ("references", "expert"), task.references.expert
    if task.references.sparse is not None:
        yield ("references", "sparse"), task.references.sparse


def _told(fault: SourceError, text: str) -> str:
    where = f"at column {fault.column} of" if fault.column else "in"
    return f"{fault.message.rstrip('.')}; {where} '{text}'."


# --- true of the environment ----------------------------------------------------------------------------------------


def _differences(task: Task, frame: Frame, actions: Tensor) -> Iterable[Problem]:
    yield from _unknown_observation(task.env.observation, frame)
    states = View(obs=frame.obs, info=frame.info, action=actions, reward=None)
    signals = {signal.name: sources.parse(signal.source) for signal in task.signals}
    misread = [problem for signal in task.signals for problem in _compare_signal(signal, signals[signal.name], states)]
    yield from misread
    scored = View(obs=frame.obs, info=frame.info, action=actions, reward=frame.reward)
    if any(place[-1] == "source" for place, _ in misread):
        return  # a measure may rest on a signal that cannot be read: that fault has been told
    for place, text in _measures(task):
        yield from ((place, message) for message in _compare_measure(sources.parse(text, signals=signals), scored))


def _unknown_observation(name: str, frame: Frame) -> Iterable[Problem]:
    if name not in frame.obs:
        known = ", ".join(sorted(frame.obs))
        yield ("env", "observation"), f"no observation '{name}'.{did_you_mean(name, frame.obs)} Known: {known}."


def _compare_signal(signal: Signal, source: Source, view: View) -> Iterable[Problem]:
    place = ("signals", signal.name)
    try:
        shape = _shape(source, view)
    except SourceError as fault:
        yield (*place, "source"), _told(fault, source.text)
        return
    if shape != signal.shape:
        yield (
            (*place, "shape"),
            f"'{signal.name}' declares shape {list(signal.shape)}, but '{source.text}' has shape {list(shape)}. "
            f"Write shape: {list(shape)}, or take another part.",
        )


def _compare_measure(source: Source, view: View) -> Iterable[str]:
    try:
        shape = _shape(source, view)
    except SourceError as fault:
        yield _told(fault, source.text)
        return
    if shape != ():
        yield f"'{source.text}' has shape {list(shape)}; one number a step is needed. Take a part, e.g. obs[0]."


def _shape(source: Source, view: View) -> tuple[int, ...]:
    return tuple(source.read(view).shape[len(view.batch) :])
