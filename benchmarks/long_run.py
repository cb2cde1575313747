"""What a long run costs as it goes on: memory, descriptors, threads, disk and time of each of its generations.

Claims: over 50 generations of offline evolution on the point task in one process, memory grows by the record of what
was bred and no more (less than 1 MiB a generation of four), the sandbox's worker not at all; descriptors and threads
stay; generations 40 to 50 take little more disk and processor time than generations 10 to 20, as there is more to look
back on. The point task costs next to nothing, so what is seen is what we take ourselves.

Run: `python benchmarks/long_run.py [--generations 50] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from _machine import machine, write

from rewardsmith import session
from rewardsmith.assemble import Extras
from rewardsmith.config import EvolveConfig, JudgeSettings, SearchSettings, TrainSettings
from rewardsmith.graph import allowed_inputs
from rewardsmith.interfaces import Progress
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.sim.point import point_task
from rewardsmith.store import Run
from rewardsmith.types import Generation, ReferenceResult, Spend

MIB = 2**20
WINDOW = 10  # generations at either end that are compared


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is held after a generation, and what that generation took."""

    generation: int
    rss_mib: float
    worker_rss_mib: float
    descriptors: int
    threads: int
    disk_kib: float
    wall_s: float
    processor_s: float


class Meter:
    """A display that shows nothing and takes a reading after every generation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.readings: list[Reading] = []
        self._wall, self._processor = time.monotonic(), time.process_time()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...
    def __call__(self, progress: Progress) -> None: ...
    def begun(self, history: Sequence[Generation], references: Sequence[ReferenceResult]) -> None: ...
    def measured(self, references: Sequence[ReferenceResult]) -> None: ...
    def spent(self, spend: Spend) -> None: ...
    def say(self, text: str) -> None: ...
    def pause(self) -> None: ...

    def finished(self, generation: Generation) -> None:
        wall, processor = time.monotonic(), time.process_time()
        pid = os.getpid()
        self.readings.append(
            Reading(
                generation=generation.index,
                rss_mib=_rss_mib(pid),
                worker_rss_mib=sum(_rss_mib(child) for child in _children(pid)),
                descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
                threads=threading.active_count(),
                disk_kib=_size_kib(self._folder),
                wall_s=wall - self._wall,
                processor_s=processor - self._processor,
            )
        )
        self._wall, self._processor = time.monotonic(), time.process_time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=50)
    parser.add_argument("--out", default="", help="where to write the result as JSON")
    options = parser.parse_args()
    config = settings(options.generations)
    with tempfile.TemporaryDirectory() as folder:
        readings = measure(Path(folder) / "run", config)
    found = summary(readings)
    for name, value in found.items():
        print(f"{name}: {value}")
    result = {"summary": found, "readings": [asdict(reading) for reading in readings]}
    write(options.out, {**result, "settings": config.model_dump(mode="json", exclude_defaults=True), **machine()})


def settings(generations: int) -> EvolveConfig:
    """Four candidates a generation, each trained for a few thousand steps."""
    return EvolveConfig(
        seed=1,
        search=SearchSettings(generations=generations, offspring=4),
        train=TrainSettings(env_steps=2048, num_envs=8, rollout_steps=32, hidden=(16, 16), device="cpu"),
        judge=JudgeSettings(episodes=8, final_episodes=8),
    )


def measure(folder: Path, config: EvolveConfig) -> list[Reading]:
    """One run from start to end, in this process."""
    task = point_task()
    with Run.create(folder, task=task, config=config, task_text="name: point\n", allowed=allowed_inputs(task)) as run:
        meter = Meter(folder)
        with ProcessSandbox(config.verify) as sandbox:
            session.work(run, Extras(), config, meter, sandbox=sandbox)
    return meter.readings[1:]  # generation 0 is empty


def summary(readings: Sequence[Reading]) -> dict[str, float]:
    """The last readings against the first, once all is warm."""
    first, last = readings[WINDOW : 2 * WINDOW] or readings, readings[-WINDOW:]
    between = last[-1].generation - first[-1].generation or 1

    def ratio(name: str) -> float:
        return round(_median(last, name) / _median(first, name), 3)

    return {
        "rss_mib_first": round(_median(first, "rss_mib"), 1),
        "rss_mib_last": round(_median(last, "rss_mib"), 1),
        "rss_kib_a_generation": round(1024 * (last[-1].rss_mib - first[-1].rss_mib) / between, 1),
        "worker_rss_kib_a_generation": round(1024 * (last[-1].worker_rss_mib - first[-1].worker_rss_mib) / between, 1),
        "disk_kib_a_generation_first": round((first[-1].disk_kib - first[0].disk_kib) / max(1, len(first) - 1), 1),
        "disk_kib_a_generation_last": round((last[-1].disk_kib - last[0].disk_kib) / max(1, len(last) - 1), 1),
        "descriptors_more": last[-1].descriptors - first[0].descriptors,
        "threads_more": last[-1].threads - first[0].threads,
        "processor_time_ratio": ratio("processor_s"),
    }


def _median(readings: Sequence[Reading], name: str) -> float:
    return float(statistics.median(getattr(reading, name) for reading in readings))


def _size_kib(folder: Path) -> float:
    """All files; of the ledger, which grows by megabytes at once, the copy that every generation leaves."""
    kept = (file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("ledger.sqlite"))
    return sum(file.stat().st_size for file in kept) / 1024


def _rss_mib(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB
    except OSError:  # it has ended
        return 0.0


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


if __name__ == "__main__":
    main()
