"""Is a reward one that was tried before? Then its result is known, and no policy is trained for it.

Three readings, each wider than the one before: the same program; the same rewards up to a positive factor (and an
offset, where no known episode ends before its time, so that an offset cannot pay for ending or lasting); the same up to
potential shaping as well, by EPIC on transitions really played, under the same condition: a potential that is not 0
where an episode ends pays for ending. The last has the same best policy, not the same way of learning it: shaping is
how rewards are made easier, so whoever skips it may skip an improvement.

A twin's result is told and never copied: an attempt that was not trained has no score.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rewardsmith.measures.epic import canonical, pearson_distance
from rewardsmith.measures.transitions import Transitions, sample, total
from rewardsmith.screen.verdicts import Failed, Numbers, Undecided
from rewardsmith.types import Attempt, Judged, Trajectory

if TYPE_CHECKING:
    from rewardsmith.config import ScreenSettings, TrainSettings
    from rewardsmith.graph import RewardGraph

EPISODES, ROWS, IMAGINED = 64, 1024, 32
"""Known episodes, transitions of them, and imagined arrivals a context on which rewards are compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Twin:
    """A reward whose result is known, or will be: `result` ends a sentence about it."""

    id: str
    graph: RewardGraph
    result: str

    @classmethod
    def of_this_batch(cls, candidate: str, graph: RewardGraph) -> Twin:
        """A reward that is trained in the same generation; the words are read when that is over, too."""
        return cls(id=candidate, graph=graph, result="is of the same generation")


def judged_twins(known: Sequence[Attempt]) -> list[Twin]:
    """The rewards among `known` that were trained and judged, oldest first."""
    return [
        Twin(id=a.id, graph=a.outcome.trained.verified.graph, result=_result(a.outcome))
        for a in known
        if isinstance(a.outcome, Judged) and a.outcome.trained.verified is not None
    ]


def _result(outcome: Judged) -> str:
    score = outcome.score
    success = "" if score.success_rate is None else f", success {score.success_rate:.0%}"
    return f"reached fitness {score.mean:.4g} +/- {score.ci95:.2g}{success}"


def duplicate(
    graph: RewardGraph, twins: Sequence[Twin], compared: Compared, settings: ScreenSettings
) -> Failed | Undecided | None:
    """Which of `twins` the reward equals, in the reading that `settings.duplicates` asks for; None: it is new."""
    same = next((twin for twin in twins if twin.graph == graph), None)
    if same is not None:
        return _failed(same, f"It is the same reward as {same.id}", {}, proven=True)
    if settings.duplicates == "same" or not twins:
        return None
    if not compared.possible:
        return Undecided(test="duplicate", words="No episode is known on which rewards could be compared.")
    found = (compared.equal(twin, graph, settings) for twin in twins)
    return next((f for f in found if f is not None), None)


def _failed(twin: Twin, found: str, numbers: Numbers, *, proven: bool = False) -> Failed:
    return Failed(
        test="duplicate",
        reason=f"{found}, which {twin.result}.",
        hint="Write a reward that differs in what it pays for, not in its size or its words.",
        numbers={"twin": twin.id, **numbers},
        proven=proven,
    )


class Compared:
    """Rewards beside each other on the same transitions, drawn at first use; each reward is computed once."""

    def __init__(self, trajectories: Sequence[Trajectory], train: TrainSettings, *, episode_steps: int) -> None:
        self._trajectories, self._train, self._episode_steps = trajectories, train, episode_steps
        self._end_early = any(t.terminated for t in trajectories)
        self._paid: dict[str, Tensor] = {}
        self._canonical: dict[str, Tensor] = {}

    @property
    def possible(self) -> bool:
        """Whether any episode is known."""
        return bool(self._trajectories)

    def equal(self, twin: Twin, graph: RewardGraph, settings: ScreenSettings) -> Failed | None:
        """How `graph` equals the twin; None where it does not."""
        factor = self._factor(self._paid_by(twin.graph), self._paid_by(graph), within=settings.duplicate_distance)
        if factor is not None:
            offset = "" if self._end_early else " and an offset"
            words = f"On {len(self._transitions)} known transitions it is {factor:.4g} times {twin.id}{offset}"
            return _failed(twin, words, {"factor": factor})
        if settings.duplicates == "shaped" and not self._end_early:
            distance = pearson_distance(self._canonical_of(twin.graph), self._canonical_of(graph))
            as_large = self._train.normalise_reward or self._as_large(twin, graph, within=settings.duplicate_distance)
            if distance is not None and distance <= settings.duplicate_distance and as_large:
                words = f"Up to scale and potential shaping (EPIC distance {distance:.2g}) it equals {twin.id}"
                return _failed(twin, words, {"distance": distance})
        return None

    def _factor(self, one: Tensor, two: Tensor, *, within: float) -> float | None:
        """By what positive number `one` gives `two`, up to a relative error of `within`; None: by none."""
        if not self._end_early:
            one, two = one - one.mean(), two - two.mean()
        factor = float(one @ two / (one @ one))
        error = float(torch.linalg.vector_norm(two - factor * one) / torch.linalg.vector_norm(two))
        as_large = self._train.normalise_reward or abs(factor - 1) <= within
        return factor if factor > 0 and error <= within and as_large else None

    def _as_large(self, twin: Twin, graph: RewardGraph, *, within: float) -> bool:
        """Whether both pay as much, shaping and offset apart: where rewards are not normalised their size matters."""
        one, two = (torch.linalg.vector_norm(self._canonical_of(g)) for g in (twin.graph, graph))
        return bool(abs(two / one - 1) <= within)

    @functools.cached_property
    def _transitions(self) -> Transitions:
        played = _spread(self._trajectories)
        return sample(played, episode_steps=self._episode_steps, rows=ROWS, imagined=IMAGINED)

    def _paid_by(self, graph: RewardGraph) -> Tensor:
        if graph.sha256 not in self._paid:
            self._paid[graph.sha256] = total(graph)(self._transitions.rows).double()
        return self._paid[graph.sha256]

    def _canonical_of(self, graph: RewardGraph) -> Tensor:
        if graph.sha256 not in self._canonical:
            self._canonical[graph.sha256] = canonical(total(graph), self._transitions, gamma=self._train.gamma)
        return self._canonical[graph.sha256]


def _spread(trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    """At most `EPISODES` of them, spread evenly over their fitness."""
    ranked = sorted(trajectories, key=lambda t: t.fitness)
    step = -(-len(ranked) // EPISODES)
    return ranked[::step]
