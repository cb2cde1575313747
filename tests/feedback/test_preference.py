"""How a trained reward ranks known episodes, and the pair it gets most wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

from rewardsmith.config import FeedbackSettings, ScreenSettings
from rewardsmith.feedback import sources
from rewardsmith.feedback.preference import PreferenceOfEpisodes
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Task, Trajectory

[PREFERENCE] = sources(["preference"], FeedbackSettings())
MakeAttempt = Callable[..., Attempt]
MakeEpisode = Callable[..., Trajectory]


def test_counts_shares_and_the_worst_pair_are_told(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    good = [episode([1.0] * 11, source="g000-00", success=True) for _ in range(4)]
    bad = [episode([0.0] * 11, source="random") for _ in range(3)]
    bad.append(episode([0.0] * 11, source="g000-01", speed=30.0))  # fast = 3 a step beats near = 1
    feedback = PREFERENCE.comment(judged(), Scene(task=task, trajectories=(*good, *bad)))
    assert feedback is not None
    lines = feedback.text.split("\n")
    # 3 of the 4 failures are below every success: 12 of 16 pairs; no success is above all of them
    assert lines[0] == (
        "Held against known episodes, 4 successes and 4 failures, your reward ranks 75% of the pairs rightly and "
        "scores 0% of the good above all of the bad."
    )
    assert "the policy of g000-01" in feedback.text
    assert "paid more in B: `fast`" in feedback.text
    assert feedback.data == {"good": 4, "bad": 4, "share_of_pairs": 0.75, "above_best_failure": 0.0}
    assert json.loads(json.dumps(feedback.data)) == feedback.data


def test_reward_that_ranks_all_rightly_is_told_in_a_sentence(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    known = [episode([float(k < 4)] * 11, source="random", success=k < 4) for k in range(8)]
    feedback = PREFERENCE.comment(judged(), Scene(task=task, trajectories=tuple(known)))
    assert feedback is not None
    assert feedback.text.endswith("ranks 100% of the pairs rightly and scores 100% of the good above all of the bad.")


def test_nothing_is_said_where_too_little_is_known(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> None:
    known = (episode([0.0] * 11, source="random"),)
    assert PREFERENCE.comment(judged(), Scene(task=task, trajectories=known)) is None


def test_good_and_bad_are_told_apart_as_the_run_s_screen_does(
    judged: MakeAttempt, episode: MakeEpisode, task: Task
) -> None:
    known = [episode([k / 40] * 11, source="random", fitness=float(k), success=k < 4) for k in range(40)]
    screen = ScreenSettings(labels="fitness", fitness_quantile=0.1, least=16)
    feedback = PreferenceOfEpisodes(screen).comment(judged(), Scene(task=task, trajectories=tuple(known)))
    assert feedback is not None
    # the fitness of 40 episodes is 0 to 39: its outer tenths are four each
    assert (feedback.data["good"], feedback.data["bad"], feedback.data["share_of_pairs"]) == (4, 4, 1.0)
    assert "4 fit episodes and 4 unfit episodes" in feedback.text
