"""`tasks`, `methods` and `schema`: what ships, and what may stand in a file."""

from __future__ import annotations

import itertools
import json
import textwrap
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rewardsmith.commands.options import AsJson


def tasks(*, as_json: AsJson = False) -> None:
    """List the tasks that ship."""
    from rewardsmith import taskfile
    from rewardsmith.report.tables import Table

    loaded = [taskfile.load(name).task for name in taskfile.names()]
    if as_json:
        rows = [
            {"name": t.name, "backend": t.env.backend, "env": t.env.id, "episode_steps": t.episode_steps,
             "fitness": {"unit": t.fitness.unit, "doc": t.fitness.doc}, "goal": t.goal}
            for t in loaded
        ]  # fmt: skip
        print(json.dumps(rows, indent=2))
        return
    table = Table(
        heading=("task", "backend", "environment", "steps", "fitness"),
        rows=[
            (t.name, t.env.backend, t.env.id, str(t.episode_steps), _fitness(t.fitness.doc, t.fitness.unit))
            for t in loaded
        ],
        right=frozenset({"steps"}),
    )
    print(table.text())
    for task in loaded:
        print(f"{task.name}: {_first_sentence(task.goal)}")


def methods() -> None:
    """List the published methods that ship as settings."""
    from rewardsmith import resources, yamlfile

    folder = resources.methods_folder()
    names = yamlfile.shipped(folder)
    width = 2 + max(len(name) for name in names)
    for name in names:
        opening = _opening(folder / f"{name}.yaml")
        print(textwrap.fill(opening, 100, initial_indent=f"{name:{width}}", subsequent_indent=" " * width))
    print("\nChoose one with --method NAME, or give your own file: any settings, as in --set, written as YAML.")


def schema(
    kind: Annotated[Literal["task", "config"], Parameter(help="Of task files, or of config and method files.")], /
) -> None:
    """Print the JSON schema of task files or of settings files, for editors."""
    from rewardsmith import config, taskfile

    print(json.dumps(taskfile.json_schema() if kind == "task" else config.json_schema(), indent=2))


def _fitness(doc: str, unit: str) -> str:
    return doc if unit == "1" else f"{doc} [{unit}]"


def _first_sentence(text: str) -> str:
    """Up to the first full stop."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".") + "."


def _opening(file: Path) -> str:
    """The first sentence of the comment a method's file opens with."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return _first_sentence(" ".join(line.lstrip("# ") for line in comment))
