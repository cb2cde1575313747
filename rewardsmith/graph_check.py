"""What every value of a program is: its type and its shape, for any number of environments; and what is refused.

A size is a fixed number or a whole multiple of the number of environments N, so shapes that fit are shapes that fit
for every N. Values are never computed here from data: elementwise operations are called on single ones to learn the
type of their result, all others on tensors without storage. What could fail on data alone (a whole number divided by
zero, an index out of range), crash, or run away in memory or time is refused, or bounded where it is called.

Operations that run over the rows are refused too. That rows are independent where an index decides, and results
finite, is not proven here; tests on data do that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from rewardsmith import graph_ops
from rewardsmith.graph_program import (
    DTYPES,
    MAX_LIST,
    MAX_VALUES,
    TO_THE_END,
    GraphError,
    Node,
    Program,
    Ref,
    Rows,
    Value,
    has_several_results,
)

MAX_WORK = 65_536
"""The most values per environment a graph may compute in all; real rewards compute under 1000."""

MAX_DIMS = 8

TORCH_REFUSES = (RuntimeError, ValueError, TypeError, IndexError, AssertionError, OverflowError, ZeroDivisionError)
"""What torch raises for arguments that make no sense."""

LOOK_UPS = frozenset({"index.Tensor", "index_put", "index_select", "gather"})
"""Operations that read or write where an index says."""

TAKES_DEVICE = frozenset(name for name in graph_ops.SOURCES if not name.endswith("_like"))
"""Operations that must be told where to put their result."""

_FEW, _MANY = 1, 4099  # row counts shapes are worked out at; the second is a prime above every fixed size
_MAX_DIFFERENCES = 8  # `diff` repeats itself that often

Names = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a dimension: `count`, times the number of environments where `per_row`."""

    count: int
    per_row: bool = False

    def at(self, rows: int) -> int:
        """The size for so many environments."""
        return self.count * rows if self.per_row else self.count


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is: its type, and its shape for any number of environments."""

    dtype: torch.dtype
    shape: tuple[Size, ...]

    def at(self, rows: int) -> tuple[int, ...]:
        """The shape for so many environments."""
        return tuple(size.at(rows) for size in self.shape)

    def __str__(self) -> str:
        return f"{_shown(self.shape)} {str(self.dtype).removeprefix('torch.')}"


def _shown(shape: tuple[Size, ...]) -> str:
    sizes = [("N" if size.count == 1 else f"{size.count}*N") if size.per_row else str(size.count) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


Kinds = dict[Ref, Kind]

REWARD = Kind(torch.float32, (Size(1, per_row=True),))
"""What the total and every component must be."""


def kinds_of(program: Program, signals: Names) -> Kinds:
    """The kind of every value of `program`, each reference a key. Raises: GraphError: it may not run."""
    strangers = [name for name in (*program.inputs, *program.unused) if name not in signals]
    if strangers:
        raise GraphError(f"the graph reads {strangers[0]!r}, which is not declared")
    if not program.inputs:
        raise GraphError("the reward reads none of its arguments, so it is the same in every state")
    kinds = _given(program, signals)
    work = 0
    for index, node in enumerate(program.nodes, start=len(kinds)):
        found = _results(node, kinds, program)
        several = has_several_results(node.op)
        kinds |= {Ref(index, out if several else None): kind for out, kind in enumerate(found)}
        work += sum(max(1, _check_size(node, kind)) for kind in found)
        if work > MAX_WORK:
            raise GraphError(f"the graph computes more than {MAX_WORK} values per environment in all")
    for what, ref in (("the total", program.total), *((f"component {n!r}", r) for n, r in program.components)):
        if _kind(ref, kinds) != REWARD:
            raise GraphError(f"{what} is {kinds[ref]} for N environments; expected {REWARD}")
    return kinds


def _given(program: Program, signals: Names) -> Kinds:
    """The kinds of the inputs and constants."""
    shapes = ((Size(1, per_row=True), *map(Size, signals[name])) for name in program.inputs)
    inputs = [Kind(torch.float32, shape) for shape in shapes]
    constants = [Kind(constant.dtype, tuple(map(Size, constant.shape))) for constant in program.constants]
    return {Ref(i): kind for i, kind in enumerate((*inputs, *constants))}


def row_bytes(kinds: Kinds) -> int:
    """What all values that grow with the number of environments take, in bytes for each environment."""
    grown = [kind for kind in kinds.values() if any(size.per_row for size in kind.shape)]
    return sum(kind.dtype.itemsize * math.prod(size.count for size in kind.shape) for kind in grown)


def _check_size(node: Node, kind: Kind) -> int:
    """How many values per environment a result has. Raises: GraphError: too many."""
    if kind.dtype not in DTYPES.values():
        raise GraphError(f"{node.op} gives {kind.dtype}, which a reward may not hold")
    if sum(size.per_row for size in kind.shape) > 1:
        raise GraphError(f"{node.op} brings environments together: its result has the shape {kind}")
    values = math.prod(size.count for size in kind.shape)
    if max((values, *(size.count for size in kind.shape))) > MAX_VALUES or len(kind.shape) > MAX_DIMS:
        raise GraphError(f"{node.op} gives more than {MAX_VALUES} values per environment")
    return values


def _kind(ref: Ref, kinds: Kinds) -> Kind:
    if ref not in kinds:
        raise GraphError("a reference picks a result that is not there")
    return kinds[ref]


# --- results of one operation ----------------------------------------------------------------------------------------


def _results(node: Node, kinds: Kinds, program: Program) -> list[Kind]:
    for ref in node.refs():
        _kind(ref, kinds)
    if node.op == "cross" and (len(node.args) < 3 or node.args[2] is None):
        raise GraphError("cross: say over which dimension; torch would take three environments for coordinates")
    try:
        found = [_pointwise(node, kinds)] if node.op in graph_ops.POINTWISE else _for_any_rows(node, kinds)
        if rule := _RULES.get(node.op):
            rule(node, kinds, program, found[0])
        _check_rows_apart(node, kinds)
    except GraphError:
        raise
    except TORCH_REFUSES as error:
        raise GraphError(f"{node.op} does not fit its arguments: {' '.join(str(error).split())[:160]}") from None
    return found[:1] if node.op == "log_sigmoid_forward" else found  # its second result is scratch memory


def _for_any_rows(node: Node, kinds: Kinds) -> list[Kind]:
    few, many = (_on_meta(node, kinds, rows) for rows in (_FEW, _MANY))
    if len(few) != len(many):
        raise GraphError(f"{node.op} gives as many results as there are environments")
    return [_joined(node, *pair) for pair in zip(few, many, strict=True)]


def _pointwise(node: Node, kinds: Kinds) -> Kind:
    refs = node.refs()
    ones = {ref: _one(kinds[ref].dtype, len(kinds[ref].shape)) for ref in refs}
    args, kwargs = resolved(node, ones, rows=1)
    result = graph_ops.fastest(node.op)(*args, **kwargs)
    assert isinstance(result, Tensor)
    return Kind(result.dtype, _broadcast(node, [kinds[ref].shape for ref in refs]))


@cache
def _one(dtype: torch.dtype, dims: int) -> Tensor:
    return torch.ones((1,) * dims, dtype=dtype)


def _broadcast(node: Node, shapes: list[tuple[Size, ...]]) -> tuple[Size, ...]:
    result: list[Size] = []
    for back in range(1, 1 + max(map(len, shapes), default=0)):
        sizes = {shape[-back] for shape in shapes if len(shape) >= back} - {Size(1)}
        if len(sizes) > 1:
            clash = " and ".join(map(_shown, shapes))
            raise GraphError(f"{node.op} does not fit its arguments: their shapes are {clash}")
        result.append(sizes.pop() if sizes else Size(1))
    return tuple(reversed(result))


def _on_meta(node: Node, kinds: Kinds, rows: int) -> list[Tensor]:
    meta = torch.device("meta")
    empty = {ref: torch.empty(kinds[ref].at(rows), dtype=kinds[ref].dtype, device=meta) for ref in node.refs()}
    args, kwargs = resolved(node, empty, rows=rows)
    if node.op in TAKES_DEVICE:
        kwargs["device"] = meta
    operation: Callable[..., Any] = torch.reshape if node.op in _RESHAPES else graph_ops.overload(node.op)
    result = operation(*args, **kwargs)
    found = [result] if isinstance(result, Tensor) else list(result)
    if len(found) > MAX_LIST:
        raise GraphError(f"{node.op} gives more than {MAX_LIST} results")
    return found


_RESHAPES = frozenset({"view", "_unsafe_view"})  # of memory in any layout


def _joined(node: Node, few: Tensor, many: Tensor) -> Kind:
    """One kind from what a result is for few and for many rows."""
    sizes = [_size(*pair) for pair in zip(few.shape, many.shape, strict=False)]
    if few.dim() != many.dim() or None in sizes or few.dtype != many.dtype:
        raise GraphError(f"{node.op} gives a shape that does not grow with the number of environments as a whole")
    return Kind(few.dtype, tuple(size for size in sizes if size))


def _size(few: int, many: int) -> Size | None:
    if few == many:
        return Size(few)
    return Size(few, per_row=True) if many == few * _MANY else None


def resolved(node: Node, tensors: Mapping[Ref, Tensor], *, rows: int) -> tuple[list[object], dict[str, object]]:
    """A node's arguments with `tensors` and the number of rows put in."""

    def put(value: Value) -> object:
        match value:
            case Ref():
                return tensors[value]
            case Rows(times):
                return rows * times
            case tuple():
                return [put(item) for item in value]
        return value

    return [put(value) for value in node.args], {name: put(value) for name, value in node.kwargs}


def _check_rows_apart(node: Node, kinds: Kinds) -> None:
    """No operation may run over the rows. Raises: GraphError."""
    for arg, dims in graph_ops.runs_over(node.op, node.args, dict(node.kwargs)):
        shape = kinds[arg].shape if isinstance(arg, Ref) else ()
        met = shape if dims is None else [shape[dim] for dim in dims if -len(shape) <= dim < len(shape)]
        if any(size.per_row for size in met):
            raise GraphError(f"{node.op} brings environments together: it runs over them")


# --- rules beyond shapes ----------------------------------------------------------------------------------------------

_Rule = Callable[[Node, Kinds, Program, Kind], None]


def _divides(node: Node, kinds: Kinds, program: Program, result: Kind) -> None:  # noqa: ARG001
    """Whole numbers by zero stop a process, and the smallest by -1 kills it."""
    divisor = node.args[1]
    if not result.dtype.is_floating_point and (not isinstance(divisor, (int, float)) or divisor in (0, -1)):
        raise GraphError(f"{node.op} divides whole numbers by what may be 0 or -1; make them float first")


def _multiplies(node: Node, kinds: Kinds, program: Program, result: Kind) -> None:  # noqa: ARG001
    if not result.dtype.is_floating_point:
        raise GraphError(f"{node.op} multiplies whole numbers, which no GPU does; make them float first")


def _counts(node: Node, kinds: Kinds, program: Program, result: Kind) -> None:  # noqa: ARG001
    """Up to the number of environments one counts from 0 by 1: other steps fit some numbers of rows only."""
    start, step = (node.args[0] if len(node.args) > 1 else 0), (node.args[2] if len(node.args) > 2 else 1)
    if any(isinstance(arg, Rows) for arg in node.args) and (start, step) != (0, 1):
        raise GraphError(f"{node.op} up to the number of environments must start at 0 and go by 1")


def _slices(node: Node, kinds: Kinds, program: Program, result: Kind) -> None:  # noqa: ARG001
    """All environments or none: where rows are cut at a number, shapes fit for some numbers of rows only."""
    dim, start, end, step = slice_bounds(node)
    if not isinstance(step, int) or not 1 <= step <= MAX_VALUES:
        raise GraphError(f"{node.op}: the step must be a whole number from 1 to {MAX_VALUES}")
    whole = start in (None, 0) and (end in (None, TO_THE_END) or isinstance(end, Rows)) and step == 1
    source = _source(node, kinds)
    if not whole and isinstance(dim, int) and source.shape[dim].per_row:
        raise GraphError(f"{node.op} picks environments by number; each must be computed from itself alone")
    if node.op == "slice_scatter":
        (part,) = _results(Node("slice.Tensor", (node.args[0], dim, start, end, step)), kinds, program)
        _must_fill(node, kinds, part.shape)


def _writes_one(node: Node, kinds: Kinds, program: Program, result: Kind) -> None:  # noqa: ARG001
    dim, at = node.args[2:4]
    if not isinstance(dim, int):
        raise GraphError(f"{node.op}: expected a dimension")
    size = _source(node, kinds).shape[dim]
    if size.per_row or not isinstance(at, int) or not -size.count <= at < size.count:
        raise GraphError(f"{node.op} writes outside a dimension, or to environments by number")
    left = [size for d, size in enumerate(result.shape) if d != dim % len(result.shape)]
    _must_fill(node, kinds, tuple(left))


def _must_fill(node: Node, kinds: Kinds, part: tuple[Size, ...]) -> None:
    """What is written into a part must be as large as it; torch's shapes alone do not tell."""
    written = node.args[1]
    if not isinstance(written, Ref) or kinds[written].shape != part:
        raise GraphError(f"{node.op}: what is written does not fit where it is written")


def _differs(node: Node, kinds: Kinds, program: Program, result: Kind) -> None:  # noqa: ARG001
    times = node.args[1] if len(node.args) > 1 else 1
    if not isinstance(times, int) or not 1 <= times <= _MAX_DIFFERENCES:
        raise GraphError(f"{node.op}: expected a difference of order 1 to {_MAX_DIFFERENCES}")


def _looks_up(node: Node, kinds: Kinds, program: Program, result: Kind) -> None:  # noqa: ARG001
    """Indices are whole numbers, and constant ones stay inside; computed ones are bounded where the graph runs."""
    for index, size in indices(node, kinds):
        if kinds[index].dtype not in (torch.int64, torch.int32):
            raise GraphError(f"{node.op} picks by a mask or by no whole numbers; use where, or int64 indices")
        if size.count == 0:
            raise GraphError(f"{node.op} looks values up where there are none")
        values = constant_values(index, program)
        lowest = -size.count if node.op.startswith("index") and node.op != "index_select" else 0
        if values is not None and not size.per_row and not all(lowest <= v < size.count for v in values):
            raise GraphError(f"an index reaches outside a dimension of size {size.count}")


_RULES: Mapping[str, _Rule] = {
    **dict.fromkeys(("floor_divide", "floor_divide.Scalar", "div.Tensor_mode", "div.Scalar_mode"), _divides),
    **dict.fromkeys(("fmod.Tensor", "fmod.Scalar", "remainder.Tensor", "remainder.Scalar"), _divides),
    **dict.fromkeys(graph_ops.PRODUCTS, _multiplies),
    **dict.fromkeys(("arange", "arange.start", "arange.start_step"), _counts),
    **dict.fromkeys(("slice.Tensor", "slice_scatter"), _slices),
    **dict.fromkeys(LOOK_UPS, _looks_up),
    "diff": _differs,
    "select_scatter": _writes_one,
}


def _source(node: Node, kinds: Kinds) -> Kind:
    """What an operation's first argument is. Raises: GraphError: a number."""
    source = node.args[0]
    if not isinstance(source, Ref):
        raise GraphError(f"{node.op}: expected a tensor first")
    return kinds[source]


def indices(node: Node, kinds: Kinds) -> Iterator[tuple[Ref, Size]]:
    """Each index tensor of a look-up, with the size of the dimension it indexes. Raises: GraphError: no tensors."""
    shape = _source(node, kinds).shape
    if node.op in ("index_select", "gather"):
        dim, index = node.args[1:3]
        if not isinstance(dim, int) or not isinstance(index, Ref):
            raise GraphError(f"{node.op}: expected a dimension and a tensor of indices")
        yield index, shape[dim] if shape else Size(1)
        return
    listed = node.args[1]
    if not isinstance(listed, tuple) or len(listed) > len(shape) or all(index is None for index in listed):
        raise GraphError(f"{node.op}: expected one to {len(shape)} tensors of indices")
    for index, size in zip(listed, shape, strict=False):
        if isinstance(index, Ref):
            yield index, size
        elif index is not None:
            raise GraphError(f"{node.op}: expected tensors of indices")


def slice_bounds(node: Node) -> tuple[Value, Value, Value, Value]:
    """Dimension, start, end and step of a slice that is read or written, with torch's defaults."""
    given = node.args[2 if node.op == "slice_scatter" else 1 :]
    defaults: tuple[Value, ...] = (0, None, None, 1)
    dim, start, end, step = given + defaults[len(given) :]
    return dim, start, end, step


def constant_values(ref: Ref, program: Program) -> tuple[float, ...] | None:
    """The values behind a reference to a constant; None of what is computed."""
    at = ref.index - len(program.inputs)
    return program.constants[at].values if 0 <= at < len(program.constants) else None
