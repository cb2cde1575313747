"""`new-task`: look at an environment and write a first task file for it."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

from cyclopts import Parameter

from rewardsmith.errors import ConfigError, UsageError, no_room


def new_task(
    env_id: Annotated[str, Parameter(help="An id of EnvPool or Gymnasium, or module:Id of your own.")],
    /,
    *,
    backend: Annotated[
        Literal["envpool", "gymnasium"] | None,
        Parameter(help="Which simulator; by default EnvPool if it has the id."),
    ] = None,
    options: Annotated[
        tuple[str, ...],
        Parameter(
            name="--option",
            negative="",
            show_default=False,
            help="What the environment is made with, e.g. reward_type=dense; repeatable.",
        ),
    ] = (),
    name: Annotated[str | None, Parameter(help="The task's name; by default made from the id.")] = None,
    out: Annotated[
        Path | None, Parameter(help="The .yaml file to write, or a folder for <name>.yaml; by default here.")
    ] = None,
) -> None:
    """Write a commented task file for an environment, and leave goal and fitness to you.

    The environment is stepped under random actions. Every observation slice, numeric info field and the action becomes
    a signal with a proposed name and the range it was seen in; what never changed is commented out.
    """
    from rewardsmith.newtask import entries, page
    from rewardsmith.newtask.survey import survey

    title = _title(env_id, name)
    file = _file(out, title)
    found = survey(env_id, backend=backend, options=dict(map(_option, options)))
    proposed = entries.propose(found)
    text = page.write(found, proposed, name=title)
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as fault:
        if no_room(fault):
            file.unlink(missing_ok=True)
            raise
        raise ConfigError(f"{file}: cannot be written: {fault.strerror}.") from fault
    kept = sum(not entry.left_out for entry in proposed)
    print(f"wrote {file}: {found.env.id} ({found.env.backend}), {kept} signals, {len(proposed) - kept} commented out")
    print(f"Fill in goal and fitness, where it says TODO; then: rewardsmith check {quote(str(file))}")


def _option(text: str) -> tuple[str, object]:
    """Name and value; the value is read as in a YAML file."""
    from rewardsmith import yamlfile

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"--option {text}: expected name=value, e.g. --option reward_type=dense.")
    try:
        return name.strip(), yamlfile.scalar(value)
    except ValueError as fault:
        raise UsageError(f"--option {text}: {fault}.") from fault


def _title(env_id: str, name: str | None) -> str:
    from rewardsmith.newtask.entries import task_name

    if name is None:
        return task_name(env_id)
    if not re.fullmatch("[a-z][a-z0-9_]{0,63}", name):
        raise UsageError(f"--name {name}: write at most 64 lower-case letters, digits and _, e.g. {task_name(env_id)}.")
    return name


def _file(out: Path | None, title: str) -> Path:
    """The file to write, which is not there yet; its folder is.

    Raises: UsageError: it exists, or is not named .yaml. ConfigError: its folder cannot be made.
    """
    folder = Path() if out is None else out
    file = folder / f"{title}.yaml" if folder.is_dir() else folder
    if file.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--out {out}: a task file's name ends in .yaml. Write e.g. --out {file.with_suffix('.yaml')}")
    if file.exists():
        raise UsageError(f"{file} exists already and is not touched. Name another file with --out.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise ConfigError(f"{file}: its folder cannot be made: {fault.strerror}.") from fault
    return file
