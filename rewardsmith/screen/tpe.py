"""Trajectory preference evaluation: does a reward score episodes that succeeded above those that failed?

Pure functions of scores, one number an episode. What a score is (a return, discounted or not, or a mean) stands in
`episodes.py`; which episodes are good and bad in `labels.py`. A pair is a success and a failure. It counts 1 where the
success scores higher, 0.5 where the two are equal up to rounding, 0 otherwise; a score that is not finite loses every
pair it is in.

Reference: Sun et al. 2024, CARD, arXiv:2410.14660 (the share above the highest failure); Hanley and McNeil 1982,
Radiology 143 (the area under the ROC curve as the share of pairs in order).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

ROUNDING = 1e-6
"""Scores that differ by less than this share of their size are equal: rewards are float32, summed over an episode."""


def share_above_best_failure(successes: Scores, failures: Scores) -> float:
    """CARD's accuracy: the share of successes that score above every failure. Both `(S,)` and `(F,)`, not empty."""
    return float((pairs(successes, failures) == 1.0).all(axis=1).mean())


def auc(successes: Scores, failures: Scores) -> float:
    """The share of pairs in the right order, ties one half. Both `(S,)` and `(F,)`, not empty."""
    return float(pairs(successes, failures).mean())


def auc_lower_bound(
    successes: Scores, failures: Scores, *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0
) -> float:
    """The one-sided bootstrap bound below the AUC: successes and failures are drawn anew, each with replacement.

    The result does not depend on the order of the episodes. Reference: Efron 1979, Annals of Statistics 7.
    """
    draw = np.random.default_rng(seed)
    won = pairs(_sorted(successes), _sorted(failures)).astype(np.float32)
    first = _counts(len(successes), resamples, draw)
    second = _counts(len(failures), resamples, draw)
    found = ((first @ won) * second).sum(axis=1) / won.size
    return float(np.quantile(found, 1.0 - confidence))


def pairs(successes: Scores, failures: Scores) -> Scores:
    """Of every pair whether it is in the right order: `(S, F)` of 1.0, 0.5 for a tie, 0.0."""
    if not len(successes) or not len(failures):
        raise ValueError(f"Expected at least one success and one failure; got {len(successes)} and {len(failures)}.")
    first, second = successes[:, None], failures[None, :]
    finite = np.isfinite(first) & np.isfinite(second)
    with np.errstate(invalid="ignore"):
        gap = first - second
        tie = np.abs(gap) <= ROUNDING * np.maximum(np.abs(first), np.abs(second))
        return np.where(finite, np.where(tie, 0.5, (gap > 0).astype(np.float64)), 0.0)


def lowest(scores: Scores) -> int:
    """Where the lowest score stands; one that is not finite counts as lower than all."""
    return int(np.argmin(np.where(np.isfinite(scores), scores, -np.inf)))


def highest(scores: Scores) -> int:
    """Where the highest score stands; one that is not finite counts as higher than all."""
    return int(np.argmax(np.where(np.isfinite(scores), scores, np.inf)))


def _sorted(scores: Scores) -> Scores:
    return np.sort(np.where(np.isfinite(scores), scores, np.nan))


def _counts(size: int, resamples: int, draw: np.random.Generator) -> NDArray[np.float32]:
    """How often each of `size` items is drawn in each resample: `(resamples, size)`."""
    drawn = draw.integers(size, size=(resamples, size)) + size * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size).astype(np.float32)
