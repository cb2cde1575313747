"""Who trains on: candidates that can no longer catch up after a leg are stopped, and so are those with nothing to gain.

Candidates race by the fitness of the episodes played in training, which costs no env step and knows no reward.
Successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943) drops by rank, and early ranks say little; here a
candidate goes on for as long as its doubt or its pace could still carry it to those kept. Nothing here steps or learns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rewardsmith.config import RaceSettings
from rewardsmith.types import Stop

ENOUGH = 8  # episodes of a leg's later half, for a candidate to count as solved by them


@dataclass(frozen=True, kw_only=True, slots=True)
class Mean:
    """A mean over `count` episodes, with its standard error."""

    value: float
    error: float
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """How one candidate stood at the end of a leg; None where no episode had ended or was finite.

    `env_steps` is what it had trained by then; `solved` the share of successful episodes; `gained` how much the fitness
    of the leg's later half is above that of its earlier half, 0 at least.
    """

    env_steps: int
    fitness: Mean | None
    own_return: Mean | None
    solved: Mean | None = None
    gained: float = 0.0


def mean_of(values: Sequence[float]) -> Mean | None:
    """The mean of the finite values and its standard error, None for none; one value alone is in full doubt."""
    finite = np.array([v for v in values if math.isfinite(v)])
    if not len(finite):
        return None
    error = float(finite.std(ddof=1) / math.sqrt(len(finite))) if len(finite) > 1 else math.inf
    return Mean(value=float(finite.mean()), error=error, count=len(finite))


def gained(earlier: Mean | None, later: Mean | None) -> float:
    """How much the later mean is above the earlier one; 0 where it is not, or where one is not known."""
    return max(0.0, later.value - earlier.value) if earlier and later else 0.0


def stopped(legs: Sequence[Leg], settings: RaceSettings) -> Stop | None:
    """Why a candidate should end on its own account after its last leg: solved, or hacking its reward."""
    return _solved(legs[-1], settings) or _hacking(legs, settings)


def dropped(
    field: Mapping[str, Sequence[Leg]], settings: RaceSettings, *, began: int, legs_left: int
) -> dict[str, Stop]:
    """Who of the `field` (candidates still training, with their legs) can no longer catch up, with `legs_left` to go.

    The best go on: the `keep` share of all that `began`, `finalists` at least. Of the rest those drop out whose
    fitness, lifted by its doubt and by what it may still gain, stays under that of the last one kept, lowered by its
    doubt. What it may still gain is at its present pace, which shrinks evenly to nothing by the end. Nobody's doubt is
    smaller than that of the last one kept, in as many episodes: where success is rare, nothing seen is no certainty.
    """
    standing = {name: legs[-1].fitness for name, legs in field.items() if len(legs) >= settings.legs}
    known = {name: fitness for name, fitness in standing.items() if fitness is not None}
    if len(known) < len(field):  # someone has no fitness yet: nobody can be compared with it
        return {}
    kept = max(settings.finalists, math.ceil(settings.keep * began))
    ranked = sorted(known, key=lambda name: -known[name].value)
    if len(ranked) <= kept:
        return {}
    last = known[ranked[kept - 1]]
    bar = last.value - settings.doubt * last.error
    to_gain = {name: _pace(field[name], fitness) * legs_left / 2 for name, fitness in known.items()}
    doubt = {name: settings.doubt * max(f.error, last.error * _fewer(last, f)) for name, f in known.items()}
    reach = {name: fitness.value + doubt[name] + to_gain[name] for name, fitness in known.items()}
    behind = [name for name in ranked[kept:] if reach[name] < bar]
    place = {name: i for i, name in enumerate(ranked, start=1)}
    return {
        name: Stop(
            kind="raced",
            env_steps=field[name][-1].env_steps,
            why=f"Stopped after {field[name][-1].env_steps} env steps in place {place[name]}: its fitness in training "
            f"was {known[name].value:.4g}; at its pace it could no longer reach the {last.value:.4g} of place {kept}.",
        )
        for name in behind
    }


def _fewer(one: Mean, other: Mean) -> float:
    """How much larger `one`'s standard error would be over as many episodes as `other` is of."""
    return math.sqrt(max(one.count, 1) / max(other.count, 1))


def _pace(legs: Sequence[Leg], fitness: Mean) -> float:
    """What `fitness`, the last leg's, gains in a leg: since the one before, or in the first since its earlier half."""
    before = legs[-2].fitness if len(legs) > 1 else None
    return gained(before, fitness) if before else 2 * legs[-1].gained


def _solved(leg: Leg, settings: RaceSettings) -> Stop | None:
    if settings.solved is None or leg.solved is None:
        return None
    if leg.solved.value < settings.solved or leg.solved.count < ENOUGH:
        return None
    return Stop(
        kind="solved",
        env_steps=leg.env_steps,
        why=f"Stopped after {leg.env_steps} env steps: {leg.solved.value:.1%} of {leg.solved.count} episodes "
        "succeeded.",
    )


def _hacking(legs: Sequence[Leg], settings: RaceSettings) -> Stop | None:
    """Fitness was best at least `patience` legs ago and has clearly fallen since, while own reward clearly rose."""
    known = [(leg, leg.fitness, leg.own_return) for leg in legs if leg.fitness and leg.own_return]
    if settings.patience is None or len(known) <= settings.patience:
        return None
    best, fitness, own = max(known, key=lambda item: item[1].value)
    last, fitness_now, own_now = known[-1]
    late = len(known) - 1 - known.index((best, fitness, own)) >= settings.patience
    if late and _clearly_above(fitness, fitness_now) and _clearly_above(own_now, own):
        return Stop(
            kind="hacking",
            env_steps=best.env_steps,
            why=f"Stopped after {last.env_steps} env steps: since {best.env_steps} fitness fell from "
            f"{fitness.value:.4g} to {fitness_now.value:.4g} while the reward's own return rose from {own.value:.4g} "
            f"to {own_now.value:.4g}.",
        )
    return None


def _clearly_above(upper: Mean, lower: Mean) -> bool:
    return upper.value - lower.value > 2.0 * math.hypot(upper.error, lower.error)
