"""What the curves of a trained attempt say about each term of its reward, by rule.

The same numbers a language model is shown as feedback, read by the tips it is given: a component that stands still, one
that drowns the others, one that rises while fitness falls. It says what is wrong; `moves.py` says what to do about it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rewardsmith.measures.correlation import side_by_side
from rewardsmith.propose.terms import COSTS, WITH_TEMPERATURE, Genome, Key, Term, component_names
from rewardsmith.types import Attempt, Judged, Task, Trained

Fault = Literal["faded", "saturated", "constant", "dominates", "opposes"]

FADED, SATURATED = 0.02, 0.98  # of the weight
CONSTANT = 1e-3  # spread over size
DOMINANT = 10.0  # times the next largest
OPPOSED = -0.4  # correlation with fitness
RISE = 0.25  # of the fitness curve's range, from its first to its last fifth
SHORT = 0.5  # of the episode's full length


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One fault of one term; `seen` is the observation in words."""

    key: Key
    fault: Fault
    seen: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What is wrong with an attempt. `agreement` is each term's correlation with fitness in [-1, 1], where defined."""

    findings: tuple[Finding, ...] = ()
    agreement: Mapping[Key, float] = field(default_factory=dict)
    fitness_flat: bool = False
    ends_early: bool = False


def diagnose(attempt: Attempt, genome: Genome, task: Task) -> Diagnosis:
    """Read the attempt's curves; an attempt that was not trained has no findings."""
    trained = _trained(attempt)
    if trained is None:
        return Diagnosis()
    fitness = _values(trained, "fitness")
    series = {
        t.key: _values(trained, f"component/{name}")
        for t, name in zip(genome.terms, component_names(genome), strict=True)
    }
    agreement = {
        t.key: r
        for t, name in zip(genome.terms, component_names(genome), strict=True)
        if (r := _agreement(trained, f"component/{name}")) is not None
    }
    return Diagnosis(
        findings=tuple(_findings(genome, series, agreement)),
        agreement=agreement,
        fitness_flat=_flat(fitness),
        ends_early=_ends_early(trained, task),
    )


def correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation; None for fewer than five points, unequal lengths, or where either stands still."""
    if len(first) != len(second) or len(first) < 5 or _still(first) or _still(second):
        return None
    return statistics.correlation(first, second)


def _agreement(trained: Trained, name: str) -> float | None:
    """The correlation of a curve with fitness, which has fewer points where episodes are longer than rollouts."""
    curve, fitness = trained.curve(name), trained.curve("fitness")
    if not fitness or not curve or not _values(trained, name) or not _values(trained, "fitness"):
        return None
    pairs = side_by_side(curve, fitness)
    return correlation([a for a, _ in pairs], [b for _, b in pairs])


def _trained(attempt: Attempt) -> Trained | None:
    match attempt.outcome:
        case Judged(trained=trained) | (Trained() as trained):
            return trained
    return None


def _values(trained: Trained, name: str) -> tuple[float, ...]:
    """The curve's values; empty where it is missing or holds a number that is not finite."""
    curve = trained.curve(name)
    values = () if curve is None else curve.values
    return values if all(math.isfinite(v) for v in values) else ()


def _findings(
    genome: Genome, series: Mapping[Key, tuple[float, ...]], agreement: Mapping[Key, float]
) -> Iterator[Finding]:
    sizes = {t.key: statistics.fmean(map(abs, series[t.key])) for t in genome.terms if series[t.key]}
    for term, name in zip(genome.terms, component_names(genome), strict=True):
        if not series[term.key]:
            continue
        fault = _standing(term, series[term.key]) or _drowning(term, sizes) or _opposing(term, agreement)
        if fault is not None:
            yield Finding(
                key=term.key, fault=fault, seen=_SEEN[fault].format(name=name, r=agreement.get(term.key, 0.0))
            )


_SEEN: Mapping[Fault, str] = {
    "faded": "Component '{name}' stayed below 2% of its weight in all of the training",
    "saturated": "Component '{name}' stayed above 98% of its weight in all of the training",
    "constant": "Component '{name}' hardly changed in all of the training",
    "dominates": "Component '{name}' was more than ten times as large as any other component but the costs",
    "opposes": "Component '{name}' moved against fitness (correlation {r:.2f})",
}


def _standing(term: Term, values: Sequence[float]) -> Fault | None:
    if term.kind == "alive":
        return None
    if not term.weight:
        return "constant"
    share = [abs(v / term.weight) for v in values]
    if term.kind in WITH_TEMPERATURE - {"tanh"} and max(share) < FADED:
        return "faded"
    if term.kind in WITH_TEMPERATURE and min(share) > SATURATED:
        return "saturated"
    return "constant" if _still(values) else None


def _still(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= CONSTANT * max(map(abs, values))


def _drowning(term: Term, sizes: Mapping[Key, float]) -> Fault | None:
    others = [size for key, size in sizes.items() if key != term.key and key[0] not in COSTS]
    return "dominates" if others and sizes[term.key] > DOMINANT * max(others) > 0 else None


def _opposing(term: Term, agreement: Mapping[Key, float]) -> Fault | None:
    """A cost that grows while fitness rises is only the price of moving, and no fault."""
    return "opposes" if term.kind not in COSTS and agreement.get(term.key, 0.0) < OPPOSED else None


def _flat(fitness: Sequence[float]) -> bool:
    if len(fitness) < 5:
        return False
    fifth = len(fitness) // 5
    rise = statistics.fmean(fitness[-fifth:]) - statistics.fmean(fitness[:fifth])
    return rise <= RISE * (max(fitness) - min(fitness))


def _ends_early(trained: Trained, task: Task) -> bool:
    lengths, success = _values(trained, "episode_length"), _values(trained, "success")
    solved = bool(success) and success[-1] >= 0.5
    return bool(lengths) and lengths[-1] < SHORT * task.episode_steps and not solved
