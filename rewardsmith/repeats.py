"""Repeats trainings under other seeds, all of them side by side in one population."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rewardsmith import judge
from rewardsmith.interfaces import Learner, SimulatorFactory, Trainee, Watcher
from rewardsmith.types import Attempt, Judged, Outcome, Rejected, Spend, Task, Trained, Verified

# --- candidates of a generation: each by its median training --------------------------------------------------------


class Repeats:
    """Every verified attempt of `batch` `count` times, to be trained on seeds of their own; the first keeps its id."""

    def __init__(self, batch: Sequence[Attempt], *, count: int) -> None:
        self._batch = tuple(batch)
        self._ids = {a.id: _ids(a.id, count) for a in batch if isinstance(a.outcome, Verified)}

    def apart(self) -> tuple[Attempt, ...]:
        """All of them, with nothing spent yet but by the first of each."""
        more = (_named(a, name) for a in self._batch for name in self._ids.get(a.id, ())[1:])
        return (*self._batch, *more)

    def seeds(self, drawn: Sequence[int]) -> dict[str, int]:
        """By id, the seed of each: the first of `drawn` for the first of every attempt, and so on."""
        return {name: seed for names in self._ids.values() for name, seed in zip(names, drawn, strict=True)}

    def medians(self, judged: Sequence[Attempt]) -> tuple[Attempt, ...]:
        """The batch, each attempt as what its median training came to (of two in the middle the worse).

        A training that was rejected is worse than any that was judged. The attempt is charged for all.
        """
        by_id = {a.id: a for a in judged}
        return tuple(_median(by_id[a.id], [by_id[name] for name in self._ids.get(a.id, (a.id,))]) for a in self._batch)


def _ids(name: str, count: int) -> tuple[str, ...]:
    return (name, *(f"{name}, seed {number}" for number in range(1, count)))


def _named(attempt: Attempt, name: str) -> Attempt:
    return replace(attempt, candidate=replace(attempt.candidate, id=name), spend=Spend())


def _median(attempt: Attempt, repeated: Sequence[Attempt]) -> Attempt:
    if len(repeated) == 1:
        return attempt
    means = tuple(a.outcome.score.mean if isinstance(a.outcome, Judged) else None for a in repeated)
    ranked = sorted(range(len(repeated)), key=lambda i: -math.inf if (mean := means[i]) is None else mean)
    outcome: Outcome = repeated[ranked[(len(ranked) - 1) // 2]].outcome
    if isinstance(outcome, Judged):
        own = tuple(replace(t, source=attempt.id) for t in outcome.trajectories)
        outcome = replace(outcome, trajectories=own, by_seed=means)
    elif isinstance(outcome, Rejected):
        failed = means.count(None)
        outcome = replace(outcome, reason=f"{outcome.reason} {failed} of {len(means)} trainings failed.")
    return replace(attempt, outcome=outcome, spend=sum((a.spend for a in repeated), Spend()))


# --- trainees: all their trainings ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Streams:
    """What one repetition draws from: its training, the episodes that judge it, and those that chose nothing, on which
    it is then measured again, if it is."""

    train: int
    judge: int
    finals: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeated:
    """What one trainee came to under one seed, and its cost."""

    outcome: Judged | Rejected
    spend: Spend


def judged_by_seed(
    trainees: Sequence[Trainee], seeds: Mapping[int, Streams], task: Task, learner: Learner,
    simulator: SimulatorFactory, *, episodes: int, watch: Watcher, keep: int = 0, final_episodes: int = 0,
) -> dict[int, list[Repeated]]:  # fmt: skip
    """Each trainee under each seed, in their order, without a race: bit for bit what it is under that seed alone.

    Where a seed has `finals`, scores are of the `final_episodes` they give, and the kept episodes the judge's. Where
    there are several seeds, a training's id names its own, for whoever watches.
    """
    repeated = [
        replace(trainee, id=trainee.id if len(seeds) == 1 else f"{trainee.id}, seed {name}", seed=streams.train)
        for name, streams in seeds.items()
        for trainee in trainees
    ]
    if not repeated:
        return {name: [] for name in seeds}
    results = iter(learner.train(repeated, task, seed=next(iter(seeds.values())).train, watch=watch, race=False))
    found: dict[int, list[Repeated]] = {}
    for name, streams in seeds.items():
        outcomes = [next(results) for _ in trainees]
        trained = [(t.id, o) for t, (o, _) in zip(trainees, outcomes, strict=True) if isinstance(o, Trained)]
        judged = judge.outcomes(trained, task, simulator, seed=streams.judge, episodes=episodes, watch=watch, keep=keep)
        if streams.finals is not None:
            judged = judge.measured_again(
                judged, task, simulator, seed=streams.finals, episodes=final_episodes, watch=watch
            )
        left = iter(judged)
        found[name] = [
            Repeated(outcome=o if isinstance(o, Rejected) else next(left), spend=cost) for o, cost in outcomes
        ]
    return found
