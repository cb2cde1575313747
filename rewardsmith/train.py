"""Trains what verification let through, and the references: attempts in, attempts out, same ids, same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from rewardsmith.graph import RewardGraph
from rewardsmith.interfaces import Learner, RewardFn, Rollout, Trainee, Watcher
from rewardsmith.readings import Readings
from rewardsmith.types import Attempt, Rejected, Spend, Task, Trained, Verified


def run(batch: Sequence[Attempt], task: Task, learner: Learner, *, seed: int, watch: Watcher) -> tuple[Attempt, ...]:
    """Train every `Verified` attempt; each becomes `Trained` or `Rejected`, with its env steps charged."""
    readings = Readings(task)
    trainees = [
        Trainee(id=a.id, reward=graph_reward(a.outcome.graph, readings), verified=a.outcome)
        for a in batch
        if isinstance(a.outcome, Verified)
    ]
    results = learner.train(trainees, task, seed=seed, watch=watch)
    by_id = {t.id: r for t, r in zip(trainees, results, strict=True)}
    return tuple(_with(a, *by_id[a.id]) if a.id in by_id else a for a in batch)


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


def expert_reward(readings: Readings) -> RewardFn:
    """The environment's own reward, as a reference."""
    return lambda rollout: (readings.expert(rollout), {})


def sparse_reward(readings: Readings) -> RewardFn:
    """The fitness quantity itself as a reward, as a reference."""
    return lambda rollout: (readings.sparse(rollout), {})
