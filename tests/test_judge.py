"""Judging: one episode an environment, by fitness alone, with intervals that the tables confirm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import judge, sim
from rewardsmith.interfaces import Frame, Progress
from rewardsmith.seeds import env_seeds
from rewardsmith.sim.point import REACHED_M, STRIDE_M, PointSimulator, point_task
from rewardsmith.types import (
    Attempt,
    Candidate,
    Drafted,
    Judged,
    Measure,
    Outcome,
    Policy,
    ReferenceResult,
    Rejected,
    Score,
    Task,
    Trained,
)

SEED, EPISODES = 7, 6


def _policy(*, on_offset: float = 0.0, always: float = 0.0) -> Policy:
    """A policy without hidden layers: its action is `on_offset * (target - position) + always`, cut at 1."""
    return Policy(
        tensors={
            "actor.0.weight": torch.tensor([[0.0], [0.0], [on_offset]]),
            "actor.0.bias": torch.tensor([[always]]),
            "critic.0.weight": torch.zeros(3, 1),
            "critic.0.bias": torch.zeros(1, 1),
            "log_std": torch.zeros(1, 1),
            "obs_mean": torch.zeros(1, 3),
            "obs_var": torch.ones(1, 3),
            "action_low": torch.tensor([[-1.0]]),
            "action_high": torch.tensor([[1.0]]),
            "activation": torch.tensor(0),
        }
    )


STILL, RIGHT, SEEK = _policy(), _policy(always=1.0), _policy(on_offset=1 / STRIDE_M)


def _measure(
    *policies: Policy, task: Task | None = None, seed: int = SEED, episodes: int = EPISODES
) -> list[Score | Rejected]:
    task = task or point_task()
    return judge.measure(policies, task, sim.make, seed=seed, episodes=episodes, watch=lambda _: None)


def _score(policy: Policy, task: Task | None = None, **changes: int) -> Score:
    [score] = _measure(policy, task=task, **changes)
    assert isinstance(score, Score)
    return score


def _starts() -> list[tuple[float, float]]:
    """Position and target of the judged environments at the start of their first episodes."""
    frame = PointSimulator(point_task(), env_seeds=env_seeds(SEED, EPISODES), info_fields=()).reset()
    return [(float(row[0]), float(row[1])) for row in frame.obs["obs"]]


# --- playing --------------------------------------------------------------------------------------------------------


def test_a_policy_that_stays_is_scored_where_each_environment_starts() -> None:
    distances = [abs(target - position) for position, target in _starts()]
    score = _score(STILL)
    assert score.episodes == pytest.approx([-d for d in distances], abs=1e-6)
    assert score.mean == pytest.approx(-np.mean(distances))
    assert score.success_rate == np.mean([d < REACHED_M for d in distances])
    assert score.mean_length == 20


def test_a_policy_that_seeks_the_target_is_there_in_every_episode() -> None:
    score = _score(SEEK)
    assert score.mean == pytest.approx(0.0, abs=1e-4)
    assert score.success_rate == 1.0
    assert score.success_ci95 is not None
    assert score.success_ci95[1] == pytest.approx(1.0)


def test_each_environment_is_scored_once_however_soon_its_episode_ends() -> None:
    """Going right ends an episode at the edge; the next ones, which begin meanwhile, count nothing."""
    task, expected, lengths = point_task(episode_steps=200, edge=1.0), [], []
    for position, target in _starts():
        steps = math.floor((1.0 - position) / STRIDE_M) + 1
        lengths.append(steps)
        expected.append(-abs(target - (position + steps * STRIDE_M)))
    score = _score(RIGHT, task)
    assert score.episodes == pytest.approx(expected, abs=1e-5)
    assert score.mean_length == pytest.approx(np.mean(lengths))


@pytest.mark.parametrize("steps", [1, judge.CHUNK - 1, judge.CHUNK, judge.CHUNK + 1, 2 * judge.CHUNK + 7])
def test_an_episode_counts_in_full_whatever_its_length(steps: int) -> None:
    """Fitness 1 a step: the sum is the number of steps."""
    task = replace(point_task(episode_steps=steps), fitness=Measure(source="1", reduce="sum"))
    score = _score(STILL, task)
    assert set(score.episodes) == {float(steps)}
    assert score.mean_length == steps


def test_playing_stops_when_all_episodes_have_ended() -> None:
    seen: list[Progress] = []
    task = point_task(episode_steps=10_000, edge=1.0)
    judge.measure([RIGHT], task, sim.make, seed=SEED, episodes=2, watch=seen.append)
    assert len(seen) == 1
    assert seen[0].stage == "judge"


def test_a_policy_scores_the_same_alone_and_in_any_company() -> None:
    [alone] = _measure(SEEK)
    assert _measure(STILL, SEEK, RIGHT)[1] == alone
    assert _measure(SEEK, SEEK) == [alone, alone]


def test_the_same_seed_gives_the_same_score_and_another_one_another() -> None:
    assert _measure(STILL) == _measure(STILL)
    assert _measure(STILL) != _measure(STILL, seed=SEED + 1)


def test_more_episodes_keep_the_ones_there_were() -> None:
    assert _score(STILL, episodes=9).episodes[:EPISODES] == _score(STILL).episodes


def test_no_policy_is_no_work() -> None:
    assert _measure() == []


def test_a_task_without_success_has_no_rate() -> None:
    score = _score(STILL, replace(point_task(), success=None))
    assert score.success_rate is None
    assert score.success_ci95 is None


def test_no_environment_reward_is_needed_to_judge() -> None:
    """A simulator whose reward is not a number changes no score."""

    class Unrewarding(PointSimulator):
        def step(self, actions: torch.Tensor) -> Frame:
            frame = super().step(actions)
            return replace(frame, reward=torch.full_like(frame.reward, math.nan))

    found = judge.measure([STILL], point_task(), Unrewarding, seed=SEED, episodes=EPISODES, watch=lambda _: None)
    assert found == _measure(STILL)


@pytest.mark.parametrize("success", [False, True], ids=["fitness", "success"])
def test_a_policy_whose_episodes_cannot_be_measured_is_rejected(success: bool) -> None:
    bad = Measure(source="sqrt(position - 0.1)", reduce="max")  # not a number left of 0.1 m
    task = replace(point_task(), success=bad) if success else replace(point_task(), fitness=bad)
    count = sum(position < 0.1 for position, _ in _starts())
    assert 0 < count < EPISODES
    [found] = _measure(STILL, task=task)
    assert isinstance(found, Rejected)
    assert found.stage == "judge"
    assert found.reason == f"The fitness or success of {count} of {EPISODES} episodes is not finite."


def test_a_broken_policy_does_not_touch_its_neighbours() -> None:
    broken, whole = _measure(_policy(always=math.nan), STILL)
    assert isinstance(broken, Rejected)
    assert [whole] == _measure(STILL)


def test_the_simulator_is_closed() -> None:
    closed: list[bool] = []

    class Watched(PointSimulator):
        def close(self) -> None:
            closed.append(True)

    judge.measure([STILL], point_task(), Watched, seed=SEED, episodes=2, watch=lambda _: None)
    assert closed == [True]


# --- at random ------------------------------------------------------------------------------------------------------


def _random(task: Task, *, seed: int = SEED, episodes: int = EPISODES) -> Score | Rejected:
    return judge.measure_random(task, sim.make, seed=seed, episodes=episodes, watch=lambda _: None)


def test_random_actions_fill_the_bounds_and_nothing_else() -> None:
    """A point starts within 1 m and moves by 0.1 m times a mean of 0: 2000 steps see every action."""
    lowest, highest = (
        _random(replace(point_task(episode_steps=2000), fitness=Measure(source=source, reduce="max")), episodes=2)
        for source in ("0 - action[0]", "action[0]")
    )
    for score in (lowest, highest):
        assert isinstance(score, Score)
        assert all(0.99 < extreme <= 1.0 for extreme in score.episodes)


def test_random_actions_differ_between_steps_and_environments_and_not_between_calls() -> None:
    first, again, other = _random(point_task()), _random(point_task()), _random(point_task(), seed=SEED + 1)
    assert isinstance(first, Score)
    assert len(set(first.episodes)) == EPISODES
    assert first == again
    assert first != other


def test_random_actions_are_judged_on_the_same_starts_as_policies() -> None:
    still = replace(point_task(episode_steps=1), fitness=Measure(source="target", reduce="final"))
    found = _random(still)
    assert isinstance(found, Score)
    assert found.episodes == _score(STILL, still).episodes


def test_random_actions_that_cannot_be_measured_have_no_score() -> None:
    assert isinstance(
        _random(replace(point_task(), fitness=Measure(source="sqrt(-1 - distance)", reduce="max"))), Rejected
    )


# --- a batch in, the same batch out ---------------------------------------------------------------------------------


def _attempt(name: str, outcome: Outcome) -> Attempt:
    return Attempt(candidate=Candidate(id=name, code="", sha256="", origin="human", model=""), outcome=outcome)


REJECTED = Rejected(stage="probe", reason="It is constant.", hint="Let it vary.")


def _trained(policy: Policy) -> Trained:
    return Trained(verified=None, policy=policy, curves=(), env_steps=1, seconds=0.0)


@given(st.lists(st.sampled_from(["still", "seek", "broken", "rejected", "drafted"]), max_size=5))
def test_a_batch_keeps_ids_and_order_and_only_what_was_trained_is_judged(kinds: list[str]) -> None:
    outcomes: dict[str, Outcome] = {
        "still": _trained(STILL),
        "seek": _trained(SEEK),
        "broken": _trained(_policy(always=math.nan)),
        "rejected": REJECTED,
        "drafted": Drafted(),
    }
    batch = [_attempt(f"g001-{i:02d}", outcomes[kind]) for i, kind in enumerate(kinds)]
    judged = judge.score(batch, point_task(), sim.make, seed=SEED, episodes=2, watch=lambda _: None)
    assert [a.id for a in judged] == [a.id for a in batch]
    for kind, before, after in zip(kinds, batch, judged, strict=True):
        if kind in ("rejected", "drafted"):
            assert after is before or after == before
        elif kind == "broken":
            assert isinstance(after.outcome, Rejected)
            assert after.fitness is None
        else:
            assert isinstance(after.outcome, Judged)
            assert after.outcome.trained is before.outcome
            assert after.fitness == pytest.approx(0.0, abs=1e-3) if kind == "seek" else after.fitness is not None


# --- intervals ------------------------------------------------------------------------------------------------------


def test_the_interval_of_a_mean_worked_out_by_hand() -> None:
    # deviation of 1 2 3 4 is sqrt(5 / 3) = 1.29099; t of 3 degrees is 3.182; 3.182 * 1.29099 / 2 = 2.05397
    assert judge.mean_ci95(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(2.05397, abs=1e-4)
    # two values: t of 1 degree is 12.706, deviation 0.70711, over sqrt 2
    assert judge.mean_ci95(np.array([1.0, 2.0])) == pytest.approx(6.353, abs=1e-3)
    assert judge.mean_ci95(np.array([3.0, 3.0, 3.0])) == 0.0


@pytest.mark.parametrize(
    ("count", "t"), [(2, 12.706), (16, 2.131), (31, 2.042), (32, 2.040), (41, 2.021), (64, 1.998), (121, 1.980)]
)
def test_the_interval_uses_students_t_as_tables_give_it(count: int, t: float) -> None:
    values = np.arange(count, dtype=float)
    assert judge.mean_ci95(values) == pytest.approx(t * values.std(ddof=1) / math.sqrt(count), rel=2e-3)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 29, 0.0061, 0.1718),  # Newcombe 1998, table I: 0.0061 to 0.1718
        (81, 263, 0.2553, 0.3662),  # the same
        (15, 148, 0.0624, 0.1605),  # the same
    ],
)
def test_wilsons_interval_equals_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert judge.wilson95(successes / n, n) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_the_rate_and_mirrors(counts: tuple[int, int]) -> None:
    successes, n = counts
    low, high = judge.wilson95(successes / n, n)
    assert 0.0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1.0
    mirrored = judge.wilson95((n - successes) / n, n)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


# --- against people's rewards ---------------------------------------------------------------------------------------


def _scored(mean: float, ci95: float = 0.5) -> Score:
    return Score(episodes=(mean, mean), mean=mean, ci95=ci95, success_rate=None, success_ci95=None, mean_length=1.0)


def _references(expert: Score | Rejected | None, sparse: Score | Rejected | None) -> Sequence[ReferenceResult]:
    found = []
    for name, score in (("expert", expert), ("sparse", sparse)):
        if score is not None:
            outcome = score if isinstance(score, Rejected) else Judged(trained=_trained(STILL), score=score)
            found.append(ReferenceResult(name=name, outcome=outcome))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("ours", "expert", "sparse", "normalised"),
    [
        (8.0, 6.0, 2.0, 1.5),  # (8 - 2) / |6 - 2|
        (6.0, 6.0, 2.0, 1.0),
        (2.0, 6.0, 2.0, 0.0),
        (0.0, 6.0, 2.0, -0.5),
        (4.0, 2.0, 6.0, -0.5),  # the expert is the worse one: (4 - 6) / |2 - 6|
    ],
)
def test_human_normalised_worked_out_by_hand(ours: float, expert: float, sparse: float, normalised: float) -> None:
    assert judge.human_normalised(_scored(ours), _references(_scored(expert), _scored(sparse))) == (normalised, "")


def test_human_normalised_is_refused_where_the_references_cannot_be_told_apart() -> None:
    # noise sqrt(3^2 + 4^2) = 5: a gap of 5 is within it, one of 5.1 is not
    close = _references(_scored(5.0, ci95=3.0), _scored(0.0, ci95=4.0))
    assert judge.human_normalised(_scored(9.0), close) == (
        None,
        "Refused: expert and sparse differ by 5, within their noise of 5.",
    )
    assert judge.human_normalised(_scored(10.2), _references(_scored(5.1, ci95=3.0), _scored(0.0, ci95=4.0))) == (
        pytest.approx(2.0),
        "",
    )


@pytest.mark.parametrize(
    ("expert", "sparse"), [(None, None), (_scored(1.0), None), (REJECTED, _scored(1.0)), (_scored(9.0), REJECTED)]
)
def test_human_normalised_needs_both_references(
    expert: Score | Rejected | None, sparse: Score | Rejected | None
) -> None:
    value, why = judge.human_normalised(_scored(1.0), _references(expert, sparse))
    assert value is None
    assert why.startswith("Not defined")
