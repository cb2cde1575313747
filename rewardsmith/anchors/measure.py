"""Measures what an anchor file still lacks: plays at random, trains and judges the reference rewards.

A seed's references are what `evolve --references` trains with that seed and budget; all seeds of a budget are trained
side by side, which is quicker. Nothing is read or written here: each record yielded holds one job's measurements more,
for the caller to keep, so that a stop loses at most the one under way.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from rewardsmith import judge, opening
from rewardsmith.anchors.record import Machine, Record, Reward, with_random, with_training
from rewardsmith.config import EvolveConfig, TrainSettings
from rewardsmith.interfaces import Learner, SimulatorFactory, Watcher
from rewardsmith.seeds import stream
from rewardsmith.types import Judged, Task, Trained
from rewardsmith.versions import versions


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """The references of some seeds, trained together for `env_steps`."""

    env_steps: int
    seeds: tuple[int, ...]


SHARED = 0.1
"""Share of the processors that others may take while a speed is measured; where they take more, it is left out."""
Job = Batch | None
"""What to do next; None is to play at random."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What measuring needs: how to simulate, how to make a learner from its settings, whom to tell, and where it is.

    `others_s` says how many seconds of its processors, all together, the machine has given to others so far; None where
    that is not known.
    """

    simulator: SimulatorFactory
    learner: Callable[[TrainSettings], Learner]
    watch: Watcher
    machine: Machine
    others_s: Callable[[], float | None]


def missing(record: Record, task: Task, *, env_steps: Sequence[int], seeds: int) -> tuple[Job, ...]:
    """What the record lacks, cheapest first: random play, then the seeds of each budget."""

    def lacks(steps: int, seed: int) -> bool:
        return not all(record.has(reward, env_steps=steps, seed=seed) for reward in rewards(task))

    batches = (
        Batch(env_steps=steps, seeds=tuple(seed for seed in range(seeds) if lacks(steps, seed)))
        for steps in sorted(set(env_steps))
    )
    return (*([] if record.random else [None]), *(batch for batch in batches if batch.seeds))


def measure(record: Record, jobs: Sequence[Job], task: Task, config: EvolveConfig, bench: Bench) -> Iterator[Record]:
    """Do the jobs one after the other; yield the record after each."""
    for job in jobs:
        record = _played(record, task, bench) if job is None else _trained(record, job, task, config, bench)
        yield record


def rewards(task: Task) -> tuple[Reward, ...]:
    """The reference rewards of a task."""
    return ("expert", "sparse") if task.references.expert else ("sparse",)


def this_machine() -> Machine:
    """Hardware and versions, here and now."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return Machine(cpu=_cpu(), cores=os.cpu_count(), gpu=gpu, versions=versions())


def others_s(counts: Path = Path("/proc/stat")) -> float | None:
    """Seconds that the processors worked since the machine began and not for this process; None but on Linux."""
    if not counts.exists():
        return None
    user, nice, system, *_ = map(int, counts.read_text(encoding="ascii").split("\n", 1)[0].split()[1:])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - time.process_time()


def _played(record: Record, task: Task, bench: Bench) -> Record:
    seed = stream(0, 0, "finals")
    score = judge.measure_random(task, bench.simulator, seed=seed, episodes=record.episodes, watch=bench.watch)
    return with_random(record, score, machine=bench.machine, date=_today())


def _trained(record: Record, batch: Batch, task: Task, config: EvolveConfig, bench: Bench) -> Record:
    train = config.train.model_copy(update={"env_steps": batch.env_steps})
    budgeted = config.model_copy(update={"train": train})
    alone = _Alone(bench)
    by_seed = opening.references_by_seed(
        batch.seeds, task, bench.learner(train), bench.simulator, budgeted, watch=bench.watch
    )
    telling = alone()
    for seed, name, outcome in [(seed, r.name, r.outcome) for seed, results in by_seed.items() for r in results]:
        record = with_training(
            record,
            outcome.score if isinstance(outcome, Judged) else outcome,
            reward=name,
            env_steps=batch.env_steps,
            seed=seed,
            env_steps_per_s=_speed(outcome.trained) if isinstance(outcome, Judged) and telling else None,
            machine=bench.machine,
            date=_today(),
        )
    return record


class _Alone:
    """Whether, since it was made, others took so little of the machine that a speed tells of us."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._since, self._others_s = time.monotonic(), bench.others_s()

    def __call__(self) -> bool:
        now = self._bench.others_s()
        if now is None or self._others_s is None:
            return False
        return now - self._others_s <= SHARED * (time.monotonic() - self._since) * (self._bench.machine.cores or 1)


def _speed(trained: Trained) -> float:
    """Env steps a second of the batch it was trained in: its seconds are its share of them."""
    return round(trained.env_steps / max(trained.seconds, 1e-9), 1)


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def _cpu() -> str:
    """The processor's name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
