"""The human-normalised score: how far a reward is above the sparse one (0), in gaps between that and the expert's.

The expert's is 1, or -1 where its policy is the worse of the two. The score is refused where the gap, which divides, is
within the noise of their own scores.

Reference: Ma et al. 2023, Eureka, arXiv:2310.12931.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rewardsmith.types import Judged, ReferenceResult, Score


def human_normalised(ours: Score, references: Sequence[ReferenceResult]) -> tuple[float | None, str]:
    """(M - S) / |H - S|, and a sentence where it is refused: a reference failed or the two cannot be told apart."""
    found = {r.name: r.outcome for r in references}
    expert, sparse = found.get("expert"), found.get("sparse")
    if not isinstance(expert, Judged) or not isinstance(sparse, Judged):
        return None, "Not defined: the expert's and the sparse reward's policies are both needed."
    gap = expert.score.mean - sparse.score.mean
    noise = math.hypot(expert.score.ci95, sparse.score.ci95)
    if abs(gap) <= noise:
        return None, f"Refused: expert and sparse differ by {gap:.4g}, within their noise of {noise:.4g}."
    return (ours.mean - sparse.score.mean) / abs(gap), ""


def scale_words(references: Sequence[tuple[str, Score]]) -> str:
    """What 0 and the expert's number are, by the references' names and scores."""
    means = {name: score.mean for name, score in references}
    if {"expert", "sparse"} <= means.keys() and means["expert"] < means["sparse"]:
        return "the sparse reward's policy did better than the expert's: 0 is the sparse one's, -1 the expert's"
    return "1 is the expert's, 0 the sparse reward's"
