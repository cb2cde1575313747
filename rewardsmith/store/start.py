"""What a run began with: its task, resolved settings, versions, and the inputs its reward code may have.

The ledger's first event holds it exactly; `run.json`, `config.yaml` and `task.yaml` say the same to people, and
`config.yaml` is a settings file that begins the same run again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml
from pydantic import ValidationError

from rewardsmith.config import EvolveConfig
from rewardsmith.errors import RunError
from rewardsmith.store.artefacts import to_bytes
from rewardsmith.store.codec import Json, decode, encode
from rewardsmith.types import Task

EXTRAS = "extras.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """`allowed`: every input reward code may ask for, with its shape per environment.

    `task_text` is the task file as it was written, `extras` what was asked for besides settings; runs of earlier
    versions have neither. `task_place` is where the run's folder holds the task file beside copies of the files that
    it names, None where it names none.
    """

    task: Task
    config: EvolveConfig
    versions: Mapping[str, str]
    allowed: Mapping[str, tuple[int, ...]]
    task_text: str | None = None
    task_place: str | None = None
    extras: Json = None

    def to_json(self) -> dict[str, Json]:
        """The body of the run's first event."""
        return {
            "task": encode(self.task),
            "config": self.config.model_dump(mode="json"),
            "versions": dict(self.versions),
            "allowed": {name: list(shape) for name, shape in self.allowed.items()},
            "task_text": self.task_text,
            "task_place": self.task_place,
            "extras": self.extras,
        }

    def files(self) -> dict[str, bytes]:
        """The files that tell people."""
        told = {"task": self.task.name, "task_file": self.task.path, "versions": dict(self.versions)}
        settings = yaml.safe_dump(self.config.model_dump(mode="json"), sort_keys=False)
        files = {"config.yaml": to_bytes(settings), "run.json": _indented(told)}
        files |= {} if self.task_text is None else {"task.yaml": to_bytes(self.task_text)}
        return files | ({} if self.extras is None else {EXTRAS: _indented(self.extras)})


def read_start(body: Json, folder: Path) -> Start:
    """The `Start` that `to_json` wrote.

    Raises: RunError: it does not fit this version, or was changed by hand.
    """
    given = _mapping(body, f"The first event of {folder}")
    try:
        config = EvolveConfig.model_validate(given.get("config"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(f"The settings of {folder} do not fit this rewardsmith: {where}: {first['msg']}.") from error
    versions = _mapping(given.get("versions"), f"versions of {folder}")
    return Start(
        task=decode(Task, given.get("task")),
        config=config,
        versions={name: str(number) for name, number in versions.items()},
        allowed=_shapes(given.get("allowed"), folder),
        task_text=cast("str | None", given.get("task_text")),
        task_place=cast("str | None", given.get("task_place")),
        extras=given.get("extras"),
    )


def _indented(data: Json | Mapping[str, object]) -> bytes:
    return to_bytes(json.dumps(data, indent=2) + "\n")


def _shapes(data: Json, folder: Path) -> dict[str, tuple[int, ...]]:
    shapes = _mapping(data, f"allowed inputs of {folder}")
    for name, shape in shapes.items():
        if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
            raise RunError(f"The allowed input '{name}' of {folder} has the shape {shape!r}; expected whole numbers.")
    return {name: tuple(cast("list[int]", shape)) for name, shape in shapes.items()}


def _mapping(data: Json, what: str) -> dict[str, Json]:
    if not isinstance(data, dict):
        raise RunError(f"{what}: expected a mapping, got {str(data)[:40]!r}.")
    return data
