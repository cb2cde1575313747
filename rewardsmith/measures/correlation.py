"""Pearson's correlation, of two rewards over the same transitions or of any rows of numbers; curves side by side."""

from __future__ import annotations

from bisect import bisect_right
from statistics import fmean

import torch
from torch import Tensor

from rewardsmith.types import Curve

CONSTANT = 1e-6
"""Numbers that vary by less than this share of their size are constant: they come from float32."""


def pearson(first: Tensor, second: Tensor) -> float | None:
    """Pearson's rho in [-1, 1] of two rows `(N,)`; None where either is constant or not finite.

    It does not change when either is scaled by a positive factor or moved; a negative factor turns its sign.
    """
    one, two = standardised(first), standardised(second)
    return None if one is None or two is None else float((one * two).mean().clamp(-1.0, 1.0))


def standardised(values: Tensor) -> Tensor | None:
    """The same with mean 0 and variance 1, float64; None where that is not defined: constant, empty, not finite."""
    wide = values.double().flatten()
    if not len(wide) or not bool(torch.isfinite(wide).all()):
        return None
    centred = wide - wide.mean()
    spread = centred.square().mean().sqrt()
    return centred / spread if float(spread) > CONSTANT * float(wide.abs().max()) else None


def side_by_side(curve: Curve, other: Curve) -> list[tuple[float, float]]:
    """A pair for each point of the `other`: the mean of this curve since the point before, and the other's value.

    Curves of what ends with an episode have fewer points than those of what each step earns. Where none of this one's
    lie in between there is no pair.
    """
    found: list[tuple[float, float]] = []
    since = 0
    for at, value in zip(other.env_steps, other.values, strict=True):
        until = bisect_right(curve.env_steps, at)
        if until > since:
            found.append((fmean(curve.values[since:until]), value))
        since = until
    return found
