"""Temperatures by a search over factors, one at a time, each with the weights that suit it best.

Returns are not convex in a temperature, and one that saturates gives no slope to follow, so a grid from a thousandth to
a thousandfold is tried. A ridge on the factor's logarithm keeps a temperature where nothing speaks for another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rewardsmith.refit.model import Model
from rewardsmith.refit.pairs import Pairs
from rewardsmith.refit.weights import fit

_GRIDS = (tuple(4.0**n for n in range(-5, 6) if n), (0.5, 2**-0.5, 2**0.5, 2.0))
_FEW = ((1 / 1024, 1 / 128, 1 / 16, 16.0, 128.0, 1024.0), (0.25, 0.5, 2.0, 4.0))  # where each variant is traced
_ROUNDS = 2
_WORTH = 1e-3  # nats


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Factors for some knobs, by index, and the objective they reach; lower is better."""

    factors: Mapping[int, float]
    objective: float


def search(model: Model, pairs: Pairs, *, ridge: float) -> Choice | None:
    """The best factors found for all knobs that matter; None where the reward cannot be taken apart."""
    best = _with_weights(model, pairs, {}, ridge=ridge)
    warmed: dict[int, float] = {}
    for _ in range(_ROUNDS if model.quick else 1):
        before = best
        for k in model.temperatures:
            for grid in _GRIDS if model.quick else _FEW:
                best, warmed = _along(model, pairs, k, grid, (best, warmed), ridge=ridge)
        if best is before:
            break
    return best


def _along(
    model: Model,
    pairs: Pairs,
    k: int,
    grid: Sequence[float],
    start: tuple[Choice | None, dict[int, float]],
    *,
    ridge: float,
) -> tuple[Choice | None, dict[int, float]]:
    """The best of temperature `k` on a grid around where it is; the start where none is worth it."""
    best, kept = start
    for factor in grid:
        warmed = {**start[1], k: start[1].get(k, 1.0) * factor}
        found = _with_weights(model, pairs, warmed, ridge=ridge)
        if found is not None and (best is None or found.objective < best.objective - _WORTH):
            best, kept = found, warmed
    return best, kept


def _with_weights(model: Model, pairs: Pairs, warmed: Mapping[int, float], *, ridge: float) -> Choice | None:
    """The best weights at these temperatures."""
    apart = model.apart(warmed)
    if apart is None:
        return None
    found = fit(pairs.differences(apart.parts), pairs.differences(apart.fixed), pairs.p_first, ridge=ridge)
    far = ridge / 2 * sum(math.log(factor) ** 2 for factor in warmed.values())
    weighed = dict(zip(model.weights, map(float, found.factors), strict=True))
    return Choice(factors={**warmed, **weighed}, objective=found.objective + far)
