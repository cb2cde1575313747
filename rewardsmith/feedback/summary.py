"""Feedback from the curves of a training in brief: where each began, its peak, where it ended, and how it went.

One line a curve in place of Eureka's ten values: BIRD (github.com/safety-research/bird) found summarised feedback to
help. What stands out is left to the sources `diagnosis`, `hacking` and `ending`; `curves.py` has the whole table.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Literal

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback.curves import FLAT, TREND, Summary, ordered, summarise
from rewardsmith.feedback.episodes import RANDOM
from rewardsmith.feedback.wording import g, in_unit, label, plain
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Feedback, Judged

Trend = Literal["flat", "rising", "falling", "peaked, then fell", "dipped, then rose", "rose, then level"]
END = 0.1  # the share of a curve that its beginning and its end are the mean of


def from_settings(settings: FeedbackSettings) -> CurveSummary:
    """The source; it has no settings of its own."""
    return CurveSummary(points=settings.points)


class CurveSummary:
    """Says in a line a curve how a judged attempt's training went."""

    name = "summary"

    def __init__(self, *, points: int) -> None:
        self._points = points

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        if not isinstance(attempt.outcome, Judged):
            return None
        trained = attempt.outcome.trained
        found = [s for c in ordered(trained.curves) if (s := summarise(c, points=self._points))]
        opening = (
            f"Training, {trained.env_steps} environment steps, each curve as start -> end (the policy explores here; "
            "components and reward are means per step):"
        )
        lines = [f"- {_title(s)}: {_words(s)}{_for_scale(scene) if s.name == 'fitness' else ''}" for s in found]
        return Feedback(source=self.name, text="\n".join([opening, *lines]), data={"curves": _data(found)})


def trend(values: Sequence[float]) -> Trend:
    """How a curve went, from the means of its thirds.

    Taken for noise are changes under 15% of its range, or under two standard errors of what it jitters by from point to
    point. It rose or fell only if its ends say so too, since these are what is shown.
    """
    size = math.fsum(map(abs, values)) / len(values)
    spread = max(values) - min(values)
    if len(values) < 3 or spread <= FLAT * size:
        return "flat"
    cut = len(values) // 3
    parts = (values[:cut], values[cut:-cut], values[-cut:])
    first, middle, last = (math.fsum(part) / len(part) for part in parts)
    noise = max(TREND * spread, 2 * _jitter(values) * math.sqrt(2 / cut))
    early, late = (0 if abs(change) <= noise else change for change in (middle - first, last - middle))
    if early * late < 0:
        return "peaked, then fell" if early > 0 else "dipped, then rose"
    start, end = ends(values)
    overall = min(last - first, end - start, key=abs)
    if abs(overall) <= noise or (last - first) * (end - start) < 0:
        return "flat"
    if early > 0 and late == 0:
        return "rose, then level"
    return "rising" if overall > 0 else "falling"


def _jitter(values: Sequence[float]) -> float:
    """The standard deviation of what is no trend, from second differences: a straight line has none.

    By their median, so that a curve's few bends do not count: for normal noise, 0.6745 sqrt(6) standard deviations.
    """
    bends = [abs(a - 2 * b + c) for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return statistics.median(bends) / (0.6745 * math.sqrt(6))


def ends(values: Sequence[float]) -> tuple[float, float]:
    """The means of a curve's first and last tenth."""
    few = _few(values)
    return math.fsum(values[:few]) / few, math.fsum(values[-few:]) / few


def _few(values: Sequence[float]) -> int:
    return max(1, round(END * len(values)))


def _words(s: Summary) -> str:
    if s.range <= FLAT * s.magnitude:
        return f"flat at {g(s.mean)}"
    start, end = ends(s.values)
    way = trend(s.values)
    if way == "flat":
        return f"{g(start)} -> {g(end)}, no trend ({g(s.min)} to {g(s.max)})"
    falling = way in ("falling", "dipped, then rose")
    top = s.min if falling else s.max
    if s.values.index(top) >= len(s.values) - _few(s.values):  # the end, which is told already, less its jitter
        return f"{g(start)} -> {g(end)}, {way}"
    return f"{g(start)} -> {g(end)}, {way}, {'low' if falling else 'peak'} {g(top)} at {_when(s, top)}"


def _for_scale(scene: Scene) -> str:
    """What random actions reach, where the run has such episodes: nobody can tell 0.03 from nothing by itself."""
    chance = [t.fitness for t in scene.trajectories if t.source == RANDOM and math.isfinite(t.fitness)]
    if not chance:
        return ""
    return f"; random actions reach {g(statistics.fmean(chance))}{in_unit(scene.task.fitness.unit)}"


def _when(s: Summary, value: float) -> str:
    return f"{s.values.index(value) / max(1, len(s.values) - 1):.0%}"


def _title(s: Summary) -> str:
    titles = {
        "reward": "your reward",
        "fitness": "FITNESS",
        "success": "SUCCESS, share of episodes",
        "episode_length": "episode length",
    }
    return titles.get(s.name, f"`{label(s.component or s.name)}`")


def _data(found: Sequence[Summary]) -> dict[str, object]:
    told: dict[str, object] = {}
    for s in found:
        start, end = ends(s.values)
        told[s.name] = {
            "start": plain(start), "end": plain(end), "max": s.max, "min": s.min, "trend": trend(s.values)
        }  # fmt: skip
    return told
