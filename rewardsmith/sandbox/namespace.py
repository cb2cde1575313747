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

from rewardsmith.sandbox import gate, vocabulary
from rewardsmith.sandbox.faults import FaultFound

Scope = dict[str, Any]  # a namespace of arbitrary Python objects, made to be executed in


def fresh() -> Scope:
    """A new global namespace for one run of one candidate."""
    modules = _modules()

    def import_(name: str, _globals: object = None, _locals: object = None, asked: object = None, _: int = 0) -> object:
        if isinstance(asked, list) and name.startswith("torch."):  # torch's own C++ asks in the name of this frame
            return importlib.import_module(name)
        if name not in modules:
            raise FaultFound("import", name=name)
        return modules[name if asked else name.split(".")[0]]

    offered: Scope = {name: getattr(builtins, name) for name in vocabulary.BUILTINS}
    offered |= {"__import__": import_, "print": _say_nothing, "len": _length, "int": _whole, "float": _number}
    offered |= {"max": _no_tensors(max, "maximum"), "min": _no_tensors(min, "minimum")}
    return {"__builtins__": offered, "__name__": "reward", gate.IS_MASK: _is_mask, gate.MASKED: _masked}


def _modules() -> dict[str, object]:
    torch_ = _part(torch, vocabulary.TORCH - {"jit", "nn", "linalg", "special", "no_grad", "inference_mode"})
    functional = _part(torch.nn.functional, vocabulary.FUNCTIONAL)
    torch_.nn = SimpleNamespace(functional=functional)
    torch_.linalg = _part(torch.linalg, vocabulary.LINALG)
    torch_.special = _part(torch.special, vocabulary.SPECIAL)
    torch_.jit = SimpleNamespace(script=_as_is)
    torch_.no_grad = torch_.inference_mode = contextlib.nullcontext
    math_ = _part(math, vocabulary.MATH)
    return {"torch": torch_, "torch.nn": torch_.nn, "torch.nn.functional": functional, "math": math_}


def _part(module: object, names: Iterable[str]) -> SimpleNamespace:
    return SimpleNamespace(**{name: getattr(module, name) for name in names if hasattr(module, name)})


def _as_is(function: Callable[..., object]) -> Callable[..., object]:
    return function


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


class _Whole(int):
    """`int` as a callable and a type: the number of rows stays symbolic."""

    def __new__(cls, thing: Any = 0, *rest: Any) -> Any:
        return thing if isinstance(thing, torch.SymInt) else int(thing, *rest)


class _Number(float):
    """`float` as a callable and a type: the number of rows stays symbolic."""

    def __new__(cls, thing: Any = 0.0) -> Any:
        return thing if isinstance(thing, (torch.SymInt, torch.SymFloat)) else float(thing)


_whole, _number = _Whole, _Number


def _is_mask(index: object) -> bool:
    return isinstance(index, Tensor) and index.dtype == torch.bool


def _masked(mask: Tensor, value: Any, whole: Tensor) -> Tensor:
    """`whole` with `value` where `mask` holds; the mask covers the leading dimensions."""
    wide = mask.reshape(*mask.shape, *([1] * (whole.dim() - mask.dim())))
    if not isinstance(value, Tensor):
        return torch.where(wide, torch.full_like(whole, value), whole)
    return torch.where(wide, value.to(whole.dtype), whole)
