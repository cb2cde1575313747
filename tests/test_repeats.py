"""A candidate trained several times: which training stands for it, and what it is charged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.graph import RewardGraph
from rewardsmith.repeats import Repeats, Streams, judged_by_seed
from rewardsmith.sim.point import point_task
from rewardsmith.store.pages import seeds_words
from rewardsmith.types import (
    Attempt,
    Candidate,
    Judged,
    Outcome,
    Policy,
    Rejected,
    Score,
    Spend,
    Trained,
    Verified,
)

NOT_LET_THROUGH = Rejected(stage="static", reason="No.", hint="Else.")
GRAPH = RewardGraph.from_json(
    '{"version": 1, "inputs": ["x"], "unused": [], "constants": [], "nodes": [], "total": {"t": 0}, "components": []}',
    signals={"x": ()},
)


def drafted(name: str, outcome: Outcome) -> Attempt:
    candidate = Candidate(id=name, code="", sha256="", origin="llm", model="")
    return Attempt(candidate=candidate, outcome=outcome, spend=Spend(cost_usd=1.0))


def came_to(attempt: Attempt, mean: float | None) -> Attempt:
    """The attempt after a training of 10 env steps; None: it failed."""
    outcome: Outcome = Rejected(stage="train", reason="It is not finite.", hint="Clamp it.")
    if mean is not None:
        score = Score(
            episodes=(mean, mean), mean=mean, ci95=0.0, success_rate=None, success_ci95=None, mean_length=1.0
        )  # fmt: skip
        trained = Trained(verified=None, policy=Policy(tensors={}), curves=(), env_steps=10, seconds=1.0)
        outcome = Judged(trained=trained, score=score)
    return replace(attempt, outcome=outcome, spend=attempt.spend + Spend(env_steps=10))


means = st.none() | st.floats(-9, 9)


@given(st.lists(means, min_size=1, max_size=7), st.lists(means, min_size=7, max_size=7))
def test_an_attempt_is_its_median_training_and_is_charged_for_all(
    mine: Sequence[float | None], more: list[float]
) -> None:
    batch = (drafted("a", Verified(graph=GRAPH)), drafted("b", NOT_LET_THROUGH), drafted("c", Verified(graph=GRAPH)))
    repeats = Repeats(batch, count=len(mine))
    apart = repeats.apart()
    assert [x.id for x in apart[:3]] == ["a", "b", "c"]
    seeds = repeats.seeds(range(100, 100 + len(mine)))
    assert sorted(seeds) == sorted(x.id for x in apart if x.id != "b")
    reached = {name: (mine if name[0] == "a" else more)[seed - 100] for name, seed in seeds.items()}
    first, second, third = repeats.medians([came_to(x, reached[x.id]) if x.id in reached else x for x in apart])

    assert (first.id, third.id) == ("a", "c")
    assert second == batch[1]
    assert first.spend == Spend(cost_usd=1.0, env_steps=10 * len(mine))
    middle = sorted(mine, key=lambda m: -math.inf if m is None else m)[(len(mine) - 1) // 2]
    if middle is None:
        assert isinstance(first.outcome, Rejected)
        told = f" {sum(m is None for m in mine)} of {len(mine)} trainings failed."
        assert first.outcome.reason == "It is not finite." + (told if len(mine) > 1 else "")
    else:
        assert isinstance(first.outcome, Judged)
        assert first.outcome.score.mean == middle
        assert first.outcome.by_seed == (tuple(mine) if len(mine) > 1 else ())


def test_nothing_to_train_is_nothing_for_every_seed() -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("nobody is to be trained")

    seeds = {3: Streams(train=1, judge=2), 4: Streams(train=3, judge=4)}
    assert judged_by_seed([], seeds, point_task(), never, never, episodes=2, watch=never) == {3: [], 4: []}  # type: ignore[arg-type]


def test_the_spread_of_several_trainings_is_told_in_a_few_words() -> None:
    once = came_to(drafted("a", NOT_LET_THROUGH), 0.25).outcome
    assert isinstance(once, Judged)
    assert seeds_words(once) == ""
    assert seeds_words(replace(once, by_seed=(0.25, None, 1.23456))) == ", median of 3 (0.25 to 1.23, 1 failed)"
