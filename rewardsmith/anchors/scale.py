"""Draws from an anchor file what others are told: means with intervals, and which of them fit a run.

Whoever asks for what ships gets anchors only for a task that is what it was when they were measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rewardsmith import resources
from rewardsmith.anchors.record import Failed, RandomPlay, Record, Scored, Training, read, task_sha256
from rewardsmith.judge import mean_ci95, wilson95
from rewardsmith.types import Anchor, Task


def anchors(record: Record) -> tuple[Anchor, ...]:
    """Random play, then each reward and budget; what never gave a score is left out."""
    groups = itertools.groupby(record.trainings, key=lambda t: (t.reward, t.env_steps))
    found = [_at_random(record.random), *(_over_seeds(tuple(group), record.episodes) for _, group in groups)]
    return tuple(anchor for anchor in found if anchor is not None)


def shipped(task: Task, *, env_steps: int, folder: Path | None = None) -> tuple[Anchor, ...]:
    """What to hold a run of `env_steps` against: random play, then the expert's policy, as far as they are known.

    Of the expert's budgets it is the largest one within `env_steps`, or the smallest. Nothing where the task has no
    anchor file, or is another than the one that was measured. `folder` is, unless given, the one that ships.

    Raises: ConfigError: the file is damaged.
    """
    path = (folder or resources.anchors_folder()) / f"{task.name}.json"
    if not path.is_file():
        return ()
    record = read(path)
    return fitting(anchors(record), env_steps=env_steps) if record.task_sha256 == task_sha256(task) else ()


def fitting(found: Sequence[Anchor], *, env_steps: int) -> tuple[Anchor, ...]:
    """Random play and the expert's policy whose budget is closest to `env_steps` from below, or the smallest."""
    random = [anchor for anchor in found if anchor.policy == "random"]
    expert = sorted((a for a in found if a.policy == "expert"), key=lambda a: a.env_steps)
    within = [anchor for anchor in expert if anchor.env_steps <= env_steps]
    return (*random, *(within[-1:] or expert[:1]))


def _at_random(played: RandomPlay | None) -> Anchor | None:
    if played is None or isinstance(played.result, Failed):
        return None
    score = played.result
    return Anchor(
        policy="random",
        env_steps=0,
        fitness=score.fitness,
        ci95=score.ci95,
        success_rate=score.success_rate,
        success_ci95=score.success_ci95,
        mean_length=score.mean_length,
        seeds=1,
    )


def _over_seeds(trainings: Sequence[Training], episodes: int) -> Anchor | None:
    """The mean of one reward and budget over its seeds."""
    scores = [t.result for t in trainings if isinstance(t.result, Scored)]
    if not scores:
        return None
    fitness = [score.fitness for score in scores]
    success = [score.success_rate for score in scores if score.success_rate is not None]
    return Anchor(
        policy=trainings[0].reward,
        env_steps=trainings[0].env_steps,
        fitness=float(np.mean(fitness)),
        ci95=_half_width(fitness),
        success_rate=float(np.mean(success)) if success else None,
        success_ci95=_of_rates(success, episodes),
        mean_length=float(np.mean([score.mean_length for score in scores])),
        seeds=len(scores),
        failed=len(trainings) - len(scores),
        lowest=min(fitness) if len(fitness) > 1 else None,
        highest=max(fitness) if len(fitness) > 1 else None,
    )


def _of_rates(rates: Sequence[float], episodes: int) -> tuple[float, float] | None:
    """Over seeds, and never narrower than Wilson's interval over all their episodes: equal rates prove no certainty."""
    half = _half_width(rates)
    if half is None:
        return None
    mean = float(np.mean(rates))
    low, high = wilson95(mean, episodes * len(rates))
    return max(0.0, min(low, mean - half)), min(1.0, max(high, mean + half))


def _half_width(values: Sequence[float]) -> float | None:
    return mean_ci95(np.array(values)) if len(values) > 1 else None
