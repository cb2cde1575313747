"""What the trained policy's signals were like in the judged episodes: mean and the range of nine steps in ten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback.episodes import share
from rewardsmith.feedback.wording import SHOWN_WHOLE, g, title
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Feedback, Judged, Task, Trajectory

LOW, HIGH = 0.05, 0.95
LINES = 24


def from_settings(settings: FeedbackSettings) -> Signals:  # noqa: ARG001 - nothing here is a matter of taste
    """The source; it has no settings."""
    return Signals()


class Signals:
    """A line a signal."""

    name = "signals"

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        if not isinstance(attempt.outcome, Judged) or not attempt.outcome.trajectories:
            return None
        found = spreads(attempt.outcome.trajectories, scene.task)
        lines = [f"- {s.name}: {g(s.mean)} ({g(s.low)} to {g(s.high)})" for s in found[:LINES]]
        return Feedback(
            source=self.name,
            text="\n".join(["Signals under the trained policy, mean (5% to 95% of the steps):", *lines]),
            data={"signals": {s.name: [s.mean, s.low, s.high] for s in found}},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Mean, 5% and 95% quantile of one number over all steps of some episodes."""

    name: str
    mean: float
    low: float
    high: float


def spreads(played: Sequence[Trajectory], task: Task) -> list[Spread]:
    """One for each number of a short signal, one for the norm of a long one; steps that are not finite do not count."""
    found: list[Spread] = []
    for signal in task.signals:
        values = torch.cat([t.signals[signal.name] for t in played]).double()
        columns = [(name, column[column.isfinite()]) for name, column in apart(title(signal), values)]
        found += [_spread(name, column) for name, column in columns if len(column)]
    return found


def _spread(name: str, values: Tensor) -> Spread:
    return Spread(name=name, mean=float(values.mean()), low=share(values, LOW), high=share(values, HIGH))


def apart(name: str, values: Tensor) -> list[tuple[str, Tensor]]:
    """`(T, *shape)` as single columns `(T,)` with their names; a signal of more than four numbers as its norm."""
    flat = values.reshape(len(values), -1)
    width = flat.shape[1]
    if values.dim() == 1:
        return [(name, flat[:, 0])]
    if width <= SHOWN_WHOLE:
        bare, _, unit = name.partition(" ")
        return [(f"{bare}[{i}] {unit}".rstrip(), flat[:, i]) for i in range(width)]
    return [(f"norm of {name}", torch.linalg.vector_norm(flat, dim=1))]
