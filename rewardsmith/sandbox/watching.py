"""Watches the torch functions reward code calls while it is traced: what can have no meaning for rows is named at once.

torch would let some of these pass, or fail later in words of its own and without a line. It keeps nobody safe; the
checks of the graph do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rewardsmith.sandbox.faults import FaultFound

_SUBTRACT = frozenset(
    {"sub", "sub_", "subtract", "rsub", "__sub__", "__rsub__", "__isub__", "neg", "negative", "__neg__"}
)
_OVER_ALL = {"median": 1, "nanmedian": 1, "quantile": 2, "nanquantile": 2}  # where each takes its `dim`


class Watch(TorchFunctionMode):
    """Within it, a call that takes single rows, runs over them or subtracts truth values raises FaultFound."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        name, named = getattr(func, "__name__", ""), dict(kwargs or {})
        if name in _SUBTRACT and any(isinstance(arg, Tensor) and arg.dtype == torch.bool for arg in args):
            raise FaultFound("truth_values")
        if args and _has_rows(args[0]):
            _check_rows_whole(name, args[0], args[1:], named)
        if name == "cross" and len(args) < 3 and named.get("dim") is None:
            named["dim"] = _axis_of_vectors(args[0])
        return func(*args, **named)


def _axis_of_vectors(x: Tensor) -> int:
    """The axis torch's `cross` takes where none is named, the first of size 3, but never the rows; from the end."""
    axes = range(1 if _has_rows(x) else 0, x.dim())
    return next((axis - x.dim() for axis in axes if x.shape[axis] == 3), -1)


def _has_rows(value: object) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0 and isinstance(value.shape[0], torch.SymInt)


def _check_rows_whole(name: str, x: Tensor, rest: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    """`x[0]`, `x[1:]`, `for row in x` and `x.unbind()` take single rows; a median without a dim runs over them."""
    if name == "__iter__" or (name == "__getitem__" and _takes_rows(rest[0])):
        raise FaultFound("rows")
    if name == "unbind" and _is_first(rest[0] if rest else named.get("dim", 0), x):
        raise FaultFound("rows")
    if name in _OVER_ALL:
        dim = named.get("dim") if len(rest) < _OVER_ALL[name] else rest[_OVER_ALL[name] - 1]
        if dim is None or _is_first(dim, x):
            raise FaultFound("couples", name=name)


def _takes_rows(index: object) -> bool:
    """Whether an index takes rows by number: `0`, `1:`, `[0, 1]`, or one of these before further ones."""
    first = index[0] if isinstance(index, tuple) and index else index
    if isinstance(first, slice):
        return any(type(bound) is int and bound != 0 for bound in (first.start, first.stop))
    if isinstance(first, list):
        return any(type(item) is int for item in first)
    return type(first) is int


def _is_first(dim: object, x: Tensor) -> bool:
    return type(dim) is int and dim % x.dim() == 0
