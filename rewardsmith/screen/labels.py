"""Which known episodes are good and which bad: by the task's success, or by the ends of their fitness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rewardsmith.config import ScreenSettings
from rewardsmith.screen.verdicts import Undecided
from rewardsmith.types import Task, Trajectory


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """Positions of good and bad episodes, at least the asked number of each, and what tells them apart."""

    good: tuple[int, ...]
    bad: tuple[int, ...]
    by: Literal["success", "fitness"]

    @property
    def words(self) -> tuple[str, str]:
        """What a good and a bad episode are called."""
        return ("success", "failure") if self.by == "success" else ("fit episode", "unfit episode")


def labelled(trajectories: Sequence[Trajectory], task: Task, settings: ScreenSettings) -> Labels | Undecided:
    """The good and the bad ones among `trajectories`; `Undecided` where there are too few of either.

    By success where the task declares it, unless `settings.labels` says otherwise; a fitness that is not finite, and an
    episode without a label, is neither.
    """
    by_success = settings.labels == "success" or (settings.labels == "auto" and task.success is not None)
    labels = _by_success(trajectories) if by_success else _by_fitness(trajectories, settings.fitness_quantile)
    if min(len(labels.good), len(labels.bad)) >= settings.least:
        return labels
    return Undecided(test="preference", words=_too_few(labels, settings))


def _by_success(trajectories: Sequence[Trajectory]) -> Labels:
    return Labels(
        good=tuple(i for i, t in enumerate(trajectories) if t.success is True),
        bad=tuple(i for i, t in enumerate(trajectories) if t.success is False),
        by="success",
    )


def _by_fitness(trajectories: Sequence[Trajectory], share: float) -> Labels:
    """The upper and the lower `share` of the fitness; none where the two would meet."""
    finite = [(i, t.fitness) for i, t in enumerate(trajectories) if np.isfinite(t.fitness)]
    low, high = np.quantile([f for _, f in finite], [share, 1.0 - share]) if finite else (0.0, 0.0)
    if not low < high:
        return Labels(good=(), bad=(), by="fitness")
    return Labels(
        good=tuple(i for i, f in finite if f >= high), bad=tuple(i for i, f in finite if f <= low), by="fitness"
    )


def _too_few(labels: Labels, settings: ScreenSettings) -> str:
    needed = f"{settings.least} of each are needed."
    if labels.by == "success":
        known = f"{counted(len(labels.good), 'success')} and {counted(len(labels.bad), 'failure')}"
        return f"{known} are known; {needed}"
    if not labels.good:
        share = f"{settings.fitness_quantile:.0%}"
        return f"The upper {share} of the known episodes have no higher fitness than the lower {share}."
    return f"{len(labels.good)} of the known episodes did well and {len(labels.bad)} badly; {needed}"


def counted(number: int, word: str) -> str:
    """`1 success`, `3 successes`, `2 failures`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}{'es' if word.endswith('s') else 's'}"
