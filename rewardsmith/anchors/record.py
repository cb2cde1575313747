"""An anchor file: what was measured on one task, training by training. One JSON file a task, `<folder>/<task>.json`.

Only single measurements stand in it, each with its seed; means and intervals are computed from them (`scale.py`).
A measurement belongs to the task as it was: to what the environment is, how it is scored and what the references are
(`task_sha256`), not to the words of its goal.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, field_serializer, model_validator

from rewardsmith import sim
from rewardsmith.config import INDIFFERENT, Settings, TrainSettings
from rewardsmith.errors import ConfigError
from rewardsmith.store import artefacts
from rewardsmith.types import Rejected, Score, Stage, Task

FORMAT: Final = 1
NO_MATTER: Final = frozenset(
    [
        "env_steps",
        "seeds",
        "preset",
        "curve_points",
        "device",
        "threads",
        "warm_start",
        "legs",
        "resume_steps",
        "race",
        *INDIFFERENT,
    ]
)
"""Training settings that say where, how long or what is drawn: another value of theirs makes no other measurement.

References never race; to them a leg's end is where episodes begin afresh.
"""

Reward = Literal["expert", "sparse"]
Count = Annotated[int, Field(ge=0)]


class Machine(Settings):
    """Where something was measured: hardware and versions."""

    cpu: str
    cores: int | None
    gpu: str | None
    versions: dict[str, str]


class Scored(Settings):
    """A policy's score over an anchor file's number of episodes, as in `types.Score`."""

    fitness: float
    ci95: float
    success_rate: float | None
    success_ci95: tuple[float, float] | None
    mean_length: float


class Failed(Settings):
    """Why there is no score."""

    stage: Stage
    reason: str


Result = Scored | Failed


class RandomPlay(Settings):
    """Uniformly random actions, one measurement."""

    result: Result
    date: str
    machine: Count


class Training(Settings):
    """One reference reward, trained once for a budget of `env_steps` and judged on fresh seeds.

    `env_steps_per_s` is of the whole batch it was trained in, None where the training failed or others used the
    machine meanwhile.
    """

    reward: Reward
    env_steps: Annotated[int, Field(ge=1)]
    seed: Count
    result: Result
    env_steps_per_s: float | None
    date: str
    machine: Count


class Record(Settings):
    """A whole anchor file. `machine` of a measurement counts in `machines`; trainings are in order, none twice."""

    format: Literal[1] = FORMAT
    task: str
    task_sha256: str
    unit: str
    episodes: Annotated[int, Field(ge=2)]
    settings: TrainSettings
    random: RandomPlay | None = None
    trainings: tuple[Training, ...] = ()
    machines: tuple[Machine, ...] = ()

    @field_serializer("settings")
    def _what_matters(self, settings: TrainSettings) -> dict[str, Any]:
        return settings.model_dump(mode="json", exclude=set(NO_MATTER))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({_key(t) for t in self.trainings}) < len(self.trainings):
            raise ValueError("a training stands in it twice")
        named = [t.machine for t in self.trainings] + ([self.random.machine] if self.random else [])
        if any(number >= len(self.machines) for number in named):
            raise ValueError("a measurement names a machine that is not listed")
        return self

    def has(self, reward: Reward, *, env_steps: int, seed: int) -> bool:
        """Whether this training is measured."""
        return (reward, env_steps, seed) in {_key(t) for t in self.trainings}

    def of_same(self, other: Record) -> bool:
        """Whether both measure the same task in the same way."""
        mine, others = (r.model_dump(exclude={"random", "trainings", "machines"}) for r in (self, other))
        return mine == others


def task_sha256(task: Task) -> str:
    """A hash of all that decides an anchor: environment, its files, episode, signals' sources, measures, references."""
    decides: dict[str, Any] = {
        "env": {key: value for key, value in asdict(task.env).items() if key != "disturbance"},
        "episode_steps": task.episode_steps,
        "control_dt_s": task.control_dt_s,
        "signals": {s.name: s.source for s in task.signals},
        "fitness": [task.fitness.source, task.fitness.reduce],
        "success": task.success and [task.success.source, task.success.reduce, task.success.at_least],
        "references": asdict(task.references),
    }
    files = {os.path.relpath(f, Path(task.path).parent): artefacts.sha256(f.read_bytes()) for f in sim.files_of(task)}
    decides |= {"files": files} if files else {}
    return hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()


def begin(task: Task, settings: TrainSettings, *, episodes: int) -> Record:
    """A file with nothing measured yet."""
    matters = TrainSettings.model_validate(settings.model_dump(exclude=set(NO_MATTER)))
    return Record(
        task=task.name, task_sha256=task_sha256(task), unit=task.fitness.unit, episodes=episodes, settings=matters
    )


def result(outcome: Score | Rejected) -> Result:
    """What is kept of a score, or of why there is none."""
    if isinstance(outcome, Rejected):
        return Failed(stage=outcome.stage, reason=outcome.reason)
    return Scored(
        fitness=outcome.mean,
        ci95=outcome.ci95,
        success_rate=outcome.success_rate,
        success_ci95=outcome.success_ci95,
        mean_length=outcome.mean_length,
    )


def with_random(record: Record, outcome: Score | Rejected, *, machine: Machine, date: str) -> Record:
    """The record with random play measured."""
    machines = _listed(record, machine)
    played = RandomPlay(result=result(outcome), date=date, machine=machines.index(machine))
    return record.model_copy(update={"random": played, "machines": machines})


def with_training(
    record: Record, outcome: Score | Rejected, *, reward: Reward, env_steps: int, seed: int,
    env_steps_per_s: float | None, machine: Machine, date: str,
) -> Record:  # fmt: skip
    """The record with one training more, in its place; an earlier one of the same budget and seed makes way."""
    machines = _listed(record, machine)
    trained = Training(
        reward=reward,
        env_steps=env_steps,
        seed=seed,
        result=result(outcome),
        env_steps_per_s=env_steps_per_s,
        date=date,
        machine=machines.index(machine),
    )
    others = [t for t in record.trainings if _key(t) != _key(trained)]
    trainings = tuple(sorted([*others, trained], key=_key))
    return record.model_copy(update={"trainings": trainings, "machines": machines})


def read(path: Path) -> Record:
    """The record in a file.

    Raises: ConfigError: it cannot be read, is damaged, or is of another format; the message says what to do.
    """
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise ConfigError(f"{path}: cannot be read: {fault.strerror}. Expected an anchor file.") from fault
    try:
        found = json.loads(content)
    except ValueError as fault:  # JSON, or UTF-8
        raise ConfigError(f"{path}: is damaged: no JSON ({fault}). {_REMEDY}") from fault
    written = found.get("format") if isinstance(found, dict) else None
    if written != FORMAT:
        raise ConfigError(f"{path}: its format is {written}; this version reads format {FORMAT}. {_REMEDY}")
    try:
        return Record.model_validate_json(content)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"{path}: is damaged: {place}: {first['msg']}. {_REMEDY}") from fault


def write(path: Path, record: Record) -> None:
    """Write the file whole or not at all. Raises: RunError: the folder cannot be written to, or the disk is full."""
    artefacts.write(path, (record.model_dump_json(indent=2) + "\n").encode())


def keep(path: Path, record: Record) -> Path | None:
    """Write `record` and what the file holds besides of the same task and settings: another command may be at work.

    Returns where the file went if it was of another task or other settings: hours of measuring are not written over.

    Raises: ConfigError: as `read`. RunError: as `write`.
    """
    with _alone(path.parent):
        found = read(path) if path.exists() else record
        if found.of_same(record):
            write(path, merged(record, found))
            return None
        aside = path.with_name(f"{path.name}.{artefacts.sha256(path.read_bytes())[:8]}.old")
        path.replace(aside)
        write(path, record)
        return aside


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits until no other command keeps anything in the folder; where that cannot be locked, nobody waits."""
    with ExitStack() as undo:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(folder, os.O_RDONLY)
            undo.callback(os.close, fd)
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield


def merged(record: Record, other: Record) -> Record:
    """The record and what it lacks of `other`, of the same task and settings."""
    machines = tuple(dict.fromkeys((*map(_frozen, record.machines), *map(_frozen, other.machines))))

    def moved(number: int) -> int:
        return machines.index(_frozen(other.machines[number]))

    known = {_key(t) for t in record.trainings}
    more = [t.model_copy(update={"machine": moved(t.machine)}) for t in other.trainings if _key(t) not in known]
    played = other.random and other.random.model_copy(update={"machine": moved(other.random.machine)})
    return record.model_copy(
        update={
            "random": record.random or played,
            "trainings": tuple(sorted([*record.trainings, *more], key=_key)),
            "machines": tuple(Machine.model_validate_json(text) for text in machines),
        }
    )


def _frozen(machine: Machine) -> str:
    return machine.model_dump_json()


_REMEDY: Final = "Put back a good copy, or delete it and measure anew with `rewardsmith anchors`."


def _key(training: Training) -> tuple[str, int, int]:
    return training.reward, training.env_steps, training.seed


def _listed(record: Record, machine: Machine) -> tuple[Machine, ...]:
    return record.machines if machine in record.machines else (*record.machines, machine)
