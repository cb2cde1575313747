"""The ATen operations a traced reward may be made of, and how fast each can be called.

Every operation here is a pure function of its tensors: no randomness, no storage, no files, no state, no output whose
shape depends on values. What is not listed does not exist for a `RewardGraph`. Nothing here decides whether a
particular call of an operation is well formed; `graph.py` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch._ops import OpOverload

_POINTWISE = """
    abs acos acosh add.Tensor add.Scalar asin asinh atan atan2 atanh bitwise_and.Tensor bitwise_and.Scalar
    bitwise_not bitwise_or.Tensor bitwise_or.Scalar bitwise_xor.Tensor bitwise_xor.Scalar ceil clamp
    clamp.Tensor clamp_max clamp_max.Tensor clamp_min clamp_min.Tensor copysign.Tensor copysign.Scalar cos cosh
    deg2rad div.Tensor div.Scalar div.Tensor_mode div.Scalar_mode elu eq.Tensor eq.Scalar erf erfc erfinv exp
    exp2 expm1 floor floor_divide floor_divide.Scalar fmax fmin fmod.Tensor fmod.Scalar frac ge.Tensor ge.Scalar
    gelu gt.Tensor gt.Scalar hardsigmoid hardswish hardtanh heaviside hypot isfinite isinf isnan le.Tensor
    le.Scalar leaky_relu lerp.Tensor lerp.Scalar lgamma log log10 log1p log2 log_sigmoid_forward logaddexp
    logaddexp2 logical_and logical_not logical_or logical_xor logit lt.Tensor lt.Scalar maximum minimum mish
    mul.Tensor mul.Scalar nan_to_num ne.Tensor ne.Scalar neg positive pow.Tensor_Tensor pow.Tensor_Scalar
    pow.Scalar rad2deg reciprocal relu remainder.Tensor remainder.Scalar round round.decimals rsqrt rsub.Tensor
    rsub.Scalar sgn sigmoid sign signbit silu sin sinc sinh softplus sqrt square sub.Tensor sub.Scalar tan tanh
    trunc where.self where.ScalarSelf where.ScalarOther where.Scalar xlogy.Tensor xlogy.Scalar_Self
    xlogy.Scalar_Other masked_fill.Scalar masked_fill.Tensor _to_copy huber_loss mse_loss smooth_l1_loss addcmul
    addcdiv
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
_SOURCES = (
    "arange arange.start arange.start_step eye eye.m full full_like ones ones_like scalar_tensor zeros zeros_like"
)
_WHOLE = """
    cross linalg_cross smooth_l1_loss huber_loss mse_loss nan_to_num cosine_similarity eye eye.m diff sinc hypot
    logit mish silu elu hardswish hardsigmoid softplus leaky_relu square roll lerp.Scalar lerp.Tensor
    xlogy.Tensor zeros ones zeros_like ones_like unbind.int masked_fill.Scalar masked_fill.Tensor
"""

# Python bindings whose positional arguments are exactly the schema's; about half the call cost of an OpOverload.
_SAME_POSITIONS = """
    abs acos add.Tensor asin atan atan2 cat clamp clamp.Tensor clamp_max clamp_min cos cosh div.Tensor
    div.Tensor_mode eq.Tensor eq.Scalar exp expm1 floor fmod.Tensor fmod.Scalar full ge.Tensor ge.Scalar
    gt.Tensor gt.Scalar index_select isfinite isnan le.Tensor le.Scalar log log1p logical_and logical_not
    logical_or lt.Tensor lt.Scalar max.dim maximum mean.dim min.dim minimum mm bmm mul.Tensor nan_to_num
    ne.Tensor ne.Scalar neg permute pow.Tensor_Scalar pow.Tensor_Tensor reciprocal relu remainder.Tensor
    remainder.Scalar rsqrt select.int sigmoid sign sin sinh sqrt square stack sub.Tensor sum.dim_IntList tan
    tanh unsqueeze where.self amax amin any.dim all.dim gather bitwise_and.Tensor bitwise_or.Tensor bitwise_not
"""

REDUCTIONS = frozenset(_REDUCTIONS.split())
"""Operations that bring values along one or more dimensions together."""

NAMES = frozenset(" ".join((_POINTWISE, _MOVES, _PRODUCTS, _SOURCES)).split()) | REDUCTIONS
"""Every allowed operation as `packet` (its default overload) or `packet.overload`."""

KEPT_WHOLE = frozenset(_WHOLE.split())
"""Allowed operations the tracer does not break down further: as one call each they are 1.5x to 3x faster."""

_LINALG = {"linalg_vector_norm": "vector_norm", "linalg_cross": "cross"}

_BOUND = frozenset(_SAME_POSITIONS.split())


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
    """The cheapest callable equal to `overload(name)`."""
    packet = name.partition(".")[0]
    if packet in _LINALG:
        bound: Callable[..., object] = getattr(torch.linalg, _LINALG[packet])
        return overload(name) if packet == "linalg_cross" else bound
    if name in _BOUND:
        plain: Callable[..., object] = getattr(torch, packet)
        return plain
    return overload(name)


def name_of(op: OpOverload) -> str:
    """`packet.overload` as in `NAMES`, whether or not it is allowed."""
    packet = op._schema.name.removeprefix("aten::")
    return f"{packet}.{op._overloadname}" if op._overloadname != "default" else packet


def all_overloads() -> Iterator[tuple[str, OpOverload]]:
    """Every allowed operation with its name, in name order."""
    return ((name, overload(name)) for name in sorted(NAMES))
