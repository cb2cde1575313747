"""Suites: named lists of tasks to measure together, each a YAML file in `rewardsmith/suites/`.

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
    tasks: Annotated[tuple[str, ...], AfterValidator(_once)] = Field(description="names of tasks", min_length=1)


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
    """The tasks that a suite's name, a task's name or a task file's path stands for; of them `only` those, if any.

    Raises: UsageError: no suite or task is called so, or `only` names one that is not among them.
    """
    found = load(word).tasks if word in names() else (_one_task(word),)
    for name in only:
        if name not in found:
            raise UsageError(f"'{word}' has no task '{name}'.{did_you_mean(name, found)} It has: {', '.join(found)}.")
    return tuple(name for name in found if not only or name in only)


def _one_task(word: str) -> str:
    if word in taskfile.names() or word.endswith((".yaml", ".yml")):
        return word
    close = did_you_mean(word, [*names(), *taskfile.names()])
    raise UsageError(
        f"Unknown suite or task '{word}'.{close} Suites: {', '.join(names())}; `rewardsmith tasks` lists the tasks; "
        "or a path to a task file."
    )
