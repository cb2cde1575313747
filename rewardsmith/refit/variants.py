"""One reward with other numbers, as graphs: by putting them into its traced program, or by tracing it anew.

The code is traced twice, each knob at a marker of its own. Where the two programs differ in nothing but these markers,
every place of every number is known and any variant is a substitution, exact to the bit. Where a number was folded into
another (`1.0 / temperature`), each variant is traced in the sandbox, which takes a fraction of a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from rewardsmith.codetext import Number
from rewardsmith.graph import GraphError, RewardGraph, allowed_inputs
from rewardsmith.interfaces import Sandbox
from rewardsmith.refit.knobs import Knob, set_to
from rewardsmith.types import Task

Numbers = tuple[Number, ...]
"""One number a knob, in the order of the knobs."""


class Variants(Protocol):
    """Graphs of one reward by its knobs' numbers; None where such a reward cannot run.

    `exact`: by substitution, in milliseconds; otherwise each is traced.
    """

    @property
    def exact(self) -> bool: ...

    def graph(self, numbers: Numbers) -> RewardGraph | None: ...


class Tracer:
    """Code to graphs, through the sandbox."""

    def __init__(self, sandbox: Sandbox, task: Task) -> None:
        self._sandbox, self._numbers = sandbox, task.numbers()
        self.signals: Mapping[str, tuple[int, ...]] = allowed_inputs(task)

    def graphs(self, codes: Sequence[str]) -> list[RewardGraph | None]:
        """The graph of each code; None where it was rejected."""
        texts = self._sandbox.trace(codes, signals=self.signals, constants=self._numbers)
        return [checked(text, self.signals) if isinstance(text, str) else None for text in texts]


def checked(text: str, signals: Mapping[str, tuple[int, ...]]) -> RewardGraph | None:
    """The graph in `text`, None where it may not run."""
    try:
        return RewardGraph.from_json(text, signals=signals)
    except GraphError:
        return None


def variants(code: str, knobs: Sequence[Knob], tracer: Tracer) -> Variants:
    """The quickest way to variants of `code` that is exact."""
    first, second = (_markers(knobs, sign) for sign in (1, -1))
    traced = tracer.graphs([set_to(code, knobs, markers) for markers in (first, second)])
    programs = [json.loads(graph.to_json()) for graph in traced if graph is not None]
    if len(programs) < len(traced):
        return Retraced(code, knobs, tracer)
    try:
        template = _template(programs[0], programs[1], _known(first, second))
    except _Differs:
        return Retraced(code, knobs, tracer)
    return Substituted(template, tracer.signals)


class Retraced:
    """Every variant through the sandbox, once."""

    exact = False

    def __init__(self, code: str, knobs: Sequence[Knob], tracer: Tracer) -> None:
        self._code, self._knobs, self._tracer = code, knobs, tracer
        self._traced: dict[Numbers, RewardGraph | None] = {}

    def graph(self, numbers: Numbers) -> RewardGraph | None:
        if numbers not in self._traced:
            [self._traced[numbers]] = self._tracer.graphs([set_to(self._code, self._knobs, numbers)])
        return self._traced[numbers]


class Substituted:
    """The traced program with numbers put in where the template has a `Slot`."""

    exact = True

    def __init__(self, template: object, signals: Mapping[str, tuple[int, ...]]) -> None:
        self._template, self._signals = template, signals

    def graph(self, numbers: Numbers) -> RewardGraph | None:
        return checked(json.dumps(_filled(self._template, numbers)), self._signals)


# --- where a number stands in a program -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a knob's number in a program: with this sign, and rounded to float32 where it is in a tensor."""

    knob: int
    sign: int
    single: bool

    def filled(self, numbers: Sequence[Number]) -> Number:
        value = self.sign * numbers[self.knob]
        return torch.tensor(value, dtype=torch.float32).item() if self.single else value


class _Differs(Exception):
    """Two programs differ in something that is no marker."""


def _markers(knobs: Sequence[Knob], sign: int) -> Numbers:
    """A number near each knob's own, so that code branches alike; no two of them alike."""
    return tuple(knob.value * (1.0 + sign * 1e-3 * (i + 1)) for i, knob in enumerate(knobs))


def _known(first: Numbers, second: Numbers) -> Mapping[tuple[Number, Number], Slot]:
    """Which slot it is where the one marker stands in the one program and the other in the other."""
    slots = [Slot(k, sign, single) for single in (True, False) for sign in (-1, 1) for k in range(len(first))]
    return {(slot.filled(first), slot.filled(second)): slot for slot in slots}


def _template(first: object, second: object, known: Mapping[tuple[Number, Number], Slot]) -> object:
    """Two programs as plain JSON laid over each other. Raises: _Differs."""
    match first, second:
        case list(), list() if len(first) == len(second):
            return [_template(a, b, known) for a, b in zip(first, second, strict=True)]
        case dict(), dict() if first.keys() == second.keys():
            return {key: _template(first[key], second[key], known) for key in first}
        case float(), float() if first != second and (first, second) in known:
            return known[(first, second)]
    if first != second:
        raise _Differs
    return first


def _filled(template: object, numbers: Numbers) -> object:
    match template:
        case list():
            return [_filled(item, numbers) for item in template]
        case dict():
            return {key: _filled(item, numbers) for key, item in template.items()}
        case Slot():
            return template.filled(numbers)
    return template
