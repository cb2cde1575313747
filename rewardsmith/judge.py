"""Scores policies by the task's fitness, on seeds their training never saw; no reward is computed here.

Each environment plays one episode and is scored once, under the policy's mean actions. Some of the episodes can be kept
whole, as trajectories.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from rewardsmith import memory
from rewardsmith.interfaces import Frame, Progress, Rollout, Simulator, SimulatorFactory, Watcher
from rewardsmith.learn.policy import deterministic
from rewardsmith.readings import Readings
from rewardsmith.recording import Recording, recordable, spread
from rewardsmith.rollouts import LENGTH, FirstEpisodes, Stepper
from rewardsmith.seeds import env_seeds
from rewardsmith.types import (
    Attempt,
    Judged,
    Policy,
    Rejected,
    Score,
    Task,
    Trained,
    Trajectory,
)

CHUNK = 50  # control steps between looks at whether all episodes have ended

# Two-sided 95% quantiles of Student's t for 1 to 30 degrees of freedom; see `_t95` beyond.
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
       2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """A policy's score and some of the episodes it comes from, the worst first, the best last."""

    score: Score
    trajectories: tuple[Trajectory, ...] = ()


# --- attempts -------------------------------------------------------------------------------------------------------


def score(
    batch: Sequence[Attempt], task: Task, simulator: SimulatorFactory, *,
    seed: int, episodes: int, watch: Watcher, keep: int = 0,
) -> tuple[Attempt, ...]:  # fmt: skip
    """Turn every `Trained` outcome into `Judged` (or `Rejected`); other attempts pass through untouched."""
    trained = {a.id: a.outcome for a in batch if isinstance(a.outcome, Trained)}
    found = outcomes(list(trained.items()), task, simulator, seed=seed, episodes=episodes, watch=watch, keep=keep)
    by_id = dict(zip(trained, found, strict=True))
    return tuple(replace(a, outcome=by_id.get(a.id, a.outcome)) for a in batch)


def outcomes(
    trained: Sequence[tuple[str, Trained]], task: Task, simulator: SimulatorFactory, *,
    seed: int, episodes: int, watch: Watcher, keep: int = 0,
) -> list[Judged | Rejected]:  # fmt: skip
    """Each training by the better of its checkpoints, all played on the same seeds; `keep` of its episodes are kept.

    `trained` names whose policy each is.
    """
    entries = [(name, policy) for name, t in trained for policy in _checkpoints(t)]
    played = iter(play(entries, task, simulator, seed=seed, episodes=episodes, watch=watch, keep=keep))
    return [judged(t, *(next(played) for _ in _checkpoints(t))) for _, t in trained]


def _checkpoints(trained: Trained) -> list[Policy]:
    """The last policy, and the one at the peak of own reward where that is another."""
    return [trained.policy, *([trained.peak.policy] if trained.peak else [])]


def judged(trained: Trained, last: Played | Rejected, peak: Played | Rejected | None = None) -> Judged | Rejected:
    """The training by the checkpoint of higher mean fitness, the last one where they are equal; why it has no score."""
    if isinstance(peak, Played) and (isinstance(last, Rejected) or peak.score.mean > last.score.mean):
        other = last.score if isinstance(last, Played) else None
        return Judged(trained=trained, score=peak.score, checkpoint="peak", other=other, trajectories=peak.trajectories)
    if isinstance(last, Rejected):
        return last
    other = peak.score if isinstance(peak, Played) else None
    return Judged(trained=trained, score=last.score, other=other, trajectories=last.trajectories)


def measured_again(
    outcomes: Sequence[Judged | Rejected], task: Task, simulator: SimulatorFactory, *,
    seed: int, episodes: int, watch: Watcher,
) -> list[Judged | Rejected]:  # fmt: skip
    """Each with the score of its policy over `episodes` episodes whose seeds chose no checkpoint."""
    policies = [o.policy for o in outcomes if isinstance(o, Judged)]
    scores = iter(measure(policies, task, simulator, seed=seed, episodes=episodes, watch=watch))
    return [o if isinstance(o, Rejected) else _rescored(o, next(scores)) for o in outcomes]


def _rescored(judged: Judged, score: Score | Rejected) -> Judged | Rejected:
    return score if isinstance(score, Rejected) else replace(judged, score=score)


# --- policies -------------------------------------------------------------------------------------------------------


def measure(
    policies: Sequence[Policy], task: Task, simulator: SimulatorFactory, *, seed: int, episodes: int, watch: Watcher
) -> list[Score | Rejected]:
    """Each policy's score over `episodes` episodes, the same seeds for all; a non-finite fitness is a `Rejected`."""
    entries = [("", policy) for policy in policies]
    found = play(entries, task, simulator, seed=seed, episodes=episodes, watch=watch)
    return [p.score if isinstance(p, Played) else p for p in found]


def play(
    policies: Sequence[tuple[str, Policy]], task: Task, simulator: SimulatorFactory, *,
    seed: int, episodes: int, watch: Watcher, keep: int = 0,
) -> list[Played | Rejected]:  # fmt: skip
    """The same with `keep` of each policy's episodes; `policies` names whose each is.

    What is recorded until the best and worst are known stays below `recording.LIMIT_BYTES`, and what the environments
    hold within the free memory: where it would not, the policies are played in several batches. A policy's result does
    not depend on its company.
    """
    at_once = memory.at_once(max(1, len(policies)), episodes, task, simulator)
    if keep:
        at_once = min(at_once, recordable(task, episodes=episodes))
    found: list[Played | Rejected] = []
    for start in range(0, len(policies), at_once):
        together = policies[start : start + at_once]
        found += _play_together(together, task, simulator, seed=seed, episodes=episodes, watch=watch, keep=keep)
    return found


def _play_together(
    policies: Sequence[tuple[str, Policy]], task: Task, simulator: SimulatorFactory, *,
    seed: int, episodes: int, watch: Watcher, keep: int,
) -> Iterator[Played | Rejected]:  # fmt: skip
    readings, act, count = Readings(task), deterministic([p for _, p in policies]), len(policies)

    def actions(_: int, frame: Frame) -> torch.Tensor:
        return act(readings.policy_obs(frame).reshape(count, episodes, -1)).flatten(0, 1)

    seeds = env_seeds(seed, episodes) * count
    sim = simulator(task, env_seeds=seeds, info_fields=readings.info_fields)
    return _results(sim, actions, task, seeds=seeds, sources=[name for name, _ in policies], watch=watch, keep=keep)


def measure_random(
    task: Task, simulator: SimulatorFactory, *, seed: int, episodes: int, watch: Watcher
) -> Score | Rejected:
    """The score of uniformly random actions, drawn anew at every step, on the same seeds as `measure`'s."""
    found = play_random(task, simulator, seed=seed, episodes=episodes, watch=watch)
    return found.score if isinstance(found, Played) else found


def play_random(
    task: Task, simulator: SimulatorFactory, *, seed: int, episodes: int, watch: Watcher, keep: int = 0
) -> Played | Rejected:
    """The same with `keep` of the episodes, whose source is `random`."""
    seeds = env_seeds(seed, episodes)
    sim = simulator(task, env_seeds=seeds, info_fields=Readings(task).info_fields)
    draw = torch.Generator().manual_seed(seed)
    low, high = sim.action_low, sim.action_high

    def actions(_: int, frame: Frame) -> torch.Tensor:  # noqa: ARG001 - nothing is looked at
        return low + (high - low) * torch.rand(episodes, len(low), generator=draw)

    [found] = _results(sim, actions, task, seeds=seeds, sources=["random"], watch=watch, keep=keep)
    return found


def play_noised(
    policy: Policy, task: Task, simulator: SimulatorFactory, *, seed: int, episodes: int, watch: Watcher, keep: int
) -> Played | Rejected:
    """A policy whose every action is half its own and half a random one; the episodes' source is `noised`."""
    readings, act = Readings(task), deterministic([policy])
    seeds = env_seeds(seed, episodes)
    sim = simulator(task, env_seeds=seeds, info_fields=readings.info_fields)
    draw = torch.Generator().manual_seed(seed)
    low, high = sim.action_low, sim.action_high

    def actions(_: int, frame: Frame) -> torch.Tensor:
        own = act(readings.policy_obs(frame)[None])[0]
        return own.lerp(low + (high - low) * torch.rand(own.shape, generator=draw), 0.5)

    [found] = _results(sim, actions, task, seeds=seeds, sources=["noised"], watch=watch, keep=keep)
    return found


# --- playing --------------------------------------------------------------------------------------------------------

Act = Callable[[int, Frame], torch.Tensor]


def _results(
    sim: Simulator, act: Act, task: Task, *, seeds: Sequence[int], sources: Sequence[str], watch: Watcher, keep: int
) -> Iterator[Played | Rejected]:
    """One result a policy; its environments, made with `seeds`, stand side by side. The simulator is closed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        played = _Play(task, seeds, record=keep > 0)
        played.run(sim, act, watch)
    finally:
        torch.set_num_threads(threads)
        sim.close()
    each = sim.num_envs // len(sources)
    return (played.result(slice(k * each, (k + 1) * each), name, keep=keep) for k, name in enumerate(sources))


class _Play:
    """One episode of every environment: its fitness, success, hidden fitness and length, and a recording if asked."""

    def __init__(self, task: Task, seeds: Sequence[int], *, record: bool) -> None:
        num_envs = len(seeds)
        self._task, self._readings, self._seeds = task, Readings(task), seeds
        self._fitness = FirstEpisodes(task.fitness, num_envs)
        self._length = FirstEpisodes(LENGTH, num_envs)
        self._success = FirstEpisodes(task.success, num_envs) if task.success else None
        self._hidden = FirstEpisodes(task.hidden_fitness, num_envs) if task.hidden_fitness else None
        self._recording = Recording(self._readings) if record else None

    def run(self, sim: Simulator, act: Act, watch: Watcher) -> None:
        """Play until every environment has ended an episode."""
        stepper, steps = Stepper(sim), self._task.episode_steps
        for start in range(0, steps, CHUNK):
            self._take(stepper.collect(act, min(CHUNK, steps - start)))
            watch(Progress(generation=-1, stage="judge", fraction=min(1.0, (start + CHUNK) / steps)))
            if self._length.complete:
                break

    def _take(self, rollout: Rollout) -> None:
        readings = self._readings
        self._fitness.take(readings.fitness(rollout), rollout)
        self._length.take(rollout.valid.float(), rollout)
        for meter, values in ((self._success, readings.success), (self._hidden, readings.hidden)):
            if meter is not None and (found := values(rollout)) is not None:
                meter.take(found, rollout)
        if self._recording is not None:
            self._recording.take(rollout)

    def result(self, envs: slice, source: str, *, keep: int) -> Played | Rejected:
        """What the policy that played in `envs` came to."""
        fitness, length = self._fitness.values[envs], self._length.values[envs]
        score = _score(fitness, length, success=_of(self._success, envs), hidden=_of(self._hidden, envs))
        if isinstance(score, Rejected):
            return score
        kept = [self._episode(envs.start + i, source) for i in spread(fitness, keep)]
        return Played(score=score, trajectories=tuple(t for t in kept if t is not None))

    def _episode(self, env: int, source: str) -> Trajectory | None:
        if self._recording is None:
            return None
        return self._recording.episode(
            env,
            env_seed=self._seeds[env],
            steps=int(self._length.values[env]),
            source=source,
            fitness=float(self._fitness.values[env]),
            success=None if self._success is None else bool(self._success.values[env]),
        )


def _of(meter: FirstEpisodes | None, envs: slice) -> np.ndarray | None:
    return None if meter is None else meter.values[envs]


def _score(
    fitness: np.ndarray, length: np.ndarray, *, success: np.ndarray | None, hidden: np.ndarray | None
) -> Score | Rejected:
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
        hidden=tuple(hidden.tolist()) if hidden is not None and np.isfinite(hidden).all() else (),
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
