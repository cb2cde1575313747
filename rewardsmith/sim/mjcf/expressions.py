"""What a task reads of its model: observation, ends and info fields, from MuJoCo's names to tensors."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from rewardsmith.sim.mjcf import code
from rewardsmith.sim.mjcf.code import Function
from rewardsmith.sim.mjcf.declared import MjcfKeys, refused
from rewardsmith.sim.mjcf.fields import Layout, Read, picked
from rewardsmith.sources import Given, Node, Part, Source, SourceError, View, parse
from rewardsmith.types import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a frame holds: `obs (N, D)`, `info` as asked for, `terminated (N,)` bool."""

    obs: Tensor
    info: Mapping[str, Tensor]
    terminated: Tensor | None  # nothing ends an episode


class Expressions:
    """A task's expressions and functions, parsed once; `wanted` are MuJoCo's names that they are made of.

    Raises: ConfigError: an expression cannot be parsed, or reads what is not there yet when it is needed.
    """

    def __init__(self, task: Task, keys: MjcfKeys, info_fields: Sequence[str]) -> None:
        self._task = task
        self._signals = {signal.name: parse(signal.source) for signal in task.signals}
        self.code = code.load(task, keys, self._signals)
        self._observed = [self._parsed("observation", text) for text in keys.observation]
        self._over = [self._parsed("terminated", text) for text in keys.terminated]
        self._asked = tuple(dict.fromkeys(info_fields))
        named = {*self._asked, *(f for s in (*self._observed, *self._over) for f in s.info_fields)}
        self._functions = {n: f for n, f in self.code.functions.items() if n in named}
        ends = self.code.terminated
        for name, function in {**self._functions, **({code.TERMINATED: ends} if ends else {})}.items():
            named |= self._arguments(name, function)
        self.wanted = tuple(sorted(named - set(self.code.functions)))
        self._readers: Mapping[str, Read] = {}
        self._parts: list[Read | Source] = []

    def _parsed(self, key: str, text: str) -> Source:
        try:
            found = parse(text, signals=self._signals)
        except SourceError as fault:
            raise refused(self._task, f"env.{key}: {fault.message.rstrip('.')}; in '{text}'.") from fault
        if found.obs_keys or found.uses_reward:
            raise refused(
                self._task, f"env.{key} reads '{text}', but there is no obs or reward yet. Read MuJoCo's names."
            )
        return found

    def _arguments(self, name: str, function: Function) -> set[str]:
        needed = {field for source in function.arguments.values() for field in source.info_fields}
        for other in needed & set(self.code.functions):
            raise refused(self._task, f"{name}() in env.code reads '{other}', another function; call it instead.")
        return needed

    def bind(self, layout: Layout) -> None:
        """Learn where in a row everything stands; once, before the first row is read."""
        self._readers = {name: layout.reader(name) for name in self.wanted}
        picked = [_columns(source.tree, layout, self._functions) for source in self._observed]
        parts = [p or source for p, source in zip(picked, self._observed, strict=True)]
        self._parts = list(_merged(parts, layout.device))

    def told(self, rows: Tensor, actions: Tensor) -> Told:
        """Everything that a frame holds, from `rows (N, W)` and the actions `(N, A)` that led there."""
        given = _Given(rows, self._readers)
        plain = View(obs={}, info=given, action=actions)
        for name, function in self._functions.items():
            given.found[name] = _called(function, plain)
        return Told(
            obs=self._obs(rows, plain),
            info={name: given[name] for name in self._asked},
            terminated=self._ends(plain),
        )

    def _obs(self, rows: Tensor, view: View) -> Tensor:
        parts = [_wide(part.read(view)) if isinstance(part, Source) else part(rows) for part in self._parts]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def _ends(self, view: View) -> Tensor | None:
        ends = [source.read(view) for source in self._over]
        if self.code.terminated is not None:
            ends.append(_called(self.code.terminated, view))
        if not ends:
            return None
        return torch.stack([torch.broadcast_to(end, view.batch) for end in ends]).ne(0).any(dim=0)


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


def _columns(node: Node, layout: Layout, functions: Container[str]) -> list[int] | None:
    """The columns that an expression merely picks; None where it computes."""
    match node:
        case Given(group="info", key=key):
            place = layout.place(key) if key not in functions else None
            return None if place is None else list(place.columns)
        case Part(of=Given() as whole, at=at):
            columns = _columns(whole, layout, functions)
            if columns is None:
                return None
            return [columns[at]] if isinstance(at, int) else columns[slice(*at)]
    return None


def _merged(parts: Sequence[list[int] | Source], device: torch.device) -> Iterator[Read | Source]:
    """Runs of columns are read at once."""
    for picks, run in groupby(parts, key=lambda part: isinstance(part, list)):
        if picks:
            yield picked([column for part in run for column in part], device)  # type: ignore[union-attr]
        else:
            yield from run  # type: ignore[misc]


def _wide(part: Tensor) -> Tensor:
    return part if part.ndim == 2 else part.unsqueeze(1)


def _called(function: Function, view: View) -> Tensor:
    return function.call(**{name: source.read(view) for name, source in function.arguments.items()}).float()
