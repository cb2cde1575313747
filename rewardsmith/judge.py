"""Scores policies by the task's fitness, on seeds their training never saw; no reward is computed here.

Each environment plays one episode and is scored once, under the policy's mean actions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from rewardsmith.interfaces import Frame, Progress, Simulator, SimulatorFactory, Watcher
from rewardsmith.learn.policy import deterministic
from rewardsmith.readings import Readings
from rewardsmith.rollouts import LENGTH, Ended, EpisodeMeter, Stepper
from rewardsmith.seeds import env_seeds
from rewardsmith.types import Attempt, Judged, Measure, Policy, ReferenceResult, Rejected, Score, Task, Trained

CHUNK = 50  # control steps between looks at whether all episodes have ended

# Two-sided 95% quantiles of Student's t for 1 to 30 degrees of freedom; see `_t95` beyond.
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
       2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)  # fmt: skip


def score(
    batch: Sequence[Attempt], task: Task, simulator: SimulatorFactory, *, seed: int, episodes: int, watch: Watcher
) -> tuple[Attempt, ...]:
    """Turn every `Trained` outcome into `Judged` (or `Rejected`); other attempts pass through untouched."""
    trained = [a for a in batch if isinstance(a.outcome, Trained)]
    policies = [a.outcome.policy for a in trained if isinstance(a.outcome, Trained)]
    scores = measure(policies, task, simulator, seed=seed, episodes=episodes, watch=watch)
    by_id = {a.id: judged(a.outcome, s) for a, s in zip(trained, scores, strict=True) if isinstance(a.outcome, Trained)}
    return tuple(replace(a, outcome=by_id.get(a.id, a.outcome)) for a in batch)


def judged(trained: Trained, found: Score | Rejected) -> Judged | Rejected:
    """The trained policy with its score, or why it has none."""
    return found if isinstance(found, Rejected) else Judged(trained=trained, score=found)


def measure(
    policies: Sequence[Policy], task: Task, simulator: SimulatorFactory, *, seed: int, episodes: int, watch: Watcher
) -> list[Score | Rejected]:
    """Each policy's score over `episodes` episodes, the same seeds for all; a non-finite fitness is a `Rejected`."""
    if not policies:
        return []
    readings, act, count = Readings(task), deterministic(policies), len(policies)

    def actions(_: int, frame: Frame) -> torch.Tensor:
        return act(readings.policy_obs(frame).reshape(count, episodes, -1)).flatten(0, 1)

    sim = simulator(task, env_seeds=env_seeds(seed, episodes) * count, info_fields=readings.info_fields)
    return _scores(sim, actions, task, policies=count, watch=watch)


def measure_random(
    task: Task, simulator: SimulatorFactory, *, seed: int, episodes: int, watch: Watcher
) -> Score | Rejected:
    """The score of uniformly random actions, drawn anew at every step, on the same seeds as `measure`'s."""
    sim = simulator(task, env_seeds=env_seeds(seed, episodes), info_fields=Readings(task).info_fields)
    draw = torch.Generator().manual_seed(seed)
    low, high = sim.action_low, sim.action_high

    def actions(_: int, frame: Frame) -> torch.Tensor:  # noqa: ARG001 - nothing is looked at
        return low + (high - low) * torch.rand(episodes, len(low), generator=draw)

    [score] = _scores(sim, actions, task, policies=1, watch=watch)
    return score


Act = Callable[[int, Frame], torch.Tensor]


def _scores(sim: Simulator, act: Act, task: Task, *, policies: int, watch: Watcher) -> list[Score | Rejected]:
    """One score a policy; its environments stand side by side. The simulator is closed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fitness, success, length = _play(sim, act, task, policies=policies, watch=watch)
    finally:
        torch.set_num_threads(threads)
        sim.close()
    return [_score(fitness[k], None if success is None else success[k], length[k]) for k in range(policies)]


def _play(
    sim: Simulator, act: Act, task: Task, *, policies: int, watch: Watcher
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Fitness, success and length of every episode, `(K, E)` each."""
    readings, total = Readings(task), sim.num_envs
    fitness = _FirstEpisodes(task.fitness, total)
    length = _FirstEpisodes(LENGTH, total)
    success = _FirstEpisodes(task.success, total) if task.success else None
    stepper = Stepper(sim)
    for start in range(0, task.episode_steps, CHUNK):
        rollout = stepper.collect(act, min(CHUNK, task.episode_steps - start))
        fitness.take(fitness.meter.update(readings.fitness(rollout), rollout))
        length.take(length.meter.update(rollout.valid.float(), rollout))
        reached = readings.success(rollout)
        if success is not None and reached is not None:
            success.take(success.meter.update(reached, rollout))
        watch(Progress(generation=-1, stage="judge", fraction=min(1.0, (start + CHUNK) / task.episode_steps)))
        if length.complete:
            break
    shape = (policies, total // policies)
    return (
        fitness.values.reshape(shape),
        None if success is None else success.values.reshape(shape),
        length.values.reshape(shape),
    )


class _FirstEpisodes:
    """The reduced value of each environment's first episode; what it plays after that is ignored."""

    def __init__(self, measure: Measure, num_envs: int) -> None:
        self.meter = EpisodeMeter(measure, num_envs)
        self.values = np.full(num_envs, np.nan)
        self._seen = np.zeros(num_envs, dtype=bool)

    def take(self, ended: Ended) -> None:
        for env, value in zip(ended.env.tolist(), ended.value.tolist(), strict=True):
            if not self._seen[env]:
                self.values[env], self._seen[env] = value, True

    @property
    def complete(self) -> bool:
        return bool(self._seen.all())


def _score(fitness: np.ndarray, success: np.ndarray | None, length: np.ndarray) -> Score | Rejected:
    broken = ~np.isfinite(fitness) | ~np.isfinite(fitness if success is None else success)
    if broken.any():
        bad = int(broken.sum())
        return Rejected(
            stage="judge",
            reason=f"The fitness or success of {bad} of {len(fitness)} episodes is not finite.",
            hint="The policy drove the simulation unstable. Penalise large actions or velocities.",
        )
    rate = None if success is None else float(success.mean())
    return Score(
        episodes=tuple(float(f) for f in fitness),
        mean=float(fitness.mean()),
        ci95=mean_ci95(fitness),
        success_rate=rate,
        success_ci95=None if rate is None else wilson95(rate, len(fitness)),
        mean_length=float(length.mean()),
    )


def mean_ci95(values: np.ndarray) -> float:
    """Half the width of the 95% confidence interval of a mean (Student's t); needs at least two values."""
    return float(_t95(len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))


def _t95(df: int) -> float:
    """Student's t quantile; beyond the table z + (z^3 + z) / (4 df), within 0.2%."""
    return T95[df - 1] if df <= len(T95) else 1.96 + (1.96**3 + 1.96) / (4 * df)


def wilson95(rate: float, n: int) -> tuple[float, float]:
    """The 95% interval of a success rate over `n` episodes. Reference: Wilson 1927, JASA 22."""
    z2 = 1.96**2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = 1.96 * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def human_normalised(ours: Score, references: Sequence[ReferenceResult]) -> tuple[float | None, str]:
    """(M - S) / |H - S|, and a sentence where it is refused: a reference failed or the two cannot be told apart.

    Reference: Ma et al. 2023, Eureka, arXiv:2310.12931.
    """
    found = {r.name: r.outcome for r in references}
    expert, sparse = found.get("expert"), found.get("sparse")
    if not isinstance(expert, Judged) or not isinstance(sparse, Judged):
        return None, "Not defined: the expert's and the sparse reward's policies are both needed."
    gap = expert.score.mean - sparse.score.mean
    noise = math.hypot(expert.score.ci95, sparse.score.ci95)
    if abs(gap) <= noise:
        return None, f"Refused: expert and sparse differ by {gap:.4g}, within their noise of {noise:.4g}."
    return (ours.mean - sparse.score.mean) / abs(gap), ""
