"""Which known episodes are good and bad, and when that cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rewardsmith.config import ScreenSettings
from rewardsmith.screen.labels import Labels, labelled
from rewardsmith.screen.verdicts import Undecided
from rewardsmith.types import Task, Trajectory

Walk = Callable[..., Trajectory]
TWO = ScreenSettings(least=2)


def test_success_tells_where_the_task_declares_it(task: Task, walk: Walk) -> None:
    played = [walk([1.0, 0.0]), walk([1.0, 0.5]), walk([1.0, 0.0]), walk([1.0, 0.9])]
    assert labelled(played, task, TWO) == Labels(good=(0, 2), bad=(1, 3), by="success")


def test_too_few_of_either_decide_nothing_and_say_so(task: Task, walk: Walk) -> None:
    found = labelled([walk([1.0, 0.0]), *[walk([1.0, 0.9])] * 3], task, TWO)
    assert isinstance(found, Undecided)
    assert found.words == "1 success and 3 failures are known; 2 of each are needed."


def test_no_episode_at_all_decides_nothing(task: Task) -> None:
    assert isinstance(labelled([], task, TWO), Undecided)
    assert isinstance(labelled([], replace(task, success=None), TWO), Undecided)


def test_without_success_the_ends_of_the_fitness_tell(task: Task, walk: Walk) -> None:
    played = [replace(walk([1.0, 0.5], fitness=f), success=None) for f in (5.0, 1.0, 3.0, 2.0, 8.0, 4.0, 7.0, 6.0)]
    # of 1..8 the lower quarter ends at 2.75, the upper begins at 6.25
    found = labelled(played, replace(task, success=None), TWO)
    assert found == Labels(good=(4, 6), bad=(1, 3), by="fitness")


def test_fitness_that_is_the_same_everywhere_tells_nothing(task: Task, walk: Walk) -> None:
    by_fitness = TWO.model_copy(update={"labels": "fitness"})
    found = labelled([walk([1.0, 0.5])] * 8, task, by_fitness)
    assert isinstance(found, Undecided)
    same = "The upper 25% of the known episodes have no higher fitness than the lower 25%."
    assert found.words == same
    tied = [walk([1.0, 0.5], fitness=float(max(0, i - 29))) for i in range(38)]  # 30 of 0 and eight above
    assert labelled(tied, task, by_fitness) == Undecided(test="preference", words=same)


def test_too_few_at_the_ends_of_the_fitness_are_counted(task: Task, walk: Walk) -> None:
    played = [walk([1.0, 0.5], fitness=float(i)) for i in range(3)]
    found = labelled(played, task, TWO.model_copy(update={"labels": "fitness"}))
    assert found == Undecided(
        test="preference", words="1 of the known episodes did well and 1 badly; 2 of each are needed."
    )


def test_the_two_ends_of_the_fitness_may_not_meet() -> None:
    with pytest.raises(ValueError, match="fitness_quantile"):
        ScreenSettings(fitness_quantile=0.5)


def test_an_episode_without_a_number_is_neither_good_nor_bad(task: Task, walk: Walk) -> None:
    played = [walk([1.0, 0.5], fitness=f) for f in (float("nan"), 1.0, 1.0, 9.0, 9.0)]
    found = labelled(played, task, TWO.model_copy(update={"labels": "fitness"}))
    assert found == Labels(good=(3, 4), bad=(1, 2), by="fitness")
