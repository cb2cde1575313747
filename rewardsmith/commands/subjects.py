"""Who plays what, as `render` and `view` are told: a run's candidate, a policy's file, or random actions.

And which kept episodes are meant: a run's, of a candidate or from its beginning, or a file's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.policies import Kept
    from rewardsmith.render.film import Player
    from rewardsmith.types import Task

RANDOM = "random"

PolicyWords = Annotated[
    str, Parameter(help="A run (folder, name, beginning or `latest`), a policy's .safetensors file, or `random`.")
]
CandidateWord = Annotated[
    str, Parameter(show_default=False, help="A run's candidate, `expert` or `sparse`; the winner if left out.")
]
TaskWord = Annotated[str | None, Parameter(help="A task that ships or a task file; a run knows its own.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Who plays what."""

    name: str
    task: Task
    player: Player


def subject_of(policy: str, candidate: str, task: str | None, runs: Path, *, seed: int) -> Subject:
    """Who plays what, from a command's words; `seed` is that of random play.

    Raises: UsageError: the words do not go together. RunError, ConfigError: a run, file or task is not as it should be.
    """
    from rewardsmith import policies
    from rewardsmith.render.film import policy_player, random_player

    named = _task(task) if task is not None else None
    is_file = policy.endswith(policies.SUFFIX)
    if policy == RANDOM or is_file:
        if named is None:
            raise UsageError(f"Which task does '{policy}' play? Expected --task TASK.")
        if candidate:
            raise UsageError(f"'{candidate}' names a run's candidate, but '{policy}' is no run.")
        player = policy_player(policies.read_policy(Path(policy)), named) if is_file else random_player(seed)
        return Subject(name=Path(policy).stem if is_file else RANDOM, task=named, player=player)
    found = policies.of_run(policy, runs, candidate)
    plays = named or found.task
    return Subject(name=found.name, task=plays, player=policy_player(found.judged.policy, plays))


def kept_of(policy: str, candidate: str, task: str | None, runs: Path) -> Kept:
    """The kept episodes that a command's words mean.

    Raises: UsageError: the words do not go together. RunError, ConfigError: a run, file or task is not as it should be.
    """
    from rewardsmith import policies

    if not policy.endswith(policies.SUFFIX):
        if task is not None or policy == RANDOM:
            raise UsageError(
                "--kept films episodes as a run keeps them, in its own task. Expected a run, without --task, or a file "
                "of `rewardsmith trajectories`, with it."
            )
        return policies.episodes_of_run(policy, runs, candidate)
    if task is None or candidate:
        raise UsageError(f"Of which task are the episodes in '{policy}'? Expected FILE --kept --task TASK.")
    return policies.episodes_in_file(Path(policy), _task(task))


def _task(name: str) -> Task:
    """The task of that name; its environment has been held against it. Raises: ConfigError: it does not fit."""
    from rewardsmith import taskfile
    from rewardsmith.environment import first_frame

    loaded = taskfile.load(name)
    first_frame(loaded)
    return loaded.task
