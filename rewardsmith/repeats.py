"""Repeats trainings under other seeds, all of them side by side in one population, and judges each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rewardsmith import judge
from rewardsmith.interfaces import Learner, SimulatorFactory, Trainee, Watcher
from rewardsmith.types import Judged, Rejected, Spend, Task, Trained


@dataclass(frozen=True, kw_only=True, slots=True)
class Streams:
    """What one repetition draws from: its training, and the episodes that judge it."""

    train: int
    judge: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeated:
    """What one trainee came to under one seed, and its cost."""

    outcome: Judged | Rejected
    spend: Spend


def judged_by_seed(
    trainees: Sequence[Trainee], seeds: Mapping[int, Streams], task: Task, learner: Learner,
    simulator: SimulatorFactory, *, episodes: int, watch: Watcher, keep: int = 0,
) -> dict[int, list[Repeated]]:  # fmt: skip
    """Each trainee under each seed, in their order, without a race: bit for bit what it is under that seed alone.

    Where there are several seeds, a training's id names its own, for whoever watches.
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
        judged = iter(
            judge.outcomes(trained, task, simulator, seed=streams.judge, episodes=episodes, watch=watch, keep=keep)
        )
        found[name] = [
            Repeated(outcome=o if isinstance(o, Rejected) else next(judged), spend=cost) for o, cost in outcomes
        ]
    return found
