"""PPO for a whole population at once: every candidate's policy in stacked tensors, every environment in a batch.

All candidates see the same environment seeds, the same first weights, the same action noise and the same minibatches,
so that they differ by their rewards alone; a candidate's result is bit for bit the same alone and in company, with
racing (as long as it lasts) and without.

A training has legs. Within one, workers train some of the candidates each and never wait for one another; between two,
candidates are compared (`racing.py`), the survivors are dealt anew, and episodes begin afresh.

References: Schulman et al. 2017, arXiv:1707.06347 (PPO); 2016, arXiv:1506.02438 (GAE).
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event, Lock

import torch

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Progress, Simulator, SimulatorFactory, Trainee, Watcher
from rewardsmith.learn.group import fresh
from rewardsmith.learn.policy import Shape
from rewardsmith.learn.racing import dropped, stopped
from rewardsmith.learn.shard import Shard
from rewardsmith.learn.training import Training
from rewardsmith.readings import Readings
from rewardsmith.seeds import child, env_seeds, spawn
from rewardsmith.types import Rejected, Spend, Task, Trained

Outcome = tuple[Trained | Rejected, Spend]

TELL_S = 0.25  # seconds between words on progress
EPISODES = 4  # episodes a leg is long at least, so that racing has something to compare
MOST_WORKERS = 4


class PopulationPPO:
    """The learner: trains any number of rewards at once."""

    def __init__(self, settings: TrainSettings, simulator: SimulatorFactory) -> None:
        self._settings = settings
        self._simulator = simulator

    def train(
        self, trainees: Sequence[Trainee], task: Task, *, seed: int, watch: Watcher, race: bool = True
    ) -> list[Outcome]:
        """Train one policy a trainee; a reward or policy that stops being finite is a `Rejected` that says where.

        Without `race` everybody gets the whole budget, whatever becomes of it.
        """
        if not trainees:
            return []
        before = torch.get_num_threads()
        torch.set_num_threads(self._settings.threads)
        try:
            return _Session(trainees, task, self._settings, self._simulator, seed=seed, race=race).run(watch)
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
        race: bool,
    ) -> None:
        self._task, self._settings, self._simulator = task, settings, simulator
        self._race = race and settings.race.enabled
        self._for_envs, for_weights, self._for_draws = spawn(seed, 3)
        self._device = _device(settings.device)
        self._shape = self._look(settings)
        first = fresh(self._shape, settings, seed=for_weights)
        self._trainings = [Training(trainee, first, settings) for trainee in trainees]
        self._started, self._done, self._lock = time.monotonic(), 0, Lock()

    def _look(self, s: TrainSettings) -> Shape:
        """How wide observations and actions are, from one environment."""
        sim = self._environments(1, leg=0, num_envs=1, workers=1)
        try:
            width = Readings(self._task).policy_obs(sim.reset()).shape[1]
            return Shape(
                obs_dim=width,
                action_dim=len(sim.action_low),
                hidden=s.hidden,
                activation=s.activation,
                init_log_std=s.init_log_std,
            )
        finally:
            sim.close()

    def run(self, watch: Watcher) -> list[Outcome]:
        rollouts = max(1, round(self._settings.env_steps / self._batch))
        first = 0
        for leg, last in enumerate(self._ends(rollouts)):
            going = [t for t in self._trainings if t.going]
            if not going:
                break
            self._leg(going, leg, first, last, total=rollouts, watch=watch)
            first = last
            if self._race and last < rollouts:
                self._compare()
        return self._outcomes()

    @property
    def _batch(self) -> int:
        """Env steps of one candidate's rollout."""
        return self._settings.num_envs * self._settings.rollout_steps

    def _ends(self, rollouts: int) -> list[int]:
        """After how many rollouts each leg ends; a leg is never shorter than a few episodes."""
        longest = rollouts * self._settings.rollout_steps // (EPISODES * self._task.episode_steps)
        legs = max(1, min(self._settings.legs, longest, rollouts))
        return [round(rollouts * (i + 1) / legs) for i in range(legs)]

    def _leg(self, going: list[Training], leg: int, first: int, last: int, *, total: int, watch: Watcher) -> None:
        """One leg of everybody who is still going, dealt out to the workers."""
        cancelled = Event()
        parts = dealt(len(going), self._workers(len(going)))

        def work(mine: Sequence[Training]) -> None:
            shard = self._shard(mine, leg, workers=len(parts))
            shard.run(first, last - first, cancelled=cancelled, tell=lambda: self._tell(len(mine)))

        with ThreadPoolExecutor(len(parts)) as pool:
            left = [pool.submit(work, going[a:b]) for a, b in parts]
            try:
                self._wait(left, total, watch)
            finally:
                cancelled.set()

    def _wait(self, left: Sequence[Future[None]], total: int, watch: Watcher) -> None:
        """Until every worker is done, with word on progress; a worker's exception is raised here."""
        pending = set(left)
        while pending:
            ready, pending = wait(pending, timeout=TELL_S)
            for future in ready:
                future.result()
            watch(self._progress(total))

    def _tell(self, candidates: int) -> None:
        with self._lock:
            self._done += candidates

    def _shard(self, trainings: Sequence[Training], leg: int, *, workers: int) -> Shard:
        s = self._settings
        return Shard(
            trainings, self._task, s, self._environments(len(trainings), leg=leg, num_envs=s.num_envs, workers=workers),
            shape=self._shape, draws=self._for_draws, device=self._device,
        )  # fmt: skip

    def _environments(self, candidates: int, *, leg: int, num_envs: int, workers: int) -> Simulator:
        """N environments a candidate, seeded by the leg alone, and as many threads as one worker may use."""
        seeds = env_seeds(child(self._for_envs, leg), num_envs) * candidates
        threads = max(1, (os.cpu_count() or 1) // workers)
        return self._simulator(
            self._task, env_seeds=seeds, info_fields=Readings(self._task).info_fields, threads=threads
        )

    def _workers(self, candidates: int) -> int:
        """A GPU is one worker's alone."""
        if self._device.type == "cuda":
            return 1
        return min(candidates, self._settings.workers or min(MOST_WORKERS, os.cpu_count() or 1))

    def _compare(self) -> None:
        """Stop whom the race stops."""
        for training in self._trainings:
            if training.going:
                training.stop = stopped(training.legs, self._settings.race)
        field = {t.trainee.id: t.legs for t in self._trainings if t.going}
        behind = dropped(field, self._settings.race)
        for training in self._trainings:
            training.stop = training.stop or behind.get(training.trainee.id)

    def _progress(self, total: int) -> Progress:
        """How far along: what has been stopped counts as done."""
        over = sum(total - t.env_steps // self._batch for t in self._trainings if not t.going)
        speed = self._done * self._batch / max(time.monotonic() - self._started, 1e-9)
        return Progress(
            generation=-1,
            stage="train",
            fraction=min(1.0, (self._done + over) / (total * len(self._trainings))),
            states={t.trainee.id: t.status() for t in self._trainings},
            env_steps_per_s=speed,
        )

    def _outcomes(self) -> list[Outcome]:
        """What became of each, in order; the seconds are shared out by env steps."""
        each = (time.monotonic() - self._started) / max(1, sum(t.env_steps for t in self._trainings))
        return [
            (t.outcome(seconds=each * t.env_steps), Spend(env_steps=t.env_steps, seconds=each * t.env_steps))
            for t in self._trainings
        ]


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def dealt(count: int, parts: int) -> list[tuple[int, int]]:
    """`count` candidates in at most `parts` runs of nearly equal length."""
    parts = min(parts, count)
    bounds = [count * i // parts for i in range(parts + 1)]
    return list(itertools.pairwise(bounds))
