"""Why episodes ended: the last steps before an early end held against ordinary steps of the same policy.

What ends an episode stands in no signal, so it is read off: a number that leaves its ordinary range in the last steps
of nearly every episode that ended early. It is a correlate, and called no more than that. Where the reward paid those
steps no less than others, that is told as well, with the components that saw the end coming, if any did.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback.episodes import Episode, own, share
from rewardsmith.feedback.signals import apart
from rewardsmith.feedback.wording import g, in_unit, label
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Feedback, Judged, Signal, Task, Trajectory

LAST = 10  # control steps that an ending is looked for in
ORDINARY = (0.05, 0.95)
BEYOND = 0.25  # how far outside the ordinary range, as a share of its width, an end must lie
AGREE = 0.75  # of the episodes that ended early must show it
TOLD = 3
FELL, CLEAR = 0.25, 0.02  # of its own and of the reward's size: what a component that saw an end coming falls by


def from_settings(settings: FeedbackSettings) -> Endings:  # noqa: ARG001 - nothing here is a matter of taste
    """The source; it has no settings."""
    return Endings()


class Endings:
    """How many of the judged episodes ended early, and what changed in their last steps."""

    name = "ending"

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        if not isinstance(attempt.outcome, Judged) or not attempt.outcome.trajectories:
            return None
        played = attempt.outcome.trajectories
        found = departures(played, scene.task)
        paid = unwarned(own(attempt, scene.task))
        return Feedback(
            source=self.name,
            text=_text(played, found, scene.task) + (f" {paid}" if paid else ""),
            data={
                "early": sum(t.terminated for t in played),
                "of": len(played),
                "changed": [[d.name, d.before, d.after] for d in found],
            },
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Departure:
    """One number that left its ordinary range `low` to `high` before the end: medians over the early endings."""

    name: str
    unit: str
    before: float
    after: float
    low: float
    high: float

    @property
    def beyond(self) -> float:
        """How far outside the ordinary range it ended, as a share of that range's width."""
        outside = max(self.low - self.after, self.after - self.high, 0.0)
        return outside / max(self.high - self.low, 1e-9)

    def words(self) -> str:
        way, unit = "rose" if self.after > self.before else "fell", in_unit(self.unit)
        ordinary = f"{g(self.low)} to {g(self.high)}"
        return f"{self.name} {way} from {g(self.before)} to {g(self.after)}{unit} (ordinary: {ordinary})"


def departures(played: Sequence[Trajectory], task: Task) -> list[Departure]:
    """What left its ordinary range before nearly every early end, the furthest first."""
    early = [t for t in played if t.terminated and len(t.fitness_steps) >= 2]
    found = [d for s in task.signals if early for d in _of(s, played, early)]
    return sorted((d for d in found if d.beyond > BEYOND), key=lambda d: -d.beyond)[:TOLD]


def unwarned(played: Sequence[Episode]) -> str:
    """A sentence where the reward paid the steps before failed ends no less than the steps before those; else empty.

    It names the components that fell clearly there all the same.
    """
    failed = [e for e in played if e.played.terminated and not e.played.success and e.steps >= 2]
    if not failed:
        return ""
    windows = [_window(e.played) for e in failed]
    usual, end = _paid([e.reward for e in failed], windows)
    if not usual <= end:
        return ""
    paid = f"Your reward paid {g(end)} a step there, {g(usual)} before"
    parts = {name: _paid([e.components[name] for e in failed], windows) for name in failed[0].components}
    least = CLEAR * max(abs(usual), abs(end))
    fell = [n for n, (was, now) in parts.items() if was - now > max(least, FELL * max(abs(was), abs(now)))]
    if not fell:
        return f"{paid}: it does not see such an end coming."
    fell = sorted(fell, key=lambda n: parts[n][1] - parts[n][0])[:TOLD]
    told = ", ".join(f"`{label(n)}` fell from {g(parts[n][0])} to {g(parts[n][1])}" for n in fell)
    return f"{paid}: {told}, but the rest made up for it."


def _paid(steps: Sequence[Tensor], windows: Sequence[int]) -> tuple[float, float]:
    """Means a step before the last steps and in them: medians over the episodes."""
    pairs = [(float(values[:-w].mean()), float(values[-w:].mean())) for values, w in zip(steps, windows, strict=True)]
    before, last = zip(*pairs, strict=True)
    return statistics.median(before), statistics.median(last)


def _of(signal: Signal, played: Sequence[Trajectory], early: Sequence[Trajectory]) -> list[Departure]:
    columns = [apart(signal.name, t.signals[signal.name].double()) for t in early]
    ordinary = [apart(signal.name, _ordinary(t, signal.name)) for t in played]
    return [
        d
        for k, (name, _) in enumerate(columns[0])
        if (d := _departure(name, signal.unit, [c[k][1] for c in columns], torch.cat([o[k][1] for o in ordinary])))
    ]


def _ordinary(played: Trajectory, name: str) -> Tensor:
    """The states of an episode before its last steps; of an episode that lasted, all."""
    values = played.signals[name].double()
    return values[: -_window(played)] if played.terminated else values


def _window(played: Trajectory) -> int:
    """How many last steps are looked at: ten, less where the episode is shorter than forty."""
    return max(1, min(LAST, len(played.fitness_steps) // 4))


def _departure(name: str, unit: str, ends: Sequence[Tensor], ordinary: Tensor) -> Departure | None:
    """How one number ended, where that is out of the ordinary, on one side, in nearly all of the episodes."""
    ordinary = ordinary[ordinary.isfinite()]
    last = [float(values[-1]) for values in ends]
    if not len(ordinary) or not all(bool(values.isfinite().all()) for values in ends):
        return None
    low, high = share(ordinary, ORDINARY[0]), share(ordinary, ORDINARY[1])
    most = max(sum(v < low for v in last), sum(v > high for v in last))
    if most < AGREE * len(last):
        return None
    before = [float(v[-1 - max(1, min(LAST, (len(v) - 1) // 4))]) for v in ends]
    return Departure(
        name=name,
        unit=unit,
        before=statistics.median(before),
        after=statistics.median(last),
        low=low,
        high=high,
    )


def _text(played: Sequence[Trajectory], found: Sequence[Departure], task: Task) -> str:
    early = [t for t in played if t.terminated]
    if not early:
        return f"Endings: all {len(played)} kept episodes lasted their whole time."
    lengths = [len(t.fitness_steps) for t in early]
    solved = sum(t.success is True for t in early)
    opening = (
        f"Endings: {len(early)} of {len(played)} kept episodes were ended early by the environment, after "
        f"{_range(lengths)} of {task.episode_steps} steps{f', {solved} of them solved' if solved else ''}."
    )
    if not found:
        return f"{opening} No signal left its ordinary range before that."
    steps = min(_window(t) for t in early)
    return f"{opening} In the last {steps} steps {'; '.join(d.words() for d in found)}."


def _range(lengths: Sequence[int]) -> str:
    return str(lengths[0]) if min(lengths) == max(lengths) else f"{min(lengths)} to {max(lengths)}"
