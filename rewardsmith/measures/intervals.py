"""Scores of a few runs on several tasks as one number with an interval: interquartile mean, stratified bootstrap.

The interquartile mean is the mean of the middle half: less moved by one lucky run than the mean, and less wasteful of
runs than the median. The interval comes from drawing the runs of every task anew, each task by itself, so that every
task keeps its weight.

Reference: Agarwal, Schwarzer, Castro, Courville and Bellemare 2021, "Deep Reinforcement Learning at the Edge of the
Statistical Precipice", arXiv:2108.13264 (rliable).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A number and the interval it lies in; the same thrice where every task has one run alone."""

    value: float
    low: float
    high: float


def iqm(values: ArrayLike) -> float:
    """The mean of the middle half of the values, at least one: a quarter, rounded down, is cut off at either end."""
    return float(_iqm(np.asarray(values, dtype=np.float64).reshape(1, -1))[0])


def iqm_interval(
    scores: Mapping[str, Sequence[float]], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval | None:
    """The interquartile mean over all runs of all tasks, scores comparable between tasks, with its interval.

    None where there is no run, or a score is not finite. The same scores and seed give the same interval.
    """
    tasks = [np.asarray(scores[name], dtype=np.float64) for name in sorted(scores) if len(scores[name])]
    if not tasks or not all(np.isfinite(runs).all() for runs in tasks):
        return None
    draw = np.random.default_rng(seed)
    drawn = [runs[draw.integers(len(runs), size=(resamples, len(runs)))] for runs in tasks]
    found = _iqm(np.concatenate(drawn, axis=1))
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value=iqm(np.concatenate(tasks)), low=float(low), high=float(high))


def _iqm(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The interquartile mean of each row, `(B, n)` to `(B,)`."""
    cut = rows.shape[1] // 4
    return np.asarray(np.sort(rows, axis=1)[:, cut : rows.shape[1] - cut].mean(axis=1))
