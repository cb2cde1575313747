"""Suites: named lists of tasks to measure together, each a YAML file in `rewardsmith/suites/` or a person's own.

A suite has no settings: each of its tasks trains and is judged as its own file says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from rewardsmith import resources, taskfile, yamlfile
from rewardsmith.config import Settings
from rewardsmith.errors import UsageError, did_you_mean


def _sentence(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty. Say in a sentence what the tasks are.")
    return " ".join(text.split())


def _once(tasks: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in tasks if tasks.count(name) > 1})
    if twice:
        raise ValueError(f"names {', '.join(twice)} twice. Keep one.")
    return tasks


class Suite(Settings):
    """A suite file: `source` is where the choice of tasks comes from."""

    name: str = Field(description="the suite's name, as its file is called", min_length=1)
    about: Annotated[str, AfterValidator(_sentence)] = Field(description="what the tasks are, in a sentence")
    source: str = Field(description="where the choice comes from: an address, or words", min_length=1)
    tasks: Annotated[tuple[str, ...], AfterValidator(_once)] = Field(
        description="tasks by name, or task files", min_length=1
    )


def names() -> tuple[str, ...]:
    """The suites that ship, sorted."""
    return yamlfile.shipped(resources.suites_folder())


def load(name: str | Path) -> Suite:
    """A suite that ships, or a person's own file.

    Raises: ConfigError: there is none of that name, or its file is wrong; with file and line.
    """
    path = yamlfile.locate(name, kind="suite", folder=resources.suites_folder())
    return yamlfile.load(path).read_as(Suite)


def tasks_of(word: str, *, only: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The tasks that a suite or a task stands for, by its name or its file's path; of them `only` those, if any.

    Raises: UsageError: no suite or task is called so, or `only` names one that is not among them.
    Raises: ConfigError: a suite's file is wrong, or a file cannot be read.
    """
    found = _tasks_in(word) if word in names() or _is_suite(word) else (_one_task(word),)
    for name in only:
        if name not in found:
            raise UsageError(f"'{word}' has no task '{name}'.{did_you_mean(name, found)} It has: {', '.join(found)}.")
    return tuple(name for name in found if not only or name in only)


def _is_suite(word: str) -> bool:
    """Whether a path is that of a suite's file: one that lists tasks."""
    return _is_path(word) and "tasks" in yamlfile.load(Path(word)).values


def _tasks_in(word: str) -> tuple[str, ...]:
    """A suite's tasks; the task files that a suite's own file names are looked for beside it."""
    beside = Path(word).parent
    return tuple(str(beside / name) if _is_path(name) else name for name in load(word).tasks)


def _is_path(word: str) -> bool:
    return word.endswith((".yaml", ".yml"))


def _one_task(word: str) -> str:
    if word in taskfile.names() or _is_path(word):
        return word
    close = did_you_mean(word, [*names(), *taskfile.names()])
    raise UsageError(
        f"Unknown suite or task '{word}'.{close} Suites: {', '.join(names())}; `rewardsmith tasks` lists the tasks; "
        "or a path to the file of a suite or a task."
    )
