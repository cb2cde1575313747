"""The numbers of a reward that may be fitted: its weights and temperatures, found in its text.

A knob is a literal under a telling name (`near_weight = 2.0`, `temperature: float = 0.1`), or one that multiplies a
whole term of the total or of a component (`2.0 * near`). Any other number may be part of what the code means, as the 2
in a quaternion's formula is, so it is let alone. What a knob does is not read from its name: see `model.py`.
"""

from __future__ import annotations

import ast
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rewardsmith.codetext import Number, Places, Span, entry, named_numbers, parsed, value_of, with_numbers

MOST = 24
_WORDS = frozenset(
    ("temperature", "temp", "tau", "sigma", "bandwidth", "scale", "weight", "coef", "coeff", "coefficient", "gain", "w")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Knob:
    """One number that may be fitted: `sign * value` stands at each of its places.

    A term written twice, in the total and among the components, perhaps with the other sign, is one knob.
    """

    name: str
    value: Number
    places: tuple[tuple[Span, int], ...]


def find(code: str) -> tuple[Knob, ...]:
    """The knobs of a reward's code in the order they stand in it, at most 24; zeros are none."""
    tree = parsed(code)
    function = None if tree is None else entry(tree)
    if tree is None or function is None:
        return ()
    named = [(name, [node]) for name, node in _named(tree)]
    taken = {id(node) for _, nodes in named for node in nodes}
    terms = [(name, nodes) for name, nodes in _Terms(function).factors() if not taken & {id(n) for n in nodes}]
    places = Places(code)
    knobs = [_knob(name, nodes, places) for name, nodes in (*named, *terms)]
    return tuple(sorted((k for k in knobs if k is not None), key=lambda k: k.places))[:MOST]


def set_to(code: str, knobs: Sequence[Knob], numbers: Sequence[Number]) -> str:
    """`code` with the knobs at `numbers`; one that keeps its value keeps its spelling."""
    changed = [(k, n) for k, n in zip(knobs, numbers, strict=True) if n != k.value]
    return with_numbers(code, {span: sign * n for k, n in changed for span, sign in k.places})


def _knob(name: str, nodes: Sequence[ast.expr], places: Places) -> Knob | None:
    values = [value_of(node) for node in nodes]
    spans = [places.number(node) for node in nodes]
    first = values[0]
    if first is None or first == 0 or not math.isfinite(first) or None in spans:
        return None
    found = [(s, 1 if v == first else -1) for s, v in zip(spans, values, strict=True) if s is not None]
    return Knob(name=name, value=first, places=tuple(sorted(found)))


# --- numbers under a telling name -----------------------------------------------------------------------------------


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    yield from ((name, node) for name, node in named_numbers(tree) if _tells(name))
    for node in ast.walk(tree):
        match node:
            case ast.arguments():
                yield from _defaults(node)
            case ast.keyword(arg=str() as name, value=value) if _tells(name) and value_of(value) is not None:
                yield name, value
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as table):
                yield from _entries(name, table)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict() as table):
                yield from _entries(name, table)


def _tells(name: str) -> bool:
    """Whether a part of the name says weight or temperature: `near_weight`, `TEMP_2`, `w_near`, `weights`."""
    parts = [re.sub(r"\d+$", "", part) for part in name.lower().split("_")]
    known = [part for part in parts if part in _WORDS or part.removesuffix("s") in _WORDS]
    return any(len(part) > 1 or len(parts) > 1 for part in known)


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    first = len(positional) - len(arguments.defaults)
    pairs = [*zip(positional[first:], arguments.defaults, strict=True)]
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
    yield from ((a.arg, d) for a, d in pairs if _tells(a.arg) and value_of(d) is not None)


def _entries(name: str, table: ast.Dict) -> Iterator[tuple[str, ast.expr]]:
    for key, value in zip(table.keys, table.values, strict=True):
        word = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
        if word and value_of(value) is not None and (_tells(name) or _tells(word)):
            yield f"{name}[{word}]", value


# --- numbers that multiply a term -----------------------------------------------------------------------------------


class _Terms:
    """Walks from what a function returns down its sums to the terms, and picks the number before each of them."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self._assigned: dict[str, list[tuple[str, ast.expr]]] = defaultdict(list)
        for node in ast.walk(function):
            for name, word, value in _assignments(node):
                self._assigned[name].append((word, value))
        self._returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
        self._seen: set[int] = set()
        self._found: dict[str, tuple[str, list[ast.expr]]] = {}

    def factors(self) -> list[tuple[str, list[ast.expr]]]:
        for value in self._returned:
            for part in value.elts if isinstance(value, ast.Tuple) else [value]:
                self._walk(part, "")
        return list(self._found.values())

    def _walk(self, node: ast.expr, name: str) -> None:
        """`name` is what the term is known by: a component's, or the variable's it stands in."""
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
                self._walk(left, "")
                self._walk(right, "")
            case ast.BinOp(op=ast.Mult()):
                self._product(node, name)
            case ast.BinOp(op=ast.Div(), left=inner) | ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
                self._walk(inner, name)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    self._walk(value, _word(key) or name)
            case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
                for keyword in keywords:
                    self._walk(keyword.value, keyword.arg or name)
            case ast.Name(id=variable):
                for word, value in self._assigned[variable]:
                    self._walk(value, word or variable)
            case ast.Subscript(value=ast.Name(id=variable), slice=key) if _word(key):
                self._walk(node.value, variable)

    def _product(self, product: ast.BinOp, name: str) -> None:
        factors = list(_factors(product))
        number = next((f for f in factors if value_of(f) is not None), None)
        if number is not None:
            rest = [ast.dump(f) for f in factors if f is not number]
            key = f"{abs(value_of(number) or 0)} {rest}"
            self._found.setdefault(key, (name or ast.unparse(product)[:40], []))[1].append(number)
        elif not any(isinstance(n, ast.Name) and _tells(n.id) for f in factors for n in ast.walk(f)):
            for factor in factors:
                self._walk(factor, name)


def _factors(node: ast.expr) -> Iterator[ast.expr]:
    """What is multiplied, signs of what is no number left out."""
    match node:
        case ast.BinOp(op=ast.Mult(), left=left, right=right) if value_of(node) is None:
            yield from _factors(left)
            yield from _factors(right)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner) if value_of(node) is None:
            yield from _factors(inner)
        case _:
            yield node


def _assignments(node: ast.AST) -> Iterator[tuple[str, str, ast.expr]]:
    """What a statement adds to a name: `(variable, key, value)`, the key of an entry of a dict, else empty."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, "", value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, "", value
        case ast.AugAssign(target=ast.Name(id=name), op=ast.Add() | ast.Sub(), value=value):
            yield name, "", value
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)], value=value):
            yield name, _word(key), value


def _word(key: ast.expr | None) -> str:
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
