"""Process feedback: how the training stood at a few evenly spaced points, and what the judged episodes add up to.

The idea is CARD's (Sun et al. 2024, arXiv:2410.14660): five evaluations with step, return, length, success and each
component's episode sum, mean and standard deviation. During training only means per step are recorded, so the points
show those; sums with their spread are given where they are known, of the judged episodes that were kept.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import episodes
from rewardsmith.feedback.curves import COMPONENT, ordered
from rewardsmith.feedback.episodes import Episode
from rewardsmith.feedback.wording import g, label, plain, table
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Curve, Feedback, Judged, Trained

POINTS = 5  # as in CARD
UNKNOWN = "-"


def from_settings(settings: FeedbackSettings) -> Process:  # noqa: ARG001 - CARD's number of points is part of the idea
    """The source; it has no settings."""
    return Process()


class Process:
    """A table of the training at five points, and the judged episodes' sums."""

    name = "process"

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        if not isinstance(attempt.outcome, Judged):
            return None
        trained = attempt.outcome.trained
        points, played = readings(trained), episodes.own(attempt, scene.task)
        text = [
            f"Training, {trained.env_steps} environment steps (the policy explores here; FITNESS and length are of "
            "episodes that ended, components and reward are means per step):"
        ]
        text += [_table(points), *_sums(played)]
        told = [{name: plain(v) for name, v in point.items()} for point in points]
        return Feedback(source=self.name, text="\n".join(text), data={"points": told})


def readings(trained: Trained) -> list[dict[str, float]]:
    """Every curve at five evenly spaced steps, the last one the end; `env_steps` is the step.

    A value is the latest that was known by then. A curve without one is left out of that point.
    """
    steps = [round(trained.env_steps * (i + 1) / POINTS) for i in range(POINTS)]
    return [{"env_steps": float(step), **_known_by(step, ordered(trained.curves))} for step in steps]


def _known_by(step: int, curves: Sequence[Curve]) -> dict[str, float]:
    known: dict[str, float] = {}
    for curve in curves:
        before = [v for s, v in zip(curve.env_steps, curve.values, strict=True) if s <= step and math.isfinite(v)]
        if before:
            known[curve.name] = before[-1]
    return known


def _table(points: Sequence[Mapping[str, float]]) -> str:
    names = list(dict.fromkeys(name for point in reversed(points) for name in point))
    columns: list[str] = [n for n in ("env_steps", "fitness", "success", "episode_length", "reward") if n in names]
    columns += [n for n in names if n.startswith(COMPONENT)]
    rows = [[_cell(name, point) for name in columns] for point in points]
    return table([_head(name) for name in columns], rows)


def _cell(name: str, point: Mapping[str, float]) -> str:
    if name not in point:
        return UNKNOWN
    if name == "success":
        return f"{point[name]:.0%}"
    return f"{point[name]:.0f}" if name == "env_steps" else g(point[name])


def _head(name: str) -> str:
    titles = {
        "env_steps": "step",
        "fitness": "FITNESS",
        "success": "SUCCESS",
        "episode_length": "length",
        "reward": "your reward",
    }
    return titles.get(name) or f"`{label(name.removeprefix(COMPONENT))}`"


def _sums(played: Sequence[Episode]) -> list[str]:
    """Sum over the episode, mean and standard deviation over episodes, of each component and of the reward."""
    if not played:
        return []
    sums = [{"your reward": e.total} | {f"`{label(n)}`": v for n, v in e.sums().items()} for e in played]
    lines = [f"- {name}: {_spread([one[name] for one in sums])}" for name in sums[0]]
    return [f"Sums over an episode after training, in {len(played)} judged episodes:", *lines]


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return g(values[0])
    if not all(map(math.isfinite, values)):
        return "not finite"
    return f"mean {g(statistics.fmean(values))}, std {g(statistics.stdev(values))}"
