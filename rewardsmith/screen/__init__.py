"""Is a verified reward worth training? Asked of the run's known episodes, in milliseconds and without an env step.

Three tests, each a setting: is it a duplicate (`duplicates.py`), does it prefer the episodes that went well
(`preference.py`, `tpe.py`), does it score an expert above random play (`demonstration.py`). What cannot be decided
passes and says so. A share of what fails may be trained all the same, to learn how often the screen is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rewardsmith.config import EvolveConfig
from rewardsmith.screen.demonstration import demonstration
from rewardsmith.screen.duplicates import Compared, Twin, duplicate, judged_twins
from rewardsmith.screen.episodes import Episodes
from rewardsmith.screen.labels import labelled
from rewardsmith.screen.preference import preference
from rewardsmith.screen.records import Record, feedback, records
from rewardsmith.screen.verdicts import Failed, Passed, Undecided, Verdict
from rewardsmith.types import Attempt, Rejected, Task, Trajectory, Verified

if TYPE_CHECKING:
    from rewardsmith.graph import RewardGraph

__all__ = ["Failed", "Passed", "Record", "Screen", "Undecided", "Verdict", "rank", "records"]


def rank(
    batch: Sequence[Attempt],
    task: Task,
    config: EvolveConfig,
    *,
    known: Sequence[Attempt],
    trajectories: Sequence[Trajectory],
    seed: int,
) -> tuple[Attempt, ...]:
    """Every `Verified` attempt held against the `known` ones and the known episodes; what fails becomes `Rejected`.

    `seed` draws which of the failed are audited: these stay `Verified`, to be trained, and say so in their feedback.
    """
    screen = Screen(task, config, trajectories=trajectories)
    twins, draw = judged_twins(known), np.random.default_rng(seed)
    screened: list[Attempt] = []
    for attempt in batch:
        if isinstance(attempt.outcome, Verified):
            graph, audit = attempt.outcome.graph, draw.random() < config.screen.audit
            screened.append(_after(attempt, screen.verdicts(graph, twins), audit=audit))
            if isinstance(screened[-1].outcome, Verified):
                twins.append(Twin.of_this_batch(attempt.id, graph))
        else:
            screened.append(attempt)
    return tuple(screened)


class Screen:
    """The tests that the settings ask for, over one set of known episodes."""

    def __init__(self, task: Task, config: EvolveConfig, *, trajectories: Sequence[Trajectory]) -> None:
        self._settings, self._gamma = config.screen, config.train.gamma
        self._episodes = Episodes(trajectories, episode_steps=task.episode_steps)
        self._compared = Compared(trajectories, config.train, episode_steps=task.episode_steps)
        self._labels = labelled(trajectories, task, config.screen)

    def verdicts(self, graph: RewardGraph, twins: Sequence[Twin] = ()) -> list[Verdict]:
        """What each test says, cheapest first; none is asked after the first that fails."""
        found: list[Verdict] = []
        for verdict in self._asked(graph, twins):
            found.append(verdict)
            if isinstance(verdict, Failed):
                break
        return found

    def _asked(self, graph: RewardGraph, twins: Sequence[Twin]) -> Iterator[Verdict]:
        settings, episodes, labels = self._settings, self._episodes, self._labels
        if settings.duplicates != "off":
            twin = duplicate(graph, twins, self._compared, settings)
            yield from () if twin is None else (twin,)
        if settings.preference != "off":
            yield (
                labels
                if isinstance(labels, Undecided)
                else preference(graph, episodes, labels, settings, gamma=self._gamma)
            )
        if settings.demonstration:
            yield demonstration(graph, episodes, settings)


def _after(attempt: Attempt, verdicts: Sequence[Verdict], *, audit: bool) -> Attempt:
    """The attempt with what was said of it, rejected where a test failed that is not to be audited."""
    if not verdicts:
        return attempt
    failed = next((v for v in verdicts if isinstance(v, Failed)), None)
    audited = failed is not None and audit and not failed.proven
    outcome = attempt.outcome
    if failed is not None and not audited:
        outcome = Rejected(stage="screen", reason=failed.reason, hint=failed.hint)
    return replace(attempt, outcome=outcome, feedback=(*attempt.feedback, feedback(verdicts, audited=audited)))
