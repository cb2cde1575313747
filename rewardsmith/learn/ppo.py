"""PPO for a whole population at once: every candidate's policy in one forward, every environment in one batch.

All candidates see the same environment seeds, the same first weights, the same action noise and the same minibatches,
so that they differ by their rewards alone; a candidate's result is bit for bit the same alone and in company. Rewards
are pure, so each is computed once a rollout, on all its rows.

Shapes: K candidates, T control steps a rollout, N environments a candidate, D observation numbers, A actions.
References: Schulman et al. 2017, arXiv:1707.06347 (PPO); 2016, arXiv:1506.02438 (GAE).
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Frame, Progress, Rollout, SimulatorFactory, Trainee, Watcher
from rewardsmith.learn.curves import CurveBook
from rewardsmith.learn.group import Group
from rewardsmith.learn.policy import Shape, scaled
from rewardsmith.readings import Readings
from rewardsmith.rollouts import Stepper, columns
from rewardsmith.seeds import env_seeds, spawn
from rewardsmith.types import Rejected, Spend, Task, Trained

Outcome = tuple[Trained | Rejected, Spend]


class PopulationPPO:
    """The learner: trains any number of rewards at once on one batched simulator."""

    def __init__(self, settings: TrainSettings, simulator: SimulatorFactory) -> None:
        self._settings = settings
        self._simulator = simulator

    def train(self, trainees: Sequence[Trainee], task: Task, *, seed: int, watch: Watcher) -> list[Outcome]:
        """Train one policy a trainee; a reward or policy that stops being finite is a `Rejected` that says where."""
        if not trainees:
            return []
        before = torch.get_num_threads()
        torch.set_num_threads(self._settings.threads)
        try:
            return _Session(trainees, task, self._settings, self._simulator, seed=seed).run(watch)
        finally:
            torch.set_num_threads(before)


class _Session:
    """One training of one population, from first weights to policies."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        task: Task,
        settings: TrainSettings,
        simulator: SimulatorFactory,
        *,
        seed: int,
    ) -> None:
        self._trainees, self._task, self._settings = trainees, task, settings
        self._readings = Readings(task)
        for_envs, for_weights, for_draws = spawn(seed, 3)
        per_candidate = env_seeds(for_envs, settings.num_envs)
        self._sim = simulator(task, env_seeds=per_candidate * len(trainees), info_fields=self._readings.info_fields)
        self._stepper = Stepper(self._sim)
        self._draw = torch.Generator().manual_seed(for_draws)
        self._books = [CurveBook(task, settings.num_envs) for _ in trainees]
        obs_dim = self._readings.policy_obs(self._stepper.frame).shape[1]
        shape = Shape(
            obs_dim=obs_dim,
            action_dim=len(self._sim.action_low),
            hidden=settings.hidden,
            activation=settings.activation,
            init_log_std=settings.init_log_std,
        )
        device = _device(settings.device)
        self._groups = [
            Group(trainees[a:b], shape, settings, seed=for_weights, device=device, offset=a)
            for a, b in _parts(len(trainees), 1 if device.type == "cuda" else os.cpu_count() or 1)
        ]

    def run(self, watch: Watcher) -> list[Outcome]:
        s = self._settings
        rollouts = max(1, round(s.env_steps / (s.num_envs * s.rollout_steps)))
        started, taken = time.monotonic(), 0
        try:
            with ThreadPoolExecutor(len(self._groups)) as pool:
                for index in range(rollouts):
                    rollout = self._collect()
                    taken += s.num_envs * s.rollout_steps
                    shuffles = self._shuffles()
                    list(pool.map(lambda g, r=rollout, p=shuffles: self._learn(g, r, p), self._groups))
                    self._record(rollout, taken)
                    watch(self._progress((index + 1) / rollouts, taken, started))
                    if all(fault for g in self._groups for fault in g.faults):
                        break
        finally:
            self._sim.close()
        share = (time.monotonic() - started) / len(self._trainees)
        cost = Spend(env_steps=taken, seconds=share)
        return [(outcome, cost) for outcome in self._outcomes(taken, share)]

    def _collect(self) -> Rollout:
        """T steps of all K * N environments; the action noise `(T, N, A)` is the same for every candidate."""
        s = self._settings
        noise = torch.randn(s.rollout_steps, s.num_envs, len(self._sim.action_low), generator=self._draw)
        low, high = self._sim.action_low, self._sim.action_high

        def act(t: int, frame: Frame) -> Tensor:
            obs = self._readings.policy_obs(frame).view(len(self._trainees), s.num_envs, -1)
            raw = [g.act(obs[g.span], noise[t]) for g in self._groups]
            return scaled(torch.cat(raw).flatten(0, 1), low, high)

        for group in self._groups:
            group.begin_rollout()
        return self._stepper.collect(act, s.rollout_steps)

    def _shuffles(self) -> list[Tensor]:
        """One order of the T * N rows an epoch, the same for every candidate."""
        rows = self._settings.num_envs * self._settings.rollout_steps
        return [torch.randperm(rows, generator=self._draw) for _ in range(self._settings.epochs)]

    def _learn(self, group: Group, rollout: Rollout, shuffles: Sequence[Tensor]) -> None:
        n = self._settings.num_envs
        mine = columns(rollout, group.span.start * n, group.span.stop * n)
        group.learn(mine, self._readings.policy_states(mine), shuffles)

    def _record(self, rollout: Rollout, env_steps: int) -> None:
        n = self._settings.num_envs
        for k, book in enumerate(self._books):
            group = next(g for g in self._groups if g.span.start <= k < g.span.stop)
            mine = columns(rollout, k * n, (k + 1) * n)
            book.record(mine, self._readings, group.reward_means(k - group.span.start), env_steps)

    def _progress(self, fraction: float, taken: int, started: float) -> Progress:
        faults = {t.id: f for g in self._groups for t, f in zip(g.trainees, g.faults, strict=True)}
        states = {
            t.id: "rejected" if faults[t.id] else book.status()
            for t, book in zip(self._trainees, self._books, strict=True)
        }
        speed = taken * len(self._trainees) / max(time.monotonic() - started, 1e-9)
        return Progress(generation=-1, stage="train", fraction=fraction, states=states, env_steps_per_s=speed)

    def _outcomes(self, env_steps: int, seconds: float) -> list[Trained | Rejected]:
        return [
            group.faults[k] or self._trained(group, k, env_steps, seconds)
            for group in self._groups
            for k in range(len(group.trainees))
        ]

    def _trained(self, group: Group, k: int, env_steps: int, seconds: float) -> Trained:
        return Trained(
            verified=group.trainees[k].verified,
            policy=group.policy(k, self._sim.action_low, self._sim.action_high),
            curves=self._books[group.span.start + k].curves(self._settings.curve_points),
            env_steps=env_steps,
            seconds=seconds,
        )


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def _parts(count: int, parts: int) -> list[tuple[int, int]]:
    """`count` candidates in at most `parts` runs of nearly equal length."""
    parts = min(parts, count)
    bounds = [count * i // parts for i in range(parts + 1)]
    return list(itertools.pairwise(bounds))
