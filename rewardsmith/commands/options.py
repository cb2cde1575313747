"""Options that several commands share, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from rewardsmith.errors import UsageError

TaskName = Annotated[str, Parameter(help="A task that ships (`rewardsmith tasks`) or a path to a task file.")]
Sets = Annotated[
    tuple[str, ...],
    Parameter(name="--set", negative="", show_default=False, help="A setting, e.g. search.generations=3; repeatable."),
]
ChangedSets = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        negative="",
        show_default=False,
        help="What may change in a run, e.g. limits.hours=5; repeatable.",
    ),
]
ConfigFile = Annotated[Path | None, Parameter(help="A YAML file of settings, above the task's and the method's.")]
Seed = Annotated[int | None, Parameter(validator=Number(gte=0), help="The run's random seed (setting `seed`).")]
PlaySeed = Annotated[
    int, Parameter(validator=Number(gte=0, lt=2**63), help="The seed that the episodes' own come from.")
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", show_default=False, help="Print JSON instead.")]
SandboxKind = Annotated[
    Literal["locked", "docker", "unsafe"] | None,
    Parameter(name="--sandbox", help="What locks generated code in (setting verify.sandbox); unsafe locks nothing."),
]
RunName = Annotated[str, Parameter(help="A run's folder, its name, the beginning of one, or `latest`.")]
RUNS = Path("runs")
"""Where runs lie unless a command is told otherwise."""

RunsFolder = Annotated[Path, Parameter(name="--runs", help="The folder that runs lie in.")]
Plain = Annotated[bool, Parameter(negative="", show_default=False, help="Plain lines even on a terminal.")]


def refuse_folder(option: str, file: Path) -> None:
    """Raises: UsageError: the file that `option` names is a folder."""
    if file.is_dir():
        raise UsageError(f"{option} {file}: is a folder. Expected the name of a file in it.")
