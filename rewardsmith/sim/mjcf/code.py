"""The Python that a task brings for what cannot be declared: batched pure functions on tensors.

Every public function of the file is an info field of its name, so a task reads it as `info.<name>`, except for three
that the simulator calls itself:

    edit(spec)                  changes the `mujoco.MjSpec` before it is compiled
    terminated(...)             `(N,)`: an episode is over where it is not 0
    reset(qpos, qvel, uniform)  starting positions `(S, nq)` and velocities `(S, nv)` as declared, and 64 numbers in
                                [0, 1) an episode, `(S, 64)`; returns both

A function's arguments are signals of the task by name, or names in the file's `READS`, which maps them to sources:
`READS = {"pitch": "joint(rooty).qpos"}`. The file is the person's own and runs as such; no model ever writes it.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from torch import Tensor

from rewardsmith import sources
from rewardsmith.errors import did_you_mean
from rewardsmith.sim.mjcf.declared import MjcfKeys, refused
from rewardsmith.sim.mjcf.model import folder_of
from rewardsmith.sources import Source, SourceError
from rewardsmith.types import Task

EDIT, TERMINATED, RESET = "edit", "terminated", "reset"
RESET_NUMBERS: Final = 64

Reset = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Positions and velocities as declared, and uniform numbers, to those that episodes begin with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A function of the task's file, and the source of each of its arguments."""

    call: Callable[..., Tensor]
    arguments: Mapping[str, Source]


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A task's own functions; empty where it brings none."""

    functions: Mapping[str, Function] = field(default_factory=dict)
    terminated: Function | None = None
    reset: Reset | None = None
    edit: Callable[[Any], object] | None = None


def load(task: Task, keys: MjcfKeys, signals: Mapping[str, Source]) -> Code:
    """Import the file that `env.code` names, which may read those of `env.files`.

    Raises: ConfigError: there is none, it cannot be run, or an argument of a function is nothing known.
    """
    for name in keys.files:
        _beside(task, name, "env.files")
    if keys.code is None:
        return Code()
    module = _module(task, keys.code)
    reads = {name: _source(task, name, text) for name, text in getattr(module, "READS", {}).items()}
    public = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    reset, edit = public.pop(RESET, None), public.pop(EDIT, None)
    found = {name: _function(task, name, call, {**signals, **reads}) for name, call in public.items()}
    return Code(terminated=found.pop(TERMINATED, None), functions=found, reset=reset, edit=edit)


def _beside(task: Task, name: str, key: str) -> Path:
    file = folder_of(task) / name
    if not file.is_file():
        close = did_you_mean(file.name, [other.name for other in file.parent.glob(f"*{file.suffix}")])
        raise refused(task, f"no such file '{file}' for {key}.{close}")
    return file


def _module(task: Task, name: str) -> ModuleType:
    file = _beside(task, name, "env.code")
    spec = importlib.util.spec_from_file_location(f"rewardsmith_task_{task.name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as fault:
        raise refused(task, f"{file} cannot be run: {type(fault).__name__}: {fault}") from fault
    return module


def _source(task: Task, name: str, text: str) -> Source:
    try:
        return sources.parse(text)
    except SourceError as fault:
        raise refused(task, f"READS['{name}'] in env.code: {fault.message}") from fault


def _function(task: Task, name: str, call: Callable[..., Tensor], known: Mapping[str, Source]) -> Function:
    arguments: dict[str, Source] = {}
    for argument in inspect.signature(call).parameters:
        if argument not in known:
            raise refused(
                task,
                f"{name}() in env.code asks for '{argument}', which is no signal and not in READS."
                f"{did_you_mean(argument, known)} Known: {', '.join(known)}.",
            )
        arguments[argument] = known[argument]
    return Function(call=call, arguments=arguments)
