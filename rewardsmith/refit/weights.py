"""Weights by logistic regression on pairs of episodes: a Bradley-Terry model, convex, so there is one answer.

The probability that episode i is better than j is sigmoid(sum_k b_k z_k), where z_k is the difference that part k of
the reward makes between their returns, in units of its own spread. A ridge pulls each b_k towards what the present
weights give, so a part that decides nothing keeps its weight, one of any size may turn round, and nothing explodes.
References: Bradley and Terry 1952, Biometrika 39; Li et al. 2025, R*, PMLR 267, which refits generated rewards so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_SPREAD = 0.01  # of the whole reward's; a part that differs less between episodes is taken for one that does
LEAST_FIXED = 0.1  # of its present strength that what has no weight of its own keeps, which bounds all factors
_STEPS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """`factors (K,)`: what to multiply each weight by. `objective`: the log-loss in nats with the ridge, minimised."""

    factors: np.ndarray
    objective: float


def fit(parts: np.ndarray, fixed: np.ndarray, p_first: np.ndarray, *, ridge: float) -> Fit:
    """The best weights for pairs with the differences `parts (P, K)` under the present ones.

    `fixed (P,)` is the difference that no weight is in front of. The overall size of the reward does not change: where
    `fixed` is nothing, its spread is kept; otherwise weights are relative to what is fixed.
    """
    whole = parts.sum(axis=1) + fixed
    unit = _spread(whole) or _spread(parts) or 1.0
    has_fixed = _spread(fixed) > 1e-3 * max(_spread(whole), _spread(parts))
    columns = np.column_stack([parts, fixed] if has_fixed else [parts]) / unit
    spreads = np.maximum(np.sqrt((columns**2).mean(axis=0)), LEAST_SPREAD)
    solved = _solved(columns / spreads, p_first, spreads, ridge)
    if has_fixed and solved[-1] < LEAST_FIXED * spreads[-1]:
        solved = _solved(columns / spreads, p_first, spreads, ridge, last=LEAST_FIXED * spreads[-1])
    factors = solved / spreads
    objective = _objective(columns / spreads, p_first, spreads, ridge, solved)
    if has_fixed:
        return Fit(factors=factors[:-1] / factors[-1], objective=objective)
    grown = _spread(columns @ factors)
    scale = _spread(whole) / unit / grown if grown > 0 and _spread(whole) > 0 else 1.0
    return Fit(factors=factors * scale, objective=objective)


def sureness(differences: np.ndarray, p_first: np.ndarray, *, ridge: float) -> float:
    """What to multiply differences `(P,)` by to read them as log-odds, 0 where they are no better than chance."""
    unit = _spread(differences) or 1.0
    return max(0.0, float(_solved(differences[:, None] / unit, p_first, np.ones(1), ridge)[0])) / unit


def loss(log_odds: np.ndarray, p_first: np.ndarray) -> float:
    """The mean of -p log(sigmoid(x)) - (1 - p) log(1 - sigmoid(x)), in nats; 0.69 knows nothing."""
    return float(np.mean(np.logaddexp(0.0, log_odds) - p_first * log_odds))


def _solved(
    z: np.ndarray, p_first: np.ndarray, prior: np.ndarray, ridge: float, last: float | None = None
) -> np.ndarray:
    """Newton's method with steps halved until they help; `last` holds the last coefficient where it is."""
    b = prior.copy()
    free = len(b)
    if last is not None:
        b[-1], free = last, len(b) - 1
    for _ in range(_STEPS):
        p = _sigmoid(z @ b)
        slope = (z.T @ (p - p_first) / len(z) + ridge * (b - prior))[:free]
        if np.abs(slope).max(initial=0.0) < 1e-9:
            break
        curve = (z.T * (p * (1 - p))) @ z / len(z) + ridge * np.eye(len(b))
        step = np.zeros(len(b))
        step[:free] = np.linalg.solve(curve[:free, :free], slope)
        now, size = _objective(z, p_first, prior, ridge, b), 1.0
        while size > 1e-6 and _objective(z, p_first, prior, ridge, b - size * step) > now:
            size /= 2
        b = b - size * step
    return b


def _objective(z: np.ndarray, p_first: np.ndarray, prior: np.ndarray, ridge: float, b: np.ndarray) -> float:
    return loss(z @ b, p_first) + ridge / 2 * float(((b - prior) ** 2).sum())


def _sigmoid(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = 0.5 * (1.0 + np.tanh(x / 2))
    return found


def _spread(differences: np.ndarray) -> float:
    """Root mean square; both orders of a pair are the same pair, so the mean says nothing."""
    return float(np.sqrt(np.mean(differences**2))) if differences.size else 0.0
