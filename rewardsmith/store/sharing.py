"""Trajectories handed from one run of a task to another: one file, which says of which task it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rewardsmith.errors import ConfigError
from rewardsmith.pool import REFERENCES, Pool
from rewardsmith.store import artefacts
from rewardsmith.store.codec import dumps, encode
from rewardsmith.store.episodes import NotEpisodes, from_bytes, to_bytes
from rewardsmith.store.run import Run
from rewardsmith.types import Task, Trajectory


def known_to(run: Run) -> tuple[Trajectory, ...]:
    """The episodes that a run knows after its last finished generation, oldest first."""
    return Pool.replay(run.history(), run.config.pool, start=run.begun_with()).trajectories


def share(run: Run, file: Path) -> int:
    """Write what a run knows to `file`; returns how many episodes that are.

    A candidate's episodes are then called after their run: `<run>/g001-00`. Raises: RunError: the disk is full.
    """
    known = [_named(t, run.folder.name) for t in known_to(run)]
    artefacts.write(file, to_bytes(known, about={"task": run.task.name, "meaning": meaning(run.task)}))
    return len(known)


def read_shared(files: Sequence[Path], task: Task) -> tuple[Trajectory, ...]:
    """The episodes in `files`, in that order.

    Raises: ConfigError: a file cannot be read, is none of these files, or was played on another task.
    """
    return tuple(t for file in files for t in _read(file, task))


def meaning(task: Task) -> str:
    """A hash of all that decides what a trajectory of the task says: world, signals, fitness, success, expert."""
    signals = [(s.name, s.shape, s.source) for s in task.signals]
    scored = [task.fitness.source, task.fitness.reduce, task.success, task.references.expert]
    told = encode([task.env, signals, scored, task.episode_steps, task.control_dt_s])
    return artefacts.sha256(dumps(told).encode())


def _named(trajectory: Trajectory, run: str) -> Trajectory:
    plain = trajectory.source in REFERENCES or "/" in trajectory.source
    return trajectory if plain else replace(trajectory, source=f"{run}/{trajectory.source}")


def _read(file: Path, task: Task) -> tuple[Trajectory, ...]:
    try:
        found, about = from_bytes(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}. Expected a file of trajectories.") from error
    except NotEpisodes as error:
        raise ConfigError(
            f"{file}: holds no trajectories: {error}. `rewardsmith trajectories RUN --out FILE` writes such files."
        ) from error
    if about.get("task") != task.name or about.get("meaning") != meaning(task):
        differs = "" if about.get("task") != task.name else " as it is now: its signals, fitness or world have changed"
        raise ConfigError(
            f"{file}: its trajectories are of task '{about.get('task', '?')}', and this run is of '{task.name}'"
            f"{differs}. Take a file from a run of this task."
        )
    shapes = {signal.name: signal.shape for signal in task.signals}
    if any({n: tuple(s.shape[1:]) for n, s in t.signals.items()} != shapes for t in found):
        raise ConfigError(f"{file}: its trajectories lack signals that task '{task.name}' declares. It was changed.")
    return found
