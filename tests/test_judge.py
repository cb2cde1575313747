"""Judging: one episode an environment, by fitness alone, with intervals that the tables confirm."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import judge, memory, sim
from rewardsmith.interfaces import Frame, Progress
from rewardsmith.seeds import env_seeds
from rewardsmith.sim.point import REACHED_M, STRIDE_M, PointSimulator, point_task
from rewardsmith.types import (
    Attempt,
    Candidate,
    Checkpoint,
    Drafted,
    Judged,
    Measure,
    Outcome,
    Policy,
    References,
    Rejected,
    Score,
    Signal,
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


# --- episodes kept whole --------------------------------------------------------------------------------------------


def _play(*policies: Policy, task: Task | None = None, keep: int = 4, episodes: int = EPISODES) -> list[judge.Played]:
    entries = [(f"g001-{i:02d}", policy) for i, policy in enumerate(policies)]
    found = judge.play(
        entries, task or point_task(), sim.make, seed=SEED, episodes=episodes, watch=lambda _: None, keep=keep
    )
    assert all(isinstance(played, judge.Played) for played in found)
    return [played for played in found if isinstance(played, judge.Played)]


def test_the_episodes_kept_go_from_the_worst_to_the_best() -> None:
    [played] = _play(STILL)
    ranked = sorted(played.score.episodes)
    # ranks 0, 1.67, 3.33 and 5 of six: the second to worst and the second to best lie between
    assert [t.fitness for t in played.trajectories] == [ranked[0], ranked[2], ranked[3], ranked[5]]
    assert {t.source for t in played.trajectories} == {"g001-00"}


def test_keeping_episodes_changes_no_score() -> None:
    assert [played.score for played in _play(STILL, SEEK)] == _measure(STILL, SEEK)


@pytest.mark.parametrize(("keep", "count"), [(0, 0), (1, 1), (2, 2), (EPISODES, EPISODES), (64, EPISODES)])
def test_no_more_episodes_are_kept_than_were_asked_for_and_played(keep: int, count: int) -> None:
    [played] = _play(STILL, keep=keep)
    assert len(played.trajectories) == count
    if count:
        assert played.trajectories[-1].fitness == max(played.score.episodes)


@pytest.mark.parametrize("steps", [1, judge.CHUNK - 1, judge.CHUNK, 2 * judge.CHUNK + 7])
def test_a_trajectory_holds_every_state_once_from_the_first_to_the_last(steps: int) -> None:
    """The point moves by 0.1 m times the action: whatever is kept must obey that at every step."""
    [played] = _play(SEEK, task=point_task(episode_steps=steps))
    for one in played.trajectories:
        position, target = one.signals["position"], one.signals["target"]
        assert position.shape == (steps + 1,)
        assert one.actions.shape == (steps, 1)
        assert one.fitness_steps.shape == (steps,)
        torch.testing.assert_close(position[1:] - position[:-1], STRIDE_M * one.actions[:, 0], atol=1e-6, rtol=0)
        torch.testing.assert_close(one.fitness_steps, -(target - position)[1:].abs())
        assert one.signals["action"].shape == (steps + 1, 1)
        torch.testing.assert_close(one.signals["action"][1:], one.actions)
        assert one.signals["action"][0] == 0.0  # nothing led to the first state
        assert one.expert is not None
        torch.testing.assert_close(one.expert, one.fitness_steps)  # the point's reward is -distance, too
        assert one.fitness == pytest.approx(float(one.fitness_steps[-1]))
        assert one.success == (one.fitness > -REACHED_M)
        assert not one.terminated


def test_a_trajectory_ends_with_its_episode_and_says_that_it_was_terminated() -> None:
    [played] = _play(RIGHT, task=point_task(episode_steps=200, edge=1.0))
    for one in played.trajectories:
        assert one.terminated
        assert bool((one.signals["position"][:-1] <= 1.0).all())
        assert one.signals["position"][-1] > 1.0


def test_a_trajectory_is_the_same_alone_and_in_company(monkeypatch: pytest.MonkeyPatch) -> None:
    [alone] = _play(SEEK)
    among = _play(STILL, SEEK, RIGHT)[1]
    monkeypatch.setattr(judge, "recordable", lambda task, *, episodes: 1)  # noqa: ARG005 - every policy on its own
    apart = _play(STILL, SEEK, RIGHT)[1]
    for one, other, third in zip(alone.trajectories, among.trajectories, apart.trajectories, strict=True):
        assert torch.equal(one.actions, other.actions)
        assert torch.equal(other.signals["position"], third.signals["position"])
        assert one.fitness == other.fitness == third.fitness


def test_where_memory_is_short_policies_are_played_one_after_the_other_with_the_same_scores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[int] = []

    class Counted(PointSimulator):
        def reset(self) -> Frame:
            built.append(self.num_envs)
            return super().reset()

    def scores() -> list[Score | Rejected]:
        policies = [STILL, SEEK, RIGHT]
        return judge.measure(policies, point_task(), Counted, seed=SEED, episodes=EPISODES, watch=lambda _: None)

    together = scores()
    assert built == [3 * EPISODES]
    monkeypatch.setattr(memory, "at_once", lambda *_: 2)
    assert scores() == together
    assert built[1:] == [2 * EPISODES, EPISODES]


def test_an_episode_with_a_signal_that_is_no_number_is_not_kept() -> None:
    task = point_task()
    odd = Signal(name="odd", shape=(), unit="1", doc="", source="sqrt(obs[0] - 0.1)")
    [played] = _play(STILL, task=replace(task, signals=(*task.signals, odd)), keep=EPISODES)
    assert len(played.trajectories) == sum(position >= 0.1 for position, _ in _starts())


def test_an_episode_whose_expert_reward_alone_is_no_number_is_kept_without_it() -> None:
    task = replace(point_task(), references=References(expert="sqrt(obs[0] - 0.1)"))
    [played] = _play(STILL, task=task, keep=EPISODES)
    assert len(played.trajectories) == EPISODES
    assert sum(t.expert is not None for t in played.trajectories) == sum(p >= 0.1 for p, _ in _starts())


def test_a_task_without_an_expert_or_success_has_trajectories_without_either() -> None:
    task = replace(point_task(), success=None, references=References(expert=None))
    [played] = _play(STILL, task=task)
    assert all(t.expert is None and t.success is None for t in played.trajectories)


def test_random_play_can_be_kept_too_and_is_the_same_each_time() -> None:
    first, again = (
        judge.play_random(point_task(), sim.make, seed=SEED, episodes=EPISODES, watch=lambda _: None, keep=3)
        for _ in range(2)
    )
    assert isinstance(first, judge.Played)
    assert isinstance(again, judge.Played)
    assert [t.source for t in first.trajectories] == ["random"] * 3
    for one, other in zip(first.trajectories, again.trajectories, strict=True):
        assert torch.equal(one.actions, other.actions)


# --- a fitness that nobody is told ----------------------------------------------------------------------------------


def test_the_hidden_fitness_is_measured_on_the_same_episodes() -> None:
    # |action| summed over 20 steps: a point that stays spends nothing, one that goes right spends 20
    task = replace(point_task(), hidden_fitness=Measure(source="0 - abs(action[0])", reduce="sum"))
    still, right = _measure(STILL, RIGHT, task=task)
    assert isinstance(still, Score)
    assert isinstance(right, Score)
    assert still.hidden == (0.0,) * EPISODES
    assert right.hidden_mean == -20.0
    assert replace(right, hidden=()) == _score(RIGHT)


def test_a_hidden_fitness_that_is_no_number_rejects_nobody_and_is_left_out() -> None:
    task = replace(point_task(), hidden_fitness=Measure(source="sqrt(-1 - distance)", reduce="max"))
    assert _score(STILL, task) == _score(STILL)
    assert _score(STILL, task).hidden_mean is None


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


# --- two checkpoints ------------------------------------------------------------------------------------------------

BROKEN = _policy(always=math.nan)


def _judged(last: Policy, peak: Policy | None, keep: int = 2) -> Judged | Rejected:
    trained = replace(_trained(last), peak=Checkpoint(policy=peak, env_steps=1) if peak else None)
    [found] = judge.outcomes(
        [("g001-00", trained)], point_task(), sim.make, seed=SEED, episodes=EPISODES, watch=lambda _: None, keep=keep
    )
    return found


@pytest.mark.parametrize(
    ("last", "peak", "checkpoint"),
    [
        (SEEK, STILL, "last"),
        (STILL, SEEK, "peak"),
        (STILL, STILL, "last"),
        (STILL, None, "last"),
        (BROKEN, SEEK, "peak"),
        (SEEK, BROKEN, "last"),
    ],
    ids=["last-is-better", "peak-is-better", "equal", "no-peak", "last-is-broken", "peak-is-broken"],
)
def test_the_better_checkpoint_is_the_one_that_counts(last: Policy, peak: Policy | None, checkpoint: str) -> None:
    found = _judged(last, peak)
    assert isinstance(found, Judged)
    assert found.checkpoint == checkpoint
    chosen, left = (last, peak) if checkpoint == "last" else (peak, last)
    assert found.policy is chosen
    assert chosen is not None
    assert found.score == _score(chosen)
    assert found.other == (None if left is None or left is BROKEN else _score(left))
    [played] = _play(chosen, keep=2)
    assert [t.fitness for t in found.trajectories] == [t.fitness for t in played.trajectories]


def test_what_was_chosen_is_measured_again_on_episodes_that_chose_nothing() -> None:
    chosen, broken = _judged(STILL, SEEK), _judged(BROKEN, None)
    again, still = judge.measured_again(
        [chosen, broken], point_task(), sim.make, seed=SEED + 1, episodes=3, watch=lambda _: None
    )
    assert isinstance(chosen, Judged)
    assert isinstance(again, Judged)
    assert again == replace(chosen, score=again.score), "only the score is another"
    assert [again.score] == _measure(SEEK, seed=SEED + 1, episodes=3)
    assert still is broken


def test_a_training_whose_checkpoints_both_break_is_rejected() -> None:
    assert isinstance(_judged(BROKEN, BROKEN), Rejected)


def test_in_a_batch_every_attempt_keeps_its_own_episodes() -> None:
    two = replace(_trained(STILL), peak=Checkpoint(policy=SEEK, env_steps=1))
    batch = [_attempt("g001-00", two), _attempt("g001-01", REJECTED), _attempt("g001-02", _trained(RIGHT))]
    found = judge.score(batch, point_task(), sim.make, seed=SEED, episodes=EPISODES, watch=lambda _: None, keep=2)
    sources = [[t.source for t in a.outcome.trajectories] if isinstance(a.outcome, Judged) else None for a in found]
    assert sources == [["g001-00"] * 2, None, ["g001-02"] * 2]
    assert [a.fitness for a in found] == [_score(SEEK).mean, None, _score(RIGHT).mean]


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
