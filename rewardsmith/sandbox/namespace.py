"""What reward code finds when it is run to be traced: part of torch, math, a few builtins, nothing else.

Only the worker imports this. It keeps honest code honest; the locked process is what contains the other kind.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import math
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from rewardsmith import geometry
from rewardsmith.sandbox import gate, vocabulary
from rewardsmith.sandbox.faults import FaultFound
from rewardsmith.sandbox.translation import shape_of

Scope = dict[str, Any]  # a namespace of arbitrary Python objects, made to be executed in


def fresh() -> Scope:
    """A new global namespace for one run of one candidate."""
    offers = modules()

    def import_(name: str, _globals: object = None, _locals: object = None, asked: object = None, _: int = 0) -> object:
        if isinstance(asked, list) and name.startswith("torch."):  # torch's own C++ asks in the name of this frame
            return importlib.import_module(name)
        if name not in offers:
            raise FaultFound("import", name=name)
        return offers[name if asked else name.split(".")[0]]

    offered: Scope = {name: getattr(builtins, name) for name in vocabulary.BUILTINS}
    offered |= {"__import__": import_, "print": _say_nothing, "len": _length}
    offered |= {"max": _no_tensors(max, "maximum"), "min": _no_tensors(min, "minimum")}
    ours = {
        gate.IS_MASK: _is_mask, gate.IS_ROW_MASK: _is_row_mask, gate.MASKED: _masked, gate.UNMASKED: _unmasked
    }  # fmt: skip
    ours |= {gate.CONVERSIONS["int"]: _whole, gate.CONVERSIONS["float"]: _number}
    return {"__builtins__": offered, "__name__": "reward"} | ours


def modules() -> dict[str, object]:
    """What each import gives: the parts of `vocabulary.OFFERS`, and stand-ins for what would look at values."""
    torch_ = _part(torch, vocabulary.TORCH - {"jit", "nn", "linalg", "special", "no_grad", "inference_mode"})
    functional = _part(torch.nn.functional, vocabulary.FUNCTIONAL)
    functional.one_hot = _one_hot
    torch_.nn = SimpleNamespace(functional=functional)
    torch_.linalg = _part(torch.linalg, vocabulary.LINALG)
    torch_.special = _part(torch.special, vocabulary.SPECIAL)
    torch_.jit = SimpleNamespace(script=_as_is, export=_as_is, ignore=_as_is, unused=_as_is, annotate=_second)
    torch_.no_grad = torch_.inference_mode = contextlib.nullcontext
    torch_.bucketize, torch_.searchsorted, torch_.cdist = _bucketize, _searchsorted, _cdist
    torch_.empty, torch_.empty_like = torch.zeros, torch.zeros_like  # what stands there first must not be chance
    ours = SimpleNamespace(geometry=_part(geometry, vocabulary.GEOMETRY))
    return {
        "torch": torch_,
        "torch.nn": torch_.nn,
        "torch.nn.functional": functional,
        "torch.linalg": torch_.linalg,
        "torch.special": torch_.special,
        "torch.jit": torch_.jit,
        "math": _part(math, vocabulary.MATH),
        "rewardsmith": ours,
        "rewardsmith.geometry": ours.geometry,
    } | dict.fromkeys(vocabulary.TYPE_HINTS, _hints())


def _part(module: object, names: Iterable[str]) -> SimpleNamespace:
    return SimpleNamespace(**{name: getattr(module, name) for name in names if hasattr(module, name)})


def _hints() -> SimpleNamespace:
    """`typing`: names that may be subscripted and combined, and mean nothing."""
    return SimpleNamespace(**dict.fromkeys(vocabulary.TYPING, _Hint()) | {"cast": _second})


class _Hint:
    """Any type hint at all."""

    def __getitem__(self, _: object) -> _Hint:
        return self

    def __or__(self, _: object) -> _Hint:
        return self

    __ror__ = __or__

    def __call__(self, *_: object, **__: object) -> _Hint:
        return self


def _as_is(function: Callable[..., object]) -> Callable[..., object]:
    return function


def _second(_: object, value: object) -> object:
    """`typing.cast` and `torch.jit.annotate`."""
    return value


def _cdist(x1: Tensor, x2: Tensor, p: float = 2.0) -> Tensor:
    """`torch.cdist` between the points of each environment; between environments it is a fault."""
    if min(x1.dim(), x2.dim()) < 3:
        raise FaultFound("cdist")
    apart: Tensor = torch.linalg.vector_norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), ord=p, dim=-1)
    return apart


def _one_hot(index: Tensor, num_classes: int) -> Tensor:
    """`torch.nn.functional.one_hot`, which would look at the values."""
    return (index.unsqueeze(-1) == torch.arange(num_classes)).long()


def _bucketize(input: Tensor, boundaries: Tensor, *, right: bool = False, out_int32: bool = False) -> Tensor:  # noqa: A002
    """How many boundaries lie below each value, or with `right` not above it; nan is above all, as for torch."""
    each = input.unsqueeze(-1)
    below = ~(boundaries > each if right else boundaries >= each)
    return below.sum(dim=-1, dtype=torch.int32 if out_int32 else torch.int64)


def _searchsorted(
    sorted_sequence: Tensor,
    input: Tensor,  # noqa: A002 - torch's names
    *,
    right: bool = False,
    side: str | None = None,
    out_int32: bool = False,
) -> Tensor:
    """`torch.searchsorted` for boundaries that all values share, or that have the values' leading dimensions."""
    if side not in (None, "left", "right") or (right and side == "left"):
        raise RuntimeError(f"torch.searchsorted(): side and right do not agree, or side is none: {side!r}")
    shared = sorted_sequence if sorted_sequence.dim() == 1 else sorted_sequence.unsqueeze(-2)
    return _bucketize(input, shared, right=right or side == "right", out_int32=out_int32)


def _say_nothing(*_: object, **__: object) -> None:
    """`print`, whose words would go nowhere."""


def _length(thing: Any) -> object:
    """`len`, which for a tensor stays the number of rows instead of becoming one number."""
    return thing.shape[0] if isinstance(thing, Tensor) and thing.dim() else len(thing)


def _no_tensors(builtin: Callable[..., object], instead: str) -> Callable[..., object]:
    """`max` or `min`, with a word of advice where tensors are compared."""

    def compare(*things: object, **options: object) -> object:
        if len(things) > 1 and any(isinstance(thing, Tensor) for thing in things):
            raise FaultFound("whole_tensors", name=builtin.__name__, torch=instead)
        return builtin(*things, **options)

    return compare


def _whole(thing: Any = 0, *rest: Any) -> object:
    """A call of `int`; the number of rows stays symbolic."""
    return thing if isinstance(thing, torch.SymInt) else int(thing, *rest)


def _number(thing: Any = 0.0) -> object:
    """A call of `float`; the number of rows stays symbolic."""
    return thing if isinstance(thing, (torch.SymInt, torch.SymFloat)) else float(thing)


def _is_mask(index: object) -> bool:
    return isinstance(index, Tensor) and index.dtype == torch.bool


def _is_row_mask(index: object, *columns: object) -> bool:
    """Whether it picks along the first axis alone, and the columns that go by a name are plain numbers."""
    numbers = all(type(column) is int for column in columns)
    return numbers and _is_mask(index) and isinstance(index, Tensor) and index.dim() == 1


def _unmasked(mask: Tensor, whole: Tensor, target: bool) -> Tensor:
    """All of `whole` for `whole[mask]`: with the mask's places along one axis, as torch has those that it picks.

    What would see which of them are left out runs over that axis, so over environments, and is refused there. A mask
    of something else has no such axis: under it only what the `target` of a write holds is read.
    """
    if mask.shape != whole.shape[: mask.dim()]:
        raise FaultFound("shapes", first=shape_of(mask), second=shape_of(whole))
    if not isinstance(mask.shape[0], torch.SymInt):
        if target:
            return whole
        raise FaultFound("mask")
    return whole if mask.dim() == 1 else whole.flatten(0, mask.dim() - 1)


def _masked(mask: Tensor, value: Any, whole: Tensor) -> Tensor:
    """`whole` with `value` where `mask` holds; the mask covers the leading dimensions, and is not broadcast."""
    if mask.shape != whole.shape[: mask.dim()]:
        raise FaultFound("shapes", first=shape_of(mask), second=shape_of(whole))
    wide = mask.reshape(*mask.shape, *([1] * (whole.dim() - mask.dim())))
    if not isinstance(value, Tensor):
        return torch.where(wide, torch.full_like(whole, value), whole)
    picked = value.shape[0] if value.dim() else 0
    if mask.dim() > 1 and isinstance(picked, torch.SymInt) and picked == mask.numel():
        value = value.reshape(*mask.shape, *value.shape[1:])
    return torch.where(wide, value.to(whole.dtype), whole)
