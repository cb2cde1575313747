"""Feedback from the curves of a training: each component, the reward, fitness and episode length over time.

The idea is Eureka's reward reflection (Ma et al. 2024, arXiv:2310.12931): a few evenly spaced values with maximum,
mean and minimum. What a good reader would notice in them is said in words besides, since weak models do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback.wording import g, label
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Curve, Feedback, Judged, Task, Trained

COMPONENT = "component/"
FLAT = 0.02  # a component whose range is below this share of its magnitude is called constant
DOMINANT = 10.0  # a component this many times the next largest drowns it; penalties are meant to be small
TREND = 0.15  # changes below this share of a curve's range are taken for noise
RARE_SUCCESS = 0.05
SHORT = 0.5  # episodes shorter than this share of the limit are called short


def from_settings(settings: FeedbackSettings) -> Curves:
    """The source as the settings want it."""
    return Curves(points=settings.points)


class Curves:
    """Says how a judged attempt's training went; says nothing of attempts that were never judged."""

    name = "curves"

    def __init__(self, *, points: int) -> None:
        self._points = points

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        if not isinstance(attempt.outcome, Judged):
            return None
        trained = attempt.outcome.trained
        summaries = [s for c in ordered(trained.curves) if (s := summarise(c, points=self._points))]
        remarks = notable(summaries, scene.task)
        return Feedback(
            source=self.name,
            text=_text(trained, summaries, remarks),
            data={
                "env_steps": trained.env_steps,
                "curves": {s.name: s.plain() for s in summaries},
                "notable": [r.plain() for r in remarks],
            },
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A curve in brief: `shown` are evenly spaced values of `values`, whose `max`, `mean` and `min` are given."""

    name: str
    values: tuple[float, ...]
    shown: tuple[float, ...]
    at_env_steps: tuple[int, ...]
    max: float
    mean: float
    min: float

    @property
    def component(self) -> str | None:
        """The component's name; None for curves that are no component."""
        return self.name.removeprefix(COMPONENT) if self.name.startswith(COMPONENT) else None

    @property
    def range(self) -> float:
        return self.max - self.min

    @property
    def magnitude(self) -> float:
        """Mean of the absolute values."""
        return math.fsum(abs(v) for v in self.values) / len(self.values)

    def thirds(self) -> tuple[float, float, float]:
        """Means of the first, middle and last third; needs three values."""
        cut = len(self.values) // 3
        return _mean(self.values[:cut]), _mean(self.values[cut:-cut]), _mean(self.values[-cut:])

    def plain(self) -> dict[str, object]:
        """The summary as JSON."""
        return {
            "values": list(self.shown),
            "at_env_steps": list(self.at_env_steps),
            "max": self.max,
            "mean": self.mean,
            "min": self.min,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """Something that stands out: `kind` for programs, `text` for readers, `component` where it is about one."""

    kind: str
    text: str
    component: str | None = None

    def plain(self) -> dict[str, object]:
        return {"kind": self.kind, "component": self.component, "text": self.text}


def ordered(curves: Sequence[Curve]) -> list[Curve]:
    """Components first, as written; then the reward they add up to, then what it was judged by."""
    last = ("reward", "fitness", "success", "episode_length")
    components = [c for c in curves if c.name.startswith(COMPONENT)]
    return components + [c for name in last for c in curves if c.name == name]


def summarise(curve: Curve, *, points: int) -> Summary | None:
    """The curve at `points` evenly spaced places, ends included; None where it has no finite value."""
    pairs = [(s, v) for s, v in zip(curve.env_steps, curve.values, strict=True) if math.isfinite(v)]
    if not pairs:
        return None
    steps, values = zip(*pairs, strict=True)
    places = evenly(len(values), points)
    return Summary(
        name=curve.name,
        values=values,
        shown=tuple(values[i] for i in places),
        at_env_steps=tuple(steps[i] for i in places),
        max=max(values),
        mean=_mean(values),
        min=min(values),
    )


def evenly(count: int, points: int) -> list[int]:
    """Indices of at most `points` evenly spaced places among `count`, the first and the last included."""
    if count <= points:
        return list(range(count))
    return [round(i * (count - 1) / (points - 1)) for i in range(points)]


# --- what stands out ------------------------------------------------------------------------------------------------


def notable(summaries: Sequence[Summary], task: Task) -> list[Remark]:
    """What a careful reader would notice, most telling first."""
    by_name = {s.name: s for s in summaries}
    components = [s for s in summaries if s.component is not None]
    return [
        *_exploited(by_name.get("reward"), by_name.get("fitness")),
        *_success(by_name.get("success")),
        *_fitness_trend(by_name.get("fitness")),
        *_constant(components),
        *_dominant(components),
        *_short_episodes(by_name.get("episode_length"), task),
    ]


def _exploited(reward: Summary | None, fitness: Summary | None) -> Iterator[Remark]:
    """Own reward rose from where fitness was best to the end, while fitness fell: the proxy is being gamed."""
    if reward is None or fitness is None or len(fitness.values) < 3 or len(reward.values) < 3:
        return
    rewards, scores = reward.thirds(), fitness.thirds()
    best = scores.index(max(scores))
    if rewards[2] - rewards[best] > TREND * reward.range and scores[best] - scores[2] > TREND * fitness.range:
        yield Remark(
            kind="exploited",
            text=(
                f"The reward rose ({_g(rewards[best])} to {_g(rewards[2])}) while fitness fell "
                f"({_g(scores[best])} to {_g(scores[2])}): the policy earns reward in a way that is not the task."
            ),
        )


def _success(success: Summary | None) -> Iterator[Remark]:
    if success is not None and success.max < RARE_SUCCESS:
        share = f"at most {success.max:.1%} of episodes succeeded" if success.max > 0 else "no episode succeeded"
        yield Remark(kind="no_success", text=f"Success stayed near zero: {share} in training.")


def _fitness_trend(fitness: Summary | None) -> Iterator[Remark]:
    if fitness is None or len(fitness.values) < 3:
        return
    first, middle, last = fitness.thirds()
    if fitness.range <= FLAT * fitness.magnitude:
        yield Remark(kind="fitness_flat", text=f"Fitness hardly changed in training ({_span(fitness)}).")
    elif max(first, middle) - last > TREND * fitness.range:
        peak = fitness.values.index(fitness.max) / (len(fitness.values) - 1)
        yield Remark(
            kind="fitness_peaked",
            text=f"Fitness peaked at {_g(fitness.max)} after {peak:.0%} of training and was {_g(last)} at the end.",
        )
    elif last - middle > TREND * fitness.range and last > first:
        yield Remark(kind="fitness_rising", text="Fitness was still rising at the end of training.")


def _constant(components: Sequence[Summary]) -> Iterator[Remark]:
    for s in components:
        if s.max == s.min == 0:
            text = f"'{_label(s)}' was 0 all the time: what it stands for never happened."
        elif s.range <= FLAT * s.magnitude:
            text = f"'{_label(s)}' hardly changed in training ({_span(s)}): it can teach nothing but how long to last."
        else:
            continue
        yield Remark(kind="constant", component=s.component, text=text)


def _dominant(components: Sequence[Summary]) -> Iterator[Remark]:
    largest = sorted(components, key=lambda s: s.magnitude, reverse=True)
    paying = [s for s in largest[1:] if s.mean > 0]
    if not paying or largest[0].magnitude <= DOMINANT * paying[0].magnitude:
        return
    first, second = largest[0], paying[0]
    times = _g(first.magnitude / second.magnitude, digits=2)
    yield Remark(
        kind="dominant",
        component=first.component,
        text=f"'{_label(first)}' is {times} times as large as '{_label(second)}', the next that pays: the policy works "
        f"for '{_label(first)}' alone. That is right only if it stands for the goal itself.",
    )


def _short_episodes(length: Summary | None, task: Task) -> Iterator[Remark]:
    if length is not None and length.values[-1] < SHORT * task.episode_steps:
        yield Remark(
            kind="short_episodes",
            text=f"Episodes ended early, after {_g(length.values[-1])} of {task.episode_steps} steps at the end: the "
            "environment cut them short.",
        )


# --- wording --------------------------------------------------------------------------------------------------------


def _text(trained: Trained, summaries: Sequence[Summary], remarks: Sequence[Remark]) -> str:
    shown = max((len(s.shown) for s in summaries), default=0)
    opening = (
        f"Training, {trained.env_steps} environment steps; {shown} evenly spaced values, first to last; "
        "the policy explores here, so it may do worse than when judged:"
    )
    lines = [opening]
    lines += [_line(s) for s in summaries]
    if remarks:
        lines += ["What stands out:", *(f"- {r.text}" for r in remarks)]
    return "\n".join(lines)


def _line(s: Summary) -> str:
    values = ", ".join(_g(v) for v in s.shown)
    return f"- {_title(s)}: [{values}] max {_g(s.max)}, mean {_g(s.mean)}, min {_g(s.min)}"


def _title(s: Summary) -> str:
    titles = {
        "reward": "your total reward, mean per step",
        "fitness": "FITNESS in training, per episode",
        "success": "SUCCESS in training, share of episodes",
        "episode_length": "episode length, steps",
    }
    return titles.get(s.name, f"component `{_label(s)}`, mean per step")


def _label(s: Summary) -> str:
    return label(s.component or s.name)


def _span(s: Summary) -> str:
    return f"{_g(s.min)} to {_g(s.max)}" if s.range else f"always {_g(s.min)}"


def _g(value: float, *, digits: int = 4) -> str:
    return g(value, digits=digits)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
