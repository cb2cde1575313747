"""The ATen operations a traced reward may be made of, and how fast each can be called.

Every operation here is a pure function of its tensors: no randomness, no storage, no files, no state, no output whose
shape depends on values. What is not listed does not exist for a `RewardGraph`. Nothing here decides whether a
particular call of an operation is well formed; `graph_check.py` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch._ops import OpOverload

_POINTWISE = """
    abs acos acosh add.Tensor add.Scalar addcdiv addcmul asin asinh atan atan2 atanh bitwise_and.Tensor
    bitwise_and.Scalar bitwise_not bitwise_or.Tensor bitwise_or.Scalar bitwise_xor.Tensor bitwise_xor.Scalar ceil
    clamp clamp.Tensor clamp_max clamp_max.Tensor clamp_min clamp_min.Tensor copysign.Tensor copysign.Scalar cos
    cosh deg2rad div.Tensor div.Scalar div.Tensor_mode div.Scalar_mode elu eq.Tensor eq.Scalar erf erfc erfinv exp
    exp2 expm1 floor floor_divide floor_divide.Scalar fmax fmin fmod.Tensor fmod.Scalar frac ge.Tensor ge.Scalar
    gelu gt.Tensor gt.Scalar hardsigmoid hardswish hardtanh heaviside hypot isfinite isinf isnan le.Tensor
    le.Scalar leaky_relu lerp.Tensor lerp.Scalar lgamma log log10 log1p log2 logaddexp logaddexp2 logical_and
    logical_not logical_or logical_xor logit lt.Tensor lt.Scalar masked_fill.Scalar masked_fill.Tensor maximum
    minimum mish mul.Tensor mul.Scalar nan_to_num ne.Tensor ne.Scalar neg positive pow.Tensor_Tensor
    pow.Tensor_Scalar pow.Scalar rad2deg reciprocal relu remainder.Tensor remainder.Scalar round round.decimals
    rsqrt rsub.Tensor rsub.Scalar sgn sigmoid sign signbit silu sin sinc sinh softplus sqrt square sub.Tensor
    sub.Scalar tan tanh _to_copy trunc where.self where.ScalarSelf where.ScalarOther where.Scalar xlogy.Tensor
    xlogy.Scalar_Self xlogy.Scalar_Other
"""
_REDUCTIONS = """
    all all.dim all.dims amax amin aminmax any any.dim any.dims argmax argmin cosine_similarity cummax cummin cumprod
    cumsum diff linalg_vector_norm logcumsumexp logsumexp max max.dim mean mean.dim median.dim min min.dim prod
    prod.dim_int _softmax _log_softmax sort sort.stable std.correction sum sum.dim_IntList topk var.correction
    var_mean.correction
"""
_MOVES = """
    alias cat clone constant_pad_nd copy diag_embed diagonal expand flip gather index.Tensor index_put
    index_select permute repeat roll select.int select_scatter slice.Tensor slice_scatter split_with_sizes
    split_with_sizes_copy squeeze fill.Scalar fill.Tensor squeeze.dim squeeze.dims stack t transpose.int tril
    triu unbind.int unflatten.int unsqueeze view _unsafe_view
"""
_PRODUCTS = "addmm addmv baddbmm bmm cross dot linalg_cross mm mv"
_LOSSES = "huber_loss log_sigmoid_forward mse_loss smooth_l1_loss"
_SOURCES = (
    "arange arange.start arange.start_step eye eye.m full full_like ones ones_like scalar_tensor zeros zeros_like"
)
_WHOLE = """
    cross linalg_cross smooth_l1_loss huber_loss mse_loss nan_to_num cosine_similarity eye eye.m diff sinc hypot
    logit mish silu elu hardswish hardsigmoid softplus leaky_relu select_scatter square stack std.correction roll
    lerp.Scalar lerp.Tensor xlogy.Tensor zeros ones zeros_like ones_like unbind.int masked_fill.Scalar
    masked_fill.Tensor rsub.Scalar clamp_min clamp_max squeeze.dim transpose.int where.Scalar where.ScalarOther
    where.ScalarSelf
"""

# Python bindings whose arguments are exactly the schema's; about half the call cost of an OpOverload.
_SAME_ARGUMENTS = """
    abs acos acosh add.Tensor addcdiv addcmul all.dim amax amin any.dim arange arange.start arange.start_step
    argmax argmin asin asinh atan atan2 atanh bitwise_and.Tensor bitwise_not bitwise_or.Tensor bmm cat ceil clamp
    clamp.Tensor clamp_max clamp_min copysign.Tensor cos cosh cosine_similarity cross cummax cumprod cumsum
    deg2rad diagonal diff div.Tensor div.Tensor_mode dot eq.Scalar eq.Tensor erf exp exp2 expm1 flip floor fmax
    fmin fmod.Scalar fmod.Tensor frac full full_like gather ge.Scalar ge.Tensor gt.Scalar gt.Tensor heaviside
    hypot index_select isfinite isinf isnan le.Scalar le.Tensor lerp.Scalar lerp.Tensor log log10 log1p log2
    logical_and logical_not logical_or logical_xor logit logsumexp lt.Scalar lt.Tensor masked_fill.Scalar max.dim
    maximum mean.dim median.dim min.dim minimum mm mul.Tensor mv nan_to_num ne.Scalar ne.Tensor neg ones
    ones_like permute pow.Scalar pow.Tensor_Scalar pow.Tensor_Tensor prod.dim_int rad2deg reciprocal relu
    remainder.Scalar remainder.Tensor roll round rsqrt scalar_tensor select.int select_scatter sgn sigmoid sign
    sin sinc sinh slice_scatter sort split_with_sizes sqrt square squeeze.dims stack std.correction sub.Tensor
    sum.dim_IntList tan tanh topk transpose.int trunc unbind.int unsqueeze var.correction where.self xlogy.Tensor
    zeros zeros_like _softmax
"""

POINTWISE = frozenset(_POINTWISE.split())
"""Operations of which each element of the result comes from one element of each argument, broadcast."""

REDUCTIONS = frozenset(_REDUCTIONS.split())
"""Operations that bring values along one or more dimensions together."""

PRODUCTS = frozenset(_PRODUCTS.split())
"""Products of matrices and vectors."""

SOURCES = frozenset(_SOURCES.split())
"""Operations that make a tensor of sizes and numbers."""

NAMES = frozenset(" ".join((_MOVES, _LOSSES)).split()) | POINTWISE | REDUCTIONS | PRODUCTS | SOURCES
"""Every allowed operation as `packet` (its default overload) or `packet.overload`."""

_MOVES_ALONG = frozenset({"flip", "roll", "index_select", "gather"})
_REDUCED_LOSSES = frozenset({"huber_loss", "mse_loss", "smooth_l1_loss"})
_EACH, _MEAN = 0, 1  # a loss's `reduction`: the one that keeps every element, and the one where none is given
_LEFT_FACTOR = {"mm": 0, "mv": 0, "dot": 0, "bmm": 0, "addmm": 1, "addmv": 1, "baddbmm": 1}

KEPT_WHOLE = frozenset(_WHOLE.split())
"""Allowed operations the tracer does not break down further: as one call each they are 1.5x to 3x faster."""

_SAME_ELSEWHERE: Mapping[str, Callable[..., object]] = {
    "_to_copy": torch.Tensor.to,
    "_unsafe_view": torch.reshape,  # a view of any memory layout, or a copy where there is none
    "expand": torch.Tensor.expand,
    "gelu": torch.nn.functional.gelu,
    "linalg_cross": torch.linalg.cross,
    "linalg_vector_norm": torch.linalg.vector_norm,
    "softplus": torch.nn.functional.softplus,
    "view": torch.reshape,
}
_SAME = frozenset(_SAME_ARGUMENTS.split())


def overload(name: str) -> OpOverload:
    """The operation called `name`. Raises: KeyError: it is not allowed."""
    if name not in NAMES:
        raise KeyError(name)
    packet, _, variant = name.partition(".")
    found = getattr(getattr(torch.ops.aten, packet), variant or "default")
    assert isinstance(found, OpOverload)
    return found


@cache
def fastest(name: str) -> Callable[..., object]:
    """The cheapest callable that gives what `overload(name)` gives; views may share memory where that one copies."""
    if name in _SAME_ELSEWHERE:
        return _SAME_ELSEWHERE[name]
    if name in _SAME:
        plain: Callable[..., object] = getattr(torch, name.partition(".")[0])
        return plain
    return overload(name)


def runs_over(
    name: str, args: Sequence[object], kwargs: Mapping[str, object]
) -> Iterator[tuple[object, Sequence[int] | None]]:
    """Arguments of a call that has values of one place meet those of another, each with the dimensions; None for all.

    What an index tensor alone decides (`index.Tensor`, `index_put`) is left out.
    """
    if name in REDUCTIONS or name in _MOVES_ALONG:
        dims = _dims(name, args, kwargs)
        yield from ((arg, dims) for arg in args[: 2 if name == "cosine_similarity" else 1])
    elif name in _REDUCED_LOSSES and (args[2] if len(args) > 2 else _MEAN) != _EACH:
        yield from ((arg, None) for arg in args[:2])
    elif name in _LEFT_FACTOR:
        yield args[_LEFT_FACTOR[name]], (-1,)


def _dims(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> Sequence[int] | None:
    arguments = overload(name)._schema.arguments
    at = next((i for i, arg in enumerate(arguments) if arg.name in ("dim", "dims")), None)
    if at is None:
        return None
    given: Any = args[at] if at < len(args) else kwargs.get(arguments[at].name)
    if given is None:
        given = arguments[at].default_value
    return (given,) if isinstance(given, int) else given or None


def name_of(op: OpOverload) -> str:
    """`packet.overload` as in `NAMES`, whether or not it is allowed."""
    packet = op._schema.name.removeprefix("aten::")
    return f"{packet}.{op._overloadname}" if op._overloadname != "default" else packet


def all_overloads() -> Iterator[tuple[str, OpOverload]]:
    """Every allowed operation with its name, in name order."""
    return ((name, overload(name)) for name in sorted(NAMES))
