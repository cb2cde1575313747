"""Reward code as text: how it is read, where its numbers stand, and edits that leave every other character as it was.

Nothing here runs code or decides whether it is a good reward; see `verify` and `sandbox` for what code may hold.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from rewardsmith import syntax
from rewardsmith.errors import ConfigError

Number = int | float
Span = tuple[int, int]
"""Where a piece of a text begins and ends, in characters."""

FUNCTION = "compute_reward"
_BOM = "\ufeff"
_MOST_BITS = 1000  # the largest float has 1024
_TOTALS = frozenset({"total", "total_reward", "reward"})
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


def read_reward(file: Path) -> str:
    """A reward file's code as it stands. Raises: ConfigError: it is missing, not UTF-8, or empty."""
    try:
        code = file.read_text(encoding="utf-8")
    except OSError as fault:
        raise ConfigError(f"{file}: cannot be read: {fault.strerror}. Expected a Python file with a reward.") from fault
    except UnicodeDecodeError as fault:
        raise ConfigError(f"{file}: not UTF-8 text ({fault.reason} at byte {fault.start}).") from fault
    if not code.strip():
        raise ConfigError(f"{file}: is empty. Expected a Python file that defines compute_reward.")
    return code


def parsed(code: str) -> ast.Module | None:
    """The tree of `code`; None where it is not Python, or holds a number that is no float."""
    try:
        tree = syntax.module(code.removeprefix(_BOM))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None if huge_number(tree) else tree


def huge_number(tree: ast.AST) -> ast.Constant | None:
    """A whole number in `tree` that no float holds, and that Python, from 4300 digits on, cannot write."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value.bit_length() > _MOST_BITS:
            return node
    return None


def entry(tree: ast.Module) -> ast.FunctionDef | None:
    """The reward function, found as the first gate finds it; None where no single one is meant."""
    functions = {item.name: item for item in tree.body if isinstance(item, ast.FunctionDef)}
    if FUNCTION in functions:
        return functions[FUNCTION]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    free = [name for name in functions if name not in used]
    meant = [name for name in free if name.startswith(FUNCTION)] or [name for name in free if "reward" in name] or free
    return functions[meant[0]] if len(meant) == 1 else None


class Places:
    """Where the nodes of a text's tree stand in it."""

    def __init__(self, code: str) -> None:
        self._code = code
        lines = [match[0] for match in _LINE.finditer(code.removeprefix(_BOM))]
        first = len(code) - len(code.removeprefix(_BOM))
        self._starts = list(itertools.accumulate(map(len, lines), initial=first))
        self._lines = [line.encode("utf-8", "surrogatepass") for line in lines]

    def of(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> Span:
        """The characters from the node's first to its last."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def line(self, number: int) -> Span:
        """Line `number`, counted from 1, with its ending."""
        return self._starts[number - 1], self._starts[number]

    def number(self, node: ast.expr) -> Span | None:
        """Where a literal number stands, its sign included; None where the text there says something else."""
        span = self.of(node)
        try:
            read = ast.literal_eval(self._code[slice(*span)])
        except (SyntaxError, ValueError):
            return None
        return span if read == value_of(node) else None

    def _at(self, line: int, column: int) -> int:
        """`column` counts bytes, as Python's own positions do."""
        return self._starts[line - 1] + len(self._lines[line - 1][:column].decode("utf-8", "surrogatepass"))


def value_of(node: ast.expr | None) -> Number | None:
    """The number that a literal stands for, a minus before it included; None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = value_of(node.operand) if isinstance(node.operand, ast.Constant) else None
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    return None


def named_numbers(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Every literal number that is assigned to a name by itself (`near_weight = 2.0`), with that name."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if value_of(value) is not None:
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if value_of(value) is not None:
                yield name, value


def formulas(code: str, *, numbers: bool = True) -> list[str]:
    """What the reward function assigns to names and puts into dicts, a line each, as Python writes it.

    Not the total, nor a dict's entries that are a mere name, nor, unless `numbers`, single numbers. Then those of the
    functions beside it, with what they return as `name(x) = ...`. Empty where the code cannot be read.
    """
    tree = parsed(code)
    function = None if tree is None else entry(tree)
    if tree is None or function is None:
        return []
    helpers = [item for item in tree.body if isinstance(item, ast.FunctionDef) and item is not function]
    try:
        found = [*_formulas(function, numbers=numbers)]
        return found + [line for helper in helpers for line in _of_helper(helper, numbers=numbers)]
    except (RecursionError, ValueError):  # nested too deeply to be written, or an f-string that cannot be
        return []


def _of_helper(function: ast.FunctionDef, *, numbers: bool) -> Iterator[str]:
    yield from _formulas(function, numbers=numbers)
    called = f"{function.name}({_arguments(function.args)})"
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield f"{called} = {ast.unparse(node.value)}"


def _arguments(given: ast.arguments) -> str:
    """Arguments with their defaults, without annotations."""
    bare = [[ast.arg(arg=a.arg) for a in group] for group in (given.posonlyargs, given.args, given.kwonlyargs)]
    return ast.unparse(
        ast.arguments(
            posonlyargs=bare[0],
            args=bare[1],
            vararg=given.vararg,
            kwonlyargs=bare[2],
            kw_defaults=given.kw_defaults,
            kwarg=given.kwarg,
            defaults=given.defaults,
        )
    )


def _formulas(function: ast.FunctionDef, *, numbers: bool) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.Dict(keys=keys, values=values):
                pairs = [(k, v) for k, v in zip(keys, values, strict=True) if k and not isinstance(v, ast.Name)]
                yield from (f"{ast.unparse(k)}: {ast.unparse(v)}" for k, v in pairs)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if numbers or value_of(value) is None:
                if name not in _TOTALS and not isinstance(value, ast.Dict):
                    yield ast.unparse(node)


def edited(code: str, pieces: Mapping[Span, str]) -> str:
    """`code` with each piece put in place of what stands at its span; spans do not overlap."""
    kept: list[str] = []
    at = 0
    for (start, end), piece in sorted(pieces.items()):
        kept += [code[at:start], piece]
        at = end
    return "".join([*kept, code[at:]])


def with_numbers(code: str, numbers: Mapping[Span, Number]) -> str:
    """`code` with other literal numbers; no number grows into the word beside it (`return-2`, `2if`)."""
    pieces = {}
    for (start, end), number in numbers.items():
        before = " " if start > 0 and _joins(code[start - 1]) else ""
        after = " " if end < len(code) and _joins(code[end]) else ""
        pieces[(start, end)] = f"{before}{number!r}{after}"
    return edited(code, pieces)


def rounded(value: float) -> float:
    """`value` at three significant digits: how a fitted number stands in code."""
    return float(f"{value:.3g}")


def _joins(letter: str) -> bool:
    return letter.isalnum() or letter in "_."


def only_numbers_differ(first: str, second: str) -> bool:
    """Whether two texts are the same program but for the values of literal numbers, comments aside."""
    one, other = parsed(first), parsed(second)
    return one is not None and other is not None and _shape(one) == _shape(other)


class _Numberless(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and value_of(node) is not None:
            return ast.Name(id="<number>", ctx=ast.Load())
        visited: ast.AST = self.generic_visit(node)
        return visited


def _shape(tree: ast.Module) -> str:
    return ast.dump(_Numberless().visit(tree))
