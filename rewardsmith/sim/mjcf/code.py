"""The Python that a task brings for what cannot be declared: batched pure functions on tensors.

Every public function of the file is an info field of its name, so a task reads it as `info.<name>`, except for three
that the simulator calls itself:

    edit(spec)                  changes the `mujoco.MjSpec` before it is compiled
    terminated(...)             `(N,)`: an episode is over where it is not 0
    reset(qpos, qvel, uniform)  starting positions `(S, nq)` and velocities `(S, nv)` as declared, and 64 numbers in
                                [0, 1) an episode, `(S, 64)`; returns both

A function's arguments are signals of the task by name, or names in the file's `READS`, which maps them to sources:
`READS = {"pitch": "joint(rooty).qpos"}`; others keep their defaults. How functions are called is in `calls.py`. The
file is the person's own and runs as such; no model ever writes it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from rewardsmith import sources
from rewardsmith.errors import ConfigError, did_you_mean
from rewardsmith.sim.faults import said
from rewardsmith.sim.mjcf.calls import GIVEN, Callee, Function, Reset, line_of
from rewardsmith.sim.mjcf.declared import MjcfKeys, refused
from rewardsmith.sim.mjcf.model import folder_of
from rewardsmith.sources import STATE, Source, SourceError
from rewardsmith.types import Task

EDIT, TERMINATED, RESET = "edit", "terminated", "reset"
RESET_NUMBERS: Final = 64
HELPER: Final = "Begin its name with _ if it is a helper."


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
    known = {**signals, **_reads(task, getattr(module, "READS", {}))}
    public = {
        name: Callee(task=task, file=str(module.__file__), name=name, function=value)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    reset, edit, ends = (public.pop(name, None) for name in (RESET, EDIT, TERMINATED))
    return Code(
        functions={name: _function(call, known) for name, call in public.items()},
        terminated=None if ends is None else _function(ends, known, shape=()),
        reset=None if reset is None else _reset(reset),
        edit=None if edit is None else _edit(edit),
    )


def _beside(task: Task, name: str, key: str) -> Path:
    file = folder_of(task) / name
    if not file.is_file():
        close = did_you_mean(file.name, [other.name for other in file.parent.glob(f"*{file.suffix}")])
        raise refused(task, f"no such file '{file}' for {key}.{close}")
    return file


def _module(task: Task, name: str) -> ModuleType:
    """The file as a module, known by a name of its own, as dataclasses in it need."""
    file = _beside(task, name, "env.code").absolute()
    known_as = f"rewardsmith_task_{hashlib.sha256(str(file).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(known_as, file)
    if spec is None or spec.loader is None:
        raise refused(task, f"env.code is '{name}', which is no Python file. Call it e.g. task.py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[known_as] = module
    try:
        spec.loader.exec_module(module)
    except Exception as fault:
        del sys.modules[known_as]
        line = line_of(fault, str(file))
        raise refused(task, f"{file} cannot be run: {said(fault)}{f' (line {line})' if line else ''}") from fault
    return module


def _reads(task: Task, given: object) -> dict[str, Source]:
    if not isinstance(given, dict):
        raise _no_reads(task, f"is a {type(given).__name__}")
    found: dict[str, Source] = {}
    for name, text in given.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise _no_reads(task, f"has {name!r}: {text!r}")
        try:
            found[name] = sources.parse(text)
        except SourceError as fault:
            raise refused(task, f"READS['{name}'] in env.code: {fault.message}") from fault
    return found


def _no_reads(task: Task, what: str) -> ConfigError:
    return refused(
        task, f"READS in env.code {what}; expected names and their sources, e.g. {{'pitch': 'joint(rooty).qpos'}}."
    )


def _function(call: Callee, known: Mapping[str, Source], *, shape: tuple[int, ...] | None = None) -> Function:
    if call.name in STATE:
        raise call.refused(f" would take the place of MuJoCo's own '{call.name}'. Call it something else. {HELPER}")
    asked = _asked(call, known, hint=f"which is no signal and not in READS. {HELPER}")
    return Function(call=call, arguments={name: known[name] for name in asked}, shape=shape)


def _reset(call: Callee) -> Reset:
    return Reset(call=call, asks=tuple(_asked(call, GIVEN, hint="which it is not given.")))


def _asked(call: Callee, known: Collection[str], *, hint: str) -> list[str]:
    """The arguments that a function is given; others keep their defaults."""
    asked: list[str] = []
    for name, parameter in inspect.signature(call.function).parameters.items():
        if name in known:
            asked.append(name)
        elif parameter.default is parameter.empty and parameter.kind not in _REST:
            close = did_you_mean(name, known)
            raise call.refused(f" asks for '{name}', {hint}{close} Known: {', '.join(known) or 'none'}.")
    return asked


_REST: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _edit(call: Callee) -> Callee:
    try:
        inspect.signature(call.function).bind("spec")
    except TypeError as fault:
        raise call.refused(" cannot be called as edit(spec), spec being the mujoco.MjSpec to change.") from fault
    return call
