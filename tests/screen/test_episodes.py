"""A reward on all known episodes at once is what it is on each, and scores are what their names say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from rewardsmith import pool
from rewardsmith.graph import RewardGraph
from rewardsmith.screen.episodes import Episodes
from rewardsmith.types import Trajectory

Walk = Callable[..., Trajectory]
MakeGraph = Callable[..., RewardGraph]


def test_scores_are_the_return_the_discounted_return_and_the_mean(walk: Walk, graph: MakeGraph) -> None:
    episodes = Episodes([walk([9.0, 1.0, 2.0]), walk([9.0, 4.0, 0.0, 8.0])], episode_steps=4)
    scored = episodes.scored(graph("distance"))
    assert scored.scores("return", gamma=0.5).tolist() == [3.0, 12.0]
    assert scored.scores("mean", gamma=0.5).tolist() == [1.5, 4.0]
    assert scored.scores("discounted", gamma=0.5).tolist() == [1 + 0.5 * 2, 4 + 0.0 + 0.25 * 8]


def test_an_episode_is_paid_what_the_pool_says(walk: Walk, graph: MakeGraph) -> None:
    played = [walk([1.0, 0.5, 0.2]), walk([0.3, 0.7]), walk([0.9, 0.1, 0.4, 0.6])]
    reward = graph("prev_distance - distance + episode_progress", parts="{'x': distance}")
    scored = Episodes(played, episode_steps=4).scored(reward)
    for index, (total, parts) in enumerate(pool.rewards(reward, played, episode_steps=4)):
        paid = scored.paid(Episodes(played, episode_steps=4), index, called="success")
        assert torch.equal(paid.reward, total)
        assert torch.equal(paid.components["x"], parts["x"])


def test_a_number_that_is_not_finite_stays_in_its_episode(walk: Walk, graph: MakeGraph) -> None:
    scored = Episodes([walk([1.0, 0.0]), walk([1.0, 2.0])], episode_steps=4).scored(graph("1.0 / distance"))
    assert np.isfinite(scored.scores("return", gamma=1.0)).tolist() == [False, True]
