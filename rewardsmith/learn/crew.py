"""Takes trainings through their legs on this machine; crews of other machines stand in `rewardsmith.farm`.

A few workers, a thread each, train some of the candidates each and never wait for one another. What legs there are and
who trains on after one is decided in `ppo.py`; a candidate's numbers do not depend on which crew it was trained by.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import Protocol

import torch

from rewardsmith import memory
from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Simulator, SimulatorFactory
from rewardsmith.learn import kinds
from rewardsmith.learn.policy import Shape
from rewardsmith.learn.shard import Shard
from rewardsmith.learn.training import Training
from rewardsmith.readings import Readings
from rewardsmith.seeds import child, env_seeds
from rewardsmith.types import Task

TELL_S = 0.25  # seconds between words on progress
MOST_WORKERS = 4

Tell = Callable[[int], None]
"""Is told how many rollouts of single candidates were trained on since it was last told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What all legs of a training share: plain values, so that a leg can be trained elsewhere."""

    task: Task
    settings: TrainSettings
    shape: Shape


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Rollouts from the `first` to before the `last`, counted over the training: the `index`-th that begins afresh.

    It is a leg, or a part of one that `goes_on`.
    """

    index: int
    first: int
    last: int
    goes_on: bool = False


class Crew(Protocol):
    """Who does the work between two comparisons."""

    def train(self, going: Sequence[Training], legs: Sequence[Stretch], job: Job, tell: Tell) -> None:
        """Take all of `going` through `legs`, in place; `tell` is called now and then, in this thread."""
        ...


class Here:
    """The crew of this machine; `cores` is how many it may use, None: all there are."""

    def __init__(self, simulator: SimulatorFactory, *, cores: int | None = None) -> None:
        self._simulator = simulator
        self._cores = cores or os.cpu_count() or 1

    def train(self, going: Sequence[Training], legs: Sequence[Stretch], job: Job, tell: Tell) -> None:
        """Whoever is at fault in one leg takes no part in the next."""
        for leg in legs:
            left = [t for t in going if t.going]
            if not left:
                break
            for a, b in dealt(len(left), -(-len(left) // self._at_once(len(left), job))):
                self._leg(left[a:b], leg, job, tell)

    def _at_once(self, candidates: int, job: Job) -> int:
        """How many train side by side: as the settings say, or as the memory takes them with their environments."""
        s = job.settings
        if s.at_once:
            return s.at_once
        kept = kinds.remembered_mib(job.shape, s)
        return memory.at_once(candidates, s.num_envs, job.task, self._simulator, besides_mib=kept)

    def _leg(self, going: list[Training], leg: Stretch, job: Job, tell: Tell) -> None:
        """One leg of some of the candidates, dealt out to the workers."""
        cancelled, done = Event(), SimpleQueue[int]()
        device = _device(job.settings.device)
        parts = dealt(len(going), self._workers(len(going), job, device))

        def work(mine: Sequence[Training]) -> None:
            simulator = self._environments(mine, leg, job, workers=len(parts))
            shard = Shard(mine, job.task, job.settings, simulator, shape=job.shape, device=device)
            shard.run(leg.first, leg.last - leg.first, cancelled=cancelled, tell=lambda: done.put(len(mine)))
            for training in mine if not leg.goes_on else ():
                training.end_leg()

        with memory.gpu_room(len(going), job.settings.num_envs), ThreadPoolExecutor(len(parts)) as pool:
            left = [pool.submit(work, going[a:b]) for a, b in parts]
            try:
                _wait(left, lambda: tell(_drained(done)))
            finally:
                cancelled.set()

    def _environments(self, mine: Sequence[Training], leg: Stretch, job: Job, *, workers: int) -> Simulator:
        """N environments a candidate, by its seed and the leg alone, with as many threads as one worker may use."""
        seeds = [s for t in mine for s in env_seeds(child(t.seeds.envs, leg.index), job.settings.num_envs)]
        fields = Readings(job.task).info_fields
        return self._simulator(job.task, env_seeds=seeds, info_fields=fields, threads=max(1, self._cores // workers))

    def _workers(self, candidates: int, job: Job, device: torch.device) -> int:
        """A GPU is one worker's alone, and so is MuJoCo Warp, wherever it runs."""
        if device.type == "cuda" or job.task.env.device != "cpu":
            return 1
        return min(candidates, job.settings.workers or min(MOST_WORKERS, self._cores))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """torch with so many threads, and afterwards with as many as before: they decide the last bits of sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def dealt(count: int, parts: int) -> list[tuple[int, int]]:
    """`count` candidates in at most `parts` runs of nearly equal length."""
    parts = min(parts, count)
    bounds = [count * i // parts for i in range(parts + 1)]
    return list(itertools.pairwise(bounds))


def _wait(left: Sequence[Future[None]], beat: Callable[[], None]) -> None:
    """Until every worker is done, with a beat now and then; a worker's exception is raised here."""
    pending = set(left)
    while pending:
        ready, pending = wait(pending, timeout=TELL_S)
        for future in ready:
            future.result()
        beat()


def _drained(counts: SimpleQueue[int]) -> int:
    """The sum of all that is in the queue."""
    return sum(counts.get() for _ in range(counts.qsize()))


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)
