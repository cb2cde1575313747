"""What a task reads of its model: observation, ends and info fields, from MuJoCo's names to tensors."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import torch
from torch import Tensor

from rewardsmith.errors import ConfigError
from rewardsmith.sim.frames import no_such_field
from rewardsmith.sim.mjcf import calls, code
from rewardsmith.sim.mjcf.calls import Function
from rewardsmith.sim.mjcf.declared import MjcfKeys, refused
from rewardsmith.sim.mjcf.fields import Layout, Read, picked
from rewardsmith.sources import (
    CODE_HINT,
    ENV_ROOTS,
    OBJECTS,
    STATE,
    Given,
    Node,
    Part,
    Source,
    SourceError,
    View,
    parse,
)
from rewardsmith.types import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a frame holds: `obs (N, D)`, `info` as asked for, `terminated (N,)` bool."""

    obs: Tensor
    info: Mapping[str, Tensor]
    terminated: Tensor | None  # nothing ends an episode


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """An expression that stands under a key of `env:`."""

    task: Task
    key: str
    source: Source

    def read(self, view: View, *, most: int) -> Tensor:
        """Its value at every row, with at most so many axes besides theirs.

        Raises: ConfigError: it does not fit what it reads, or has more.
        """
        try:
            found = self.source.read(view)
        except SourceError as fault:
            raise self.refused(f"{fault.message.rstrip('.')}; in '{self.source.text}'.") from fault
        if found.ndim > 1 + most:
            needed = f"a number or a vector is needed. {NARROW}" if most else f"one number is needed. {REDUCE}"
            raise self.refused(f"'{self.source.text}' has shape {list(found.shape[1:])}; {needed}")
        return found

    def refused(self, message: str) -> ConfigError:
        """An error about the expression."""
        return refused(self.task, f"env.{self.key}: {message}")


NARROW: Final = "Take a part of it, or have the function return fewer axes."
REDUCE: Final = "Take one part of each vector in it, e.g. body(torso).xpos[2], or a norm."


class Expressions:
    """A task's expressions and functions, parsed once; `wanted` are MuJoCo's names that they are made of.

    Raises: ConfigError: an expression cannot be parsed, or reads what is not there yet when it is needed.
    """

    def __init__(self, task: Task, keys: MjcfKeys, info_fields: Sequence[str]) -> None:
        self._task = task
        self._signals = {signal.name: parse(signal.source) for signal in task.signals}
        self.code = code.load(task, keys, self._signals)
        self._observed = [self._parsed(keys, "observation", text) for text in keys.observation]
        self._over = [self._parsed(keys, "terminated", text) for text in keys.terminated]
        self._asked = tuple(dict.fromkeys(info_fields))
        named = {*self._asked, *(f for asked in (*self._observed, *self._over) for f in asked.source.info_fields)}
        self._functions = {n: f for n, f in self.code.functions.items() if n in named}
        ends = self.code.terminated
        for name, function in {**self._functions, **({code.TERMINATED: ends} if ends else {})}.items():
            named |= self._arguments(name, function)
        self._check_known(self._asked)
        self.wanted = tuple(sorted(named - set(self.code.functions)))
        self._readers: Mapping[str, Read] = {}
        self._parts: list[Read | Asked] = []
        self._frames = 0

    def _parsed(self, keys: MjcfKeys, key: str, text: str) -> Asked:
        try:
            source = parse(text, signals=self._signals, roots=ENV_ROOTS, hint=CODE_HINT if keys.code else "")
        except SourceError as fault:
            raise refused(self._task, f"env.{key}: {fault.message.rstrip('.')}; in '{text}'.") from fault
        found = Asked(task=self._task, key=key, source=source)
        if source.obs_keys or source.uses_reward:
            raise refused(
                self._task, f"env.{key} reads '{text}', but there is no obs or reward yet. Read MuJoCo's names."
            )
        try:
            self._check_known(source.info_fields)
        except ConfigError as fault:
            raise found.refused(str(fault)) from fault
        return found

    def _check_known(self, fields: Iterable[str]) -> None:
        """Raises: ConfigError: one is neither spelled like MuJoCo's nor a function of the task's own."""
        for name in sorted(fields):
            if name not in STATE and "(" not in name and name not in self.code.functions:
                kinds = [f"{kind}(...)" for kind in OBJECTS]
                raise no_such_field(name, dict.fromkeys((*STATE, *kinds, *self.code.functions)))

    def _arguments(self, name: str, function: Function) -> set[str]:
        needed = {field for source in function.arguments.values() for field in source.info_fields}
        for other in needed & set(self.code.functions):
            raise refused(self._task, f"{name}() in env.code reads '{other}', another function; call it instead.")
        return needed

    def bind(self, layout: Layout) -> None:
        """Learn where in a row everything stands; once, before the first row is read."""
        self._readers = {name: layout.reader(name) for name in self.wanted}
        picked = [_columns(asked, layout, self._functions) for asked in self._observed]
        parts = [p or asked for p, asked in zip(picked, self._observed, strict=True)]
        self._parts = list(_merged(parts, layout.device))

    def told(self, rows: Tensor, actions: Tensor) -> Told:
        """Everything that a frame holds, from `rows (N, W)` and the actions `(N, A)` that led there."""
        given = _Given(rows, self._readers)
        plain = View(obs={}, info=given, action=actions)
        for name, function in self._functions.items():
            given.found[name] = self._called(function, plain)
        found = Told(
            obs=self._obs(rows, plain),
            info={name: given[name] for name in self._asked},
            terminated=self._ends(plain),
        )
        self._frames += 1
        return found

    def _called(self, function: Function, view: View) -> Tensor:
        return function.tried(view) if self._frames < calls.TRIED else function.value(view)

    def _obs(self, rows: Tensor, view: View) -> Tensor:
        parts = [_wide(part.read(view, most=1)) if isinstance(part, Asked) else part(rows) for part in self._parts]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def _ends(self, view: View) -> Tensor | None:
        ends = [asked.read(view, most=0) for asked in self._over]
        if self.code.terminated is not None:
            ends.append(self._called(self.code.terminated, view))
        return torch.stack(ends).ne(0).any(dim=0) if ends else None


class _Given(Mapping[str, Tensor]):
    """A row's fields by name, each read when it is asked for."""

    def __init__(self, rows: Tensor, readers: Mapping[str, Read]) -> None:
        self._rows, self._readers = rows, readers
        self.found: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.found:
            self.found[name] = self._readers[name](self._rows)
        return self.found[name]

    def __contains__(self, name: object) -> bool:
        return name in self.found or name in self._readers

    def __iter__(self) -> Iterator[str]:
        return iter({**self._readers, **self.found})

    def __len__(self) -> int:
        return len({**self._readers, **self.found})


def _columns(asked: Asked, layout: Layout, functions: Container[str]) -> list[int] | None:
    """The columns that an expression merely picks; None where it computes.

    Raises: ConfigError: it picks what is not there.
    """
    field = _picked_from(asked.source.tree)
    place = layout.place(field) if field and field not in functions else None
    if field is None or place is None:
        return None
    numbers = torch.tensor(place.columns[0] if place.scalar else place.columns).unsqueeze(0)
    found = asked.read(View(obs={}, info={field: numbers}, action=torch.zeros(1, 0)), most=1)
    return [int(column) for column in found.flatten()]


def _picked_from(node: Node) -> str | None:
    """The field that an expression is, or is a part of; None where it computes."""
    match node:
        case Given(group="info", key=key):
            return key
        case Part(of=whole):
            return _picked_from(whole)
    return None


def _merged(parts: Sequence[list[int] | Asked], device: torch.device) -> Iterator[Read | Asked]:
    """Runs of columns are read at once."""
    for picks, run in groupby(parts, key=lambda part: isinstance(part, list)):
        if picks:
            yield picked([column for part in run for column in part], device)  # type: ignore[union-attr]
        else:
            yield from run  # type: ignore[misc]


def _wide(part: Tensor) -> Tensor:
    return part if part.ndim == 2 else part.unsqueeze(1)
