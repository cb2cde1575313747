"""Preference feedback on a trained reward: does it rank the run's known episodes as success or fitness does?

The same numbers and the same pair of episodes that a failed screen tells (`rewardsmith.screen`), by the same labels, of
rewards that were trained all the same. The idea is CARD's (Sun et al. 2024, arXiv:2410.14660): counts, accuracy, and
the success that scores lowest beside the failure that scores highest.
"""

from __future__ import annotations

from rewardsmith.config import FeedbackSettings, ScreenSettings
from rewardsmith.feedback import episodes
from rewardsmith.interfaces import Scene
from rewardsmith.screen import tpe
from rewardsmith.screen.beside import beside
from rewardsmith.screen.episodes import Episodes
from rewardsmith.screen.labels import Labels, counted, labelled
from rewardsmith.types import Attempt, Feedback

LEAST = 4  # episodes of each kind, less than it takes to reject: these counts are told, and decide nothing


def from_settings(settings: FeedbackSettings) -> PreferenceOfEpisodes:  # noqa: ARG001 - labels are the screen's own
    """The source, with labels as the screen has them by default."""
    return PreferenceOfEpisodes(ScreenSettings())


class PreferenceOfEpisodes:
    """Counts and shares and, where a failure is paid more than a success, the two side by side.

    `screen` says what tells good episodes from bad; its `least` is not asked for.
    """

    name = "preference"

    def __init__(self, screen: ScreenSettings) -> None:
        self.screen = screen.model_copy(update={"least": LEAST})

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        graph = episodes.graph_of(attempt)
        labels = labelled(scene.trajectories, scene.task, self.screen)
        if graph is None or not isinstance(labels, Labels):
            return None
        known = Episodes(scene.trajectories, episode_steps=scene.task.episode_steps)
        scored = known.scored(graph)
        scores = scored.scores("return", gamma=1.0)
        good, bad = scores[list(labels.good)], scores[list(labels.bad)]
        share, above = tpe.auc(good, bad), tpe.share_above_best_failure(good, bad)
        better, worse = labels.words
        text = (
            f"Held against known episodes, {counted(len(good), better)} and {counted(len(bad), worse)}, your reward "
            f"ranks {share:.0%} of the pairs rightly and scores {above:.0%} of the good above all of the bad."
        )
        if above < 1:
            lowest = scored.paid(known, labels.good[tpe.lowest(good)], called=better)
            highest = scored.paid(known, labels.bad[tpe.highest(bad)], called=worse)
            text = f"{text}\n\n{beside(lowest, highest)}"
        numbers = {"good": len(good), "bad": len(bad), "share_of_pairs": share, "above_best_failure": above}
        return Feedback(source=self.name, text=text, data=numbers)
