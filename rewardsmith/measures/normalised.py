"""The human-normalised score: where a reward stands between the sparse reward (0) and the expert's (1).

It divides by the gap between those two, so it is refused where the gap is within the noise of their own scores.

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
