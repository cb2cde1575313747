"""Alarms that a policy earns its reward without doing the task: reward up, fitness not.

Three looks: at the training (own reward rose while fitness fell, from which step on), at the policy against random
actions and better episodes known, and at how reward and fitness go together under either. It says nothing where none
of them shows anything. Single components are `diagnosis.py`'s.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import episodes
from rewardsmith.feedback.curves import TREND
from rewardsmith.feedback.episodes import RANDOM, Episode, correlation
from rewardsmith.feedback.summary import ends, trend
from rewardsmith.feedback.wording import g, in_unit, label
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Curve, Feedback, Judged, Task, Trained

Kind = Literal["rose_while_fitness_fell", "earns_without_fitness", "prefers_worse", "decorrelated"]

SMOOTH = 5  # points of a curve that are taken together
FITTER, POORER = 0.25, 0.02  # of the range among known episodes: smaller differences are not spoken of
EPISODES = 8  # the fewest that a correlation is made of
TOGETHER, APART = 0.3, -0.5  # correlation under random actions, and under the trained policy, that make an alarm


def from_settings(settings: FeedbackSettings) -> Hacking:  # noqa: ARG001 - the thresholds are one table, above
    """The source; it has no settings."""
    return Hacking()


class Hacking:
    """Sounds an alarm, or says nothing."""

    name = "hacking"

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        if not isinstance(attempt.outcome, Judged):
            return None
        own, others = episodes.own(attempt, scene.task), episodes.others(attempt, scene)
        trained = attempt.outcome.trained
        found = [*_in_training(trained), *_on_episodes(own, others, scene.task, exploring=_exploring(trained))]
        if not found:
            return None
        lines = "\n".join(f"- {a.text}" for a in found)
        return Feedback(
            source=self.name,
            text=f"ALARM, the reward is earned without the task:\n{lines}",
            data={"alarms": [{"kind": a.kind, "text": a.text, "env_steps": a.env_steps} for a in found]},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One sign of hacking; `env_steps` says from where on, if it is of the training."""

    kind: Kind
    text: str
    env_steps: int | None = None


# --- in training ----------------------------------------------------------------------------------------------------


def _in_training(trained: Trained) -> Iterator[Alarm]:
    """Own reward rose from where fitness was best to the end, while fitness fell."""
    reward, fitness = _smooth(trained.curve("reward")), _smooth(trained.curve("fitness"))
    if len(reward) < 3 or len(fitness) < 3:
        return
    if trend(_values(trained, "fitness")) not in ("falling", "peaked, then fell"):
        return
    best_at, best = max(fitness[:-1], key=lambda point: point[1])
    end = fitness[-1][1]
    then, now = _at(reward, best_at), reward[-1][1]
    if best - end > TREND * _range(fitness) and now - then > TREND * _range(reward) and best - end > TREND * abs(best):
        yield Alarm(
            kind="rose_while_fitness_fell",
            env_steps=best_at,
            text=f"From step {best_at} of the training on the reward rose ({g(then)} to {g(now)} per step) while "
            f"fitness fell ({g(best)} to {g(end)}).",
        )


def _exploring(trained: Trained) -> float | None:
    """The fitness at the end of the training, where the policy explores."""
    values = _values(trained, "fitness")
    return ends(values)[1] if values else None


def _values(trained: Trained, name: str) -> list[float]:
    curve = trained.curve(name)
    return [v for v in curve.values if math.isfinite(v)] if curve else []


def _smooth(curve: Curve | None) -> list[tuple[int, float]]:
    """The curve as means of five points in a row, each at the middle one's step."""
    if curve is None:
        return []
    points = [(s, v) for s, v in zip(curve.env_steps, curve.values, strict=True) if math.isfinite(v)]
    width = min(SMOOTH, max(1, len(points) // 3))
    return [
        (points[i + width // 2][0], statistics.fmean(v for _, v in points[i : i + width]))
        for i in range(len(points) - width + 1)
    ]


def _at(points: Sequence[tuple[int, float]], step: int) -> float:
    return min(points, key=lambda point: abs(point[0] - step))[1]


def _range(points: Sequence[tuple[int, float]]) -> float:
    values = [v for _, v in points]
    return max(values) - min(values)


# --- on known episodes ----------------------------------------------------------------------------------------------


def _on_episodes(
    own: Sequence[Episode], others: Sequence[Episode], task: Task, *, exploring: float | None
) -> Iterator[Alarm]:
    own, others = _finite(own), _finite(others)
    if not own:
        return
    chance = [e for e in others if e.played.source == RANDOM]
    yield from _for_nothing(own, chance, task, exploring=exploring)
    yield from _prefers_worse(own, others, task)
    yield from _decorrelated(own, chance)


def _finite(known: Sequence[Episode]) -> list[Episode]:
    return [e for e in known if math.isfinite(e.total) and math.isfinite(e.played.fitness)]


def _for_nothing(
    own: Sequence[Episode], chance: Sequence[Episode], task: Task, *, exploring: float | None
) -> Iterator[Alarm]:
    """More reward in every episode than in any of random actions, but no more fitness on average, nor in training."""
    if len(chance) < 2:
        return
    mine, theirs = _mean_fitness(own), _mean_fitness(chance)
    noise = 2 * statistics.stdev([e.played.fitness for e in chance]) / math.sqrt(len(chance))
    if exploring is not None and exploring > theirs + noise:
        return
    if mine <= theirs + noise and min(e.total for e in own) > max(e.total for e in chance):
        unit = in_unit(task.fitness.unit)
        yield Alarm(
            kind="earns_without_fitness",
            text=f"The policy earns {g(_mean_total(own))} an episode where random actions earn "
            f"{g(_mean_total(chance))}, yet its fitness of {g(mine)}{unit} is no better than theirs of "
            f"{g(theirs)}{unit}: what it has learnt to earn is not the task, or not yet.",
        )


def _prefers_worse(own: Sequence[Episode], others: Sequence[Episode], task: Task) -> Iterator[Alarm]:
    """A known episode with much more fitness than any of the policy's own, and less reward than all."""
    known = [*own, *others]
    shortest = min(e.steps for e in own)
    comparable = [e for e in others if not _cut_short(e, shortest)]
    best = max(comparable, key=lambda e: e.played.fitness, default=None)
    if best is None:
        return
    top, least = max(e.played.fitness for e in own), min(e.total for e in own)
    fitter = best.played.fitness - top > FITTER * _width([e.played.fitness for e in known])
    poorer = least - best.total > POORER * _width([e.total for e in known])
    if fitter and poorer:
        unit = in_unit(task.fitness.unit)
        yield Alarm(
            kind="prefers_worse",
            text=f"A known episode of another policy has fitness {g(best.played.fitness)}{unit} and would earn "
            f"{g(best.total)} by your reward; this policy's episodes reach {g(top)}{unit} at best and earn "
            f"{g(least)} or more. The difference lies in {_reasons(own, best)}.",
        )


def _cut_short(episode: Episode, steps: int) -> bool:
    """Whether random actions failed so soon that sums of rewards compare lengths, not deeds."""
    played = episode.played
    return played.source == RANDOM and played.terminated and not played.success and episode.steps < steps / 2


def _reasons(own: Sequence[Episode], best: Episode) -> str:
    """The components that favour the policy's own episodes most, with their sums."""
    mine = {name: statistics.fmean(e.sums()[name] for e in own) for name in best.components}
    theirs = best.sums()
    ranked = sorted((n for n in mine if mine[n] > theirs[n]), key=lambda n: theirs[n] - mine[n])[:2]
    return ", ".join(f"`{label(n)}` ({g(mine[n])} against {g(theirs[n])})" for n in ranked) or "the total alone"


def _decorrelated(own: Sequence[Episode], chance: Sequence[Episode]) -> Iterator[Alarm]:
    """Reward and fitness go together under random actions, and against each other under the trained policy.

    Reference: Laidlaw et al. 2024, Correlated Proxies, arXiv:2403.03185.
    """
    before, after = _together(chance), _together(own)
    if before is not None and after is not None and before > TOGETHER and after < APART:
        yield Alarm(
            kind="decorrelated",
            text=f"Over episodes, reward and fitness go together under random actions (correlation {before:.2f}), but "
            f"not under the trained policy ({after:.2f}).",
        )


def _together(known: Sequence[Episode]) -> float | None:
    if len(known) < EPISODES:
        return None
    return correlation([e.total for e in known], [e.played.fitness for e in known])


def _mean_fitness(known: Sequence[Episode]) -> float:
    return statistics.fmean(e.played.fitness for e in known)


def _mean_total(known: Sequence[Episode]) -> float:
    return statistics.fmean(e.total for e in known)


def _width(values: Sequence[float]) -> float:
    return max(values) - min(values)
