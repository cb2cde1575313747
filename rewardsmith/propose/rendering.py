"""Genomes as reward code, and that code back to genomes.

A rendered reward carries its terms in one comment, so that a later generation can improve on it. The comment is only
believed where the code around it is what those terms render to, but for the numbers, which may have been refitted:
whatever else a person or a model changed counts as theirs.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import replace

from rewardsmith import syntax
from rewardsmith.codetext import named_numbers, parsed, value_of
from rewardsmith.propose.goals import asked
from rewardsmith.propose.graft import SEAM, grafted, split
from rewardsmith.propose.terms import (
    COSTS,
    KINDS,
    MAX_TERMS,
    RESERVED,
    WITH_TARGET,
    WITH_TEMPERATURE,
    Genome,
    Term,
    component_names,
    describe,
    free_name,
    subject,
    usable,
    well_formed,
)
from rewardsmith.types import Signal, Task

WIDTH = 110

_TERMS_LINE = re.compile(r"^ {4}# terms: (\[.{0,4000}\])$", re.MULTILINE)

# --- genome to code -------------------------------------------------------------------------------------------------


def render(genome: Genome, task: Task) -> str:
    """The genome as a reward file that keeps the contract of `compute_reward`."""
    head = f"{genome.base.source}\n\n\n{SEAM}\n" if genome.base is not None else "import torch\n\n\n"
    return head + _Writer(genome, task).function() + "\n"


class _Writer:
    """Writes one function; keeps the values already read, so that two terms on one distance compute it once."""

    def __init__(self, genome: Genome, task: Task) -> None:
        self.genome, self.task, self.signals = genome, task, usable(task)
        self.names = component_names(genome)
        self.arguments = _arguments(genome)
        self.values: dict[str, str] = {}  # expression -> local variable
        self.taken = {*self.arguments, *self.names, *RESERVED}
        self.numbers: dict[str, dict[str, str]] = {}

    def function(self) -> str:
        constants = self._constants()
        components = [_assigned(name, self._component(name, t)) for name, t in self._named()]
        values = [_assigned(local, expression) for expression, local in self.values.items()]
        body = "\n".join([*constants, "", *values, *components, "", *self._ending()])
        return f"{self._signature()}\n{self._docstring()}\n{_indent(body)}"

    def _named(self) -> Iterable[tuple[str, Term]]:
        return zip(self.names, self.genome.terms, strict=True)

    def _signature(self) -> str:
        numbers = self.task.numbers()
        arguments = "".join(f"    {a}: {'float' if a in numbers else 'torch.Tensor'},\n" for a in self.arguments)
        return f"def compute_reward(\n{arguments}) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:"

    def _docstring(self) -> str:
        goal = textwrap.fill(f"Goal: {_plain(asked(self.task.goal))}", WIDTH - 4)
        lines = [
            textwrap.fill(f"{name}: {describe(t, self.task)}.", WIDTH - 4, subsequent_indent="    ")
            for name, t in self._named()
        ]
        if self.genome.base is not None:
            lines.insert(0, f"{self.genome.base.function}: the reward this one builds on, unchanged.")
        return _indent('"""' + "\n".join([goal, "", *lines]) + '\n"""')

    def _constants(self) -> list[str]:
        rows = [[t.kind, list(t.signals), t.index, t.weight, t.temperature, t.target] for t in self.genome.terms]
        lines = [f"# terms: {json.dumps(rows)}"]
        for name, term in self._named():
            lines += self._numbers(name, term)
        return lines

    def _numbers(self, name: str, term: Term) -> list[str]:
        numbers = {"weight": term.weight}
        if term.kind in WITH_TEMPERATURE:
            numbers["temperature"] = term.temperature
        if term.kind in WITH_TARGET and term.target:
            numbers["target"] = term.target
        self.numbers[name] = {what: self._local(f"{name}_{what}") for what in numbers}
        unit = _plain(self.signals[term.signals[0]].unit)
        return [
            f"{self.numbers[name][what]} = {number!r}" + ("" if what == "weight" else f"  # {unit}")
            for what, number in numbers.items()
        ]

    def _component(self, name: str, term: Term) -> str:
        return f"{self.numbers[name]['weight']} * {self._shape(term, self.numbers[name])}"

    def _shape(self, term: Term, numbers: Mapping[str, str]) -> str:
        if term.kind in COSTS:
            return self._squares(term)
        value = self._value(term)
        if term.kind == "linear":
            return value
        if term.kind == "progress":
            return f"({self._value(term, prefix='prev_')} - {value})"
        if term.kind == "alive":
            return f"torch.ones_like({value})"
        if term.kind == "tanh":
            return f"torch.tanh({value} / {numbers['temperature']})"
        error = f"({value} - {numbers['target']})" if "target" in numbers else value
        if term.kind == "bell":
            return f"torch.exp(-({error} / {numbers['temperature']}).square())"
        size = value if self._is_length(term) and error == value else f"{error}.abs()"
        return f"torch.exp(-{size} / {numbers['temperature']})"

    def _is_length(self, term: Term) -> bool:
        return len(term.signals) == 2 or (term.index is None and self.signals[term.signals[0]].shape != ())

    def _squares(self, term: Term) -> str:
        name = term.signals[0]
        flat = f"({name} - prev_{name})" if term.kind == "smooth" else name
        sums = {0: "", 1: ".sum(dim=-1)"}
        return f"{flat}.square(){sums.get(len(self.signals[name].shape), '.flatten(1).sum(dim=-1)')}"

    def _value(self, term: Term, prefix: str = "") -> str:
        shape = self.signals[term.signals[0]].shape
        names = [prefix + s for s in term.signals]
        if len(names) == 1 and not shape:
            return names[0]
        if len(names) == 2 and not shape:
            return self._keep(f"({names[0]} - {names[1]}).abs()", f"{prefix}{subject(term)}")
        whole = names[0] if len(names) == 1 else f"{names[0]} - {names[1]}"
        flat = whole if len(shape) == 1 else f"({whole}).flatten(1)"
        if term.index is not None:
            return self._keep(f"{flat}[:, {term.index}]", f"{prefix}{subject(term)}")
        ending = "distance" if len(names) == 2 else "length"
        return self._keep(f"torch.linalg.vector_norm({flat}, dim=-1)", f"{prefix}{subject(term)}_{ending}")

    def _keep(self, expression: str, name: str) -> str:
        if expression not in self.values:
            self.values[expression] = self._local(name)
        return self.values[expression]

    def _local(self, name: str) -> str:
        name = free_name(name, self.taken)
        self.taken.add(name)
        return name

    def _ending(self) -> list[str]:
        base, entries = self.genome.base, [f'"{n}": {n},' for n in self.names]
        if base is None:
            return [f"total = {' + '.join(self.names)}", *_returned(entries)]
        before, parts = self._local("base_total"), self._local("base_components")
        return [
            f"{before}, {parts} = {base.call}",
            f"total = {' + '.join([before, *self.names])}",
            *_returned([f"**{parts},", *entries]),
        ]


def _assigned(name: str, expression: str) -> str:
    line = f"{name} = {expression}"
    return line if len(line) <= WIDTH - 4 else f"{name} = (\n    {expression}\n)"


def _returned(entries: Iterable[str]) -> list[str]:
    return ["return total, {", *(f"    {e}" for e in entries), "}"]


def _arguments(genome: Genome) -> tuple[str, ...]:
    names = list(genome.base.arguments) if genome.base is not None else []
    for term in genome.terms:
        names += term.signals
        if term.kind in ("progress", "smooth"):
            names += [f"prev_{s}" for s in term.signals]
    return tuple(dict.fromkeys(names))


def _indent(text: str) -> str:
    return textwrap.indent(text, "    ")


def _plain(text: str) -> str:
    """`text` on one line, without what could end a docstring, a comment or a fence."""
    words = "".join(c if c.isprintable() and c not in "\"'\\`" else " " for c in text).split()
    return textwrap.shorten(" ".join(words), 240, placeholder=" ...")


# --- code to genome -------------------------------------------------------------------------------------------------


def read(code: str, task: Task) -> Genome | None:
    """The genome that `code` was rendered from; None where it was written, or touched, by anyone else."""
    above, below = split(code)
    found = _TERMS_LINE.search(below)
    terms = None if found is None else _parsed(found[1], usable(task))
    base = None if above is None else grafted(above, task)
    if not terms or (above is not None and base is None):
        return None
    written = Genome(terms=terms, base=base)
    tries = (written, _renumbered(written, below))
    return next((g for g in tries if _sane(g, task) and _same_program(code, render(g, task))), None)


def _renumbered(genome: Genome, code: str) -> Genome:
    """The genome with the numbers that stand in the code, under the names that it was written with."""
    names = component_names(genome)
    numbers = {name: float(value_of(node) or 0.0) for name, node in named_numbers(parsed(code) or ast.Module([], []))}
    terms = [
        replace(
            term,
            weight=numbers.get(f"{name}_weight", term.weight),
            temperature=numbers.get(f"{name}_temperature", term.temperature),
            target=numbers.get(f"{name}_target", term.target),
        )
        for name, term in zip(names, genome.terms, strict=True)
    ]
    return replace(genome, terms=tuple(terms), names=names)


def _sane(genome: Genome, task: Task) -> bool:
    return all(well_formed(t, usable(task)) for t in genome.terms)


def _parsed(text: str, signals: Mapping[str, Signal]) -> tuple[Term, ...] | None:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return None
    terms = [_term(row, signals) for row in rows]
    whole = [t for t in terms if t is not None]
    once = len({t.key for t in whole}) == len(rows)
    return tuple(whole) if once and 0 < len(rows) <= MAX_TERMS else None


def _term(row: object, signals: Mapping[str, Signal]) -> Term | None:
    match row:
        case [str(kind), [str(), *_] as names, int() | None as index, float(weight), float(temperature), float(target)]:
            known = kind in KINDS and all(isinstance(n, str) and n in signals for n in names)
            if not known or isinstance(index, bool):
                return None
            term = Term(
                kind=kind,  # type: ignore[arg-type]  # checked against KINDS above
                signals=tuple(str(n) for n in names),
                index=index,
                weight=weight,
                temperature=temperature,
                target=target,
            )
            return term if well_formed(term, signals) else None
    return None


def _same_program(first: str, second: str) -> bool:
    try:
        return _skeleton(first) == _skeleton(second)
    except (SyntaxError, ValueError, RecursionError):
        return False


def _skeleton(code: str) -> str:
    """The program without comments, layout and docstrings."""
    tree = syntax.module(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None and len(node.body) > 1:
            del node.body[0]
    return ast.dump(tree)
