"""Trains what verification let through, and the references: attempts in, attempts out, same ids, same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from rewardsmith.graph import RewardGraph
from rewardsmith.interfaces import Learner, RewardFn, Rollout, Trainee, Watcher
from rewardsmith.readings import Readings
from rewardsmith.types import Attempt, Checkpoint, Judged, Rejected, Spend, Task, Trained, Verified


def run(
    batch: Sequence[Attempt], task: Task, learner: Learner, *,
    seed: int, watch: Watcher, starts: Mapping[str, Checkpoint] | None = None,
    seeds: Mapping[str, int] | None = None,
) -> tuple[Attempt, ...]:  # fmt: skip
    """Train every `Verified` attempt; each becomes `Trained` or `Rejected`, with its env steps charged.

    By id, `starts` holds the policies that attempts begin from, and `seeds` those that have a seed of their own.
    """
    readings, starts, seeds = Readings(task), starts or {}, seeds or {}
    trainees = [
        Trainee(
            id=a.id,
            reward=graph_reward(a.outcome.graph, readings),
            verified=a.outcome,
            start=starts.get(a.id),
            seed=seeds.get(a.id),
        )
        for a in batch
        if isinstance(a.outcome, Verified)
    ]
    results = learner.train(trainees, task, seed=seed, watch=watch)
    by_id = {t.id: r for t, r in zip(trainees, results, strict=True)}
    return tuple(_with(a, *by_id[a.id]) if a.id in by_id else a for a in batch)


def parents_policies(batch: Sequence[Attempt], known: Sequence[Attempt]) -> dict[str, Checkpoint]:
    """By id, the judged policy of each attempt's best parent; nothing for whoever has none."""
    judged = {a.id: a.outcome for a in known if isinstance(a.outcome, Judged)}
    families = {a.id: [judged[p] for p in a.candidate.parents if p in judged] for a in batch}
    best = {name: max(parents, key=lambda j: j.score.mean) for name, parents in families.items() if parents}
    return {name: _checkpoint(parent) for name, parent in best.items()}


def _checkpoint(judged: Judged) -> Checkpoint:
    """The policy that the score is of."""
    trained = judged.trained
    if judged.checkpoint == "peak" and trained.peak is not None:
        return trained.peak
    return Checkpoint(policy=trained.policy, env_steps=trained.env_steps)


def _with(attempt: Attempt, outcome: Trained | Rejected, cost: Spend) -> Attempt:
    return replace(attempt, outcome=outcome, spend=attempt.spend + cost)


def graph_reward(graph: RewardGraph, readings: Readings) -> RewardFn:
    """The traced program as a reward of whole rollouts: `(T, N)` from one call on all T * N rows."""

    def reward(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        shape = rollout.reward.shape
        inputs = readings.inputs(rollout, graph.inputs)
        total, components = graph({name: value.flatten(0, 1) for name, value in inputs.items()})
        return total.view(shape), {name: value.view(shape) for name, value in components.items()}

    return reward


@dataclass(frozen=True, slots=True)
class ReferenceReward:
    """A reward to compare with: the environment's own, or the fitness quantity itself."""

    kind: Literal["expert", "sparse"]
    readings: Readings

    def __call__(self, rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        """Totals `(T, N)`; there are no components."""
        found = self.readings.expert(rollout) if self.kind == "expert" else self.readings.sparse(rollout)
        return found, {}


def expert_reward(readings: Readings) -> RewardFn:
    """The environment's own reward, as a reference."""
    return ReferenceReward("expert", readings)


def sparse_reward(readings: Readings) -> RewardFn:
    """The fitness quantity itself as a reward, as a reference."""
    return ReferenceReward("sparse", readings)
