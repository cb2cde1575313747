"""Do returns put episodes in the order that their fitness, or people, put them in?

Kendall's tau-b over pairs of episodes, the trajectory alignment coefficient: 1 the same order, -1 the opposite, 0 none.
Potential shaping changes it little and a positive factor not at all. Ties count on both sides. Some are hidden: returns
are sums of float32 rewards, so two that differ by rounding alone are equal, and count as such.

Reference: Muslimani et al. 2025, "Towards Improving Reward Design in RL: A Reward Alignment Metric for RL
Practitioners", arXiv:2503.05996; Kendall 1945, Biometrika 33 (tau-b).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rewardsmith.types import Preference

ROUNDING = 1e-6
"""Numbers that differ by less than this share of the larger one are tied."""


def discounted(rewards: Sequence[Tensor], *, gamma: float) -> list[float]:
    """The return of each episode from its rewards `(T,)`: the sum of gamma^t r_t; gamma = 1 gives the plain sum."""
    return [float(r.double() @ gamma ** _steps(r)) for r in rewards]


def alignment(returns: ArrayLike, fitness: ArrayLike) -> float | None:
    """Kendall's tau-b of the returns and the fitness of E episodes, `(E,)` each.

    None where all of either are tied, there are fewer than two episodes, or a number is not finite.
    """
    one, two = np.asarray(returns, dtype=np.float64), np.asarray(fitness, dtype=np.float64)
    if not np.isfinite([one, two]).all():
        return None
    upper = np.triu_indices(len(one), 1)
    return _tau_b(_order(one[:, None], one[None, :])[upper], _order(two[:, None], two[None, :])[upper])


def alignment_with_preferences(returns: dict[str, float], preferences: Sequence[Preference]) -> float | None:
    """The same over the pairs that somebody judged, by id; a pair with an answer missing or an unknown id is left out.

    None where nothing is left, all returns are tied or all answers are.
    """
    known = [p for p in preferences if p.p_first is not None and {p.first, p.second} <= returns.keys()]
    one = np.array([returns[p.first] for p in known], dtype=np.float64)
    two = np.array([returns[p.second] for p in known], dtype=np.float64)
    wanted = np.array([p.p_first for p in known], dtype=np.float64)
    return _tau_b(_order(one, two), np.sign(wanted - 0.5)) if np.isfinite([one, two]).all() else None


def _steps(rewards: Tensor) -> Tensor:
    return rewards.new_ones(len(rewards)).double().cumsum(0) - 1


def _order(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where the first is larger, -1 where the second is, 0 where they are tied up to rounding."""
    gap = first - second
    tied = np.abs(gap) <= ROUNDING * np.maximum(np.abs(first), np.abs(second))
    return np.where(tied, 0.0, np.sign(gap))


def _tau_b(one: NDArray[np.float64], two: NDArray[np.float64]) -> float | None:
    """(concordant - discordant) / sqrt(pairs untied on one side * pairs untied on the other)."""
    untied = float(np.abs(one).sum()) * float(np.abs(two).sum())
    return float(one @ two) / math.sqrt(untied) if untied else None
