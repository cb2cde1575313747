"""Pearson's correlation, of two rewards over the same transitions or of any two rows of numbers."""

from __future__ import annotations

import torch
from torch import Tensor

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
