"""The run's known episodes: how many stay, which, and what a reward is on them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.config import PoolSettings
from rewardsmith.graph import RewardGraph
from rewardsmith.pool import Pool, kept, rewards, rows
from rewardsmith.types import (
    Attempt,
    Candidate,
    Generation,
    Judged,
    Policy,
    Rejected,
    Score,
    Trained,
    Trajectory,
)


def _episode(fitness: float, *, success: bool | None = None, source: str = "g001-00", steps: int = 2) -> Trajectory:
    return Trajectory(
        source=source,
        signals={"speed": torch.arange(steps + 1.0), "place": torch.arange(2.0 * steps + 2).reshape(steps + 1, 2)},
        actions=torch.zeros(steps, 1),
        fitness_steps=torch.zeros(steps),
        expert=None,
        fitness=fitness,
        success=success,
        terminated=False,
    )


episodes = st.lists(
    st.builds(
        _episode,
        st.integers(-5, 5).map(float),
        success=st.sampled_from([None, True, False]),
        source=st.sampled_from(["g001-00", "random", "expert"]),
    ),
    max_size=40,
)
caps = st.integers(2, 30)


def _places(found: Sequence[Trajectory], known: Sequence[Trajectory]) -> list[int]:
    return [next(i for i, t in enumerate(known) if t is one) for one in found]


# --- which stay -----------------------------------------------------------------------------------------------------


@given(episodes, caps)
def test_as_many_stay_as_there_is_room_for_in_their_order(known: list[Trajectory], keep: int) -> None:
    found = kept(known, keep)
    assert len(found) == min(keep, len(known))
    assert _places(found, known) == sorted(_places(found, known))
    assert len({id(t) for t in found}) == len(found)


@given(episodes, caps)
def test_choosing_again_changes_nothing(known: list[Trajectory], keep: int) -> None:
    once = kept(known, keep)
    assert all(one is other for one, other in zip(kept(once, keep), once, strict=True))


@given(episodes, st.integers(6, 30))
def test_successes_and_failures_both_stay(known: list[Trajectory], keep: int) -> None:
    assert {t.success for t in kept(known, keep)} == {t.success for t in known}


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=40), caps)
def test_the_worst_and_the_best_stay(fitness: list[int], keep: int) -> None:
    found = [t.fitness for t in kept([_episode(float(f)) for f in fitness], keep)]
    assert min(found) == min(fitness)
    assert max(found) == max(fitness)


@given(st.integers(1, 20), st.integers(1, 20), caps)
def test_of_two_labels_each_has_half_or_all_it_has(good: int, bad: int, keep: int) -> None:
    known = [_episode(float(i), success=True) for i in range(good)]
    known += [_episode(float(-i), success=False) for i in range(bad)]
    found = [t.success for t in kept(known, keep)]
    assert found.count(True) >= min(good, keep // 2)
    assert found.count(False) >= min(bad, keep // 2)


def test_of_episodes_of_the_same_worth_the_oldest_leave_first() -> None:
    # 12 of fitness 0 to 3 in turn; 6 stay: the ends (0 and 11), and the newest of four regions of the ten between.
    # Those are by rank 4 8 | 1 5 9 | 2 6 | 10 3 7, whose fitness is 0 0 | 1 1 1 | 2 2 | 2 3 3
    known = [_episode(float(i % 4)) for i in range(12)]
    assert _places(kept(known, 6), known) == [0, 6, 8, 9, 10, 11]


def test_references_stay_up_to_half() -> None:
    known = [*(_episode(0.0, source="random") for _ in range(8)), *(_episode(float(i)) for i in range(20))]
    found = [t.source for t in kept(known, 10)]
    assert found.count("random") == 5
    found = [t.source for t in kept(known, 20)]
    assert found.count("random") == 8
    assert [t.source for t in kept(known[:11], 10)].count("random") == 7  # the three others leave room


# --- over a run -----------------------------------------------------------------------------------------------------


def _generation(index: int, *fitness: float) -> Generation:
    name = f"g{index:03d}-00"
    score = Score(episodes=(0.0,), mean=0.0, ci95=0.0, success_rate=None, success_ci95=None, mean_length=1.0)
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=(), env_steps=1, seconds=0.0)
    judged = Judged(trained=trained, score=score, trajectories=tuple(_episode(f, source=name) for f in fitness))
    rejected = Rejected(stage="probe", reason="", hint="")
    outcomes = {name: judged, f"g{index:03d}-01": rejected}
    attempts = tuple(
        Attempt(candidate=Candidate(id=i, code="", sha256="", origin="human", model=""), outcome=o)
        for i, o in outcomes.items()
    )
    return Generation(index=index, chain=0, attempts=attempts)


histories = st.lists(st.lists(st.integers(-5, 5).map(float), max_size=6), max_size=6).map(
    lambda fitness: [_generation(i, *f) for i, f in enumerate(fitness)]
)


@given(histories, st.integers(2, 12), st.integers(0, 3))
def test_a_replayed_pool_equals_the_one_that_grew(history: list[Generation], keep: int, max_age: int) -> None:
    settings = PoolSettings(keep=keep, max_age=max_age)
    start = [_episode(float(i), source="random") for i in range(3)]
    for known in range(len(history) + 1):
        grown = Pool.replay(history[:known], settings, start=start)
        for generation in history[known:]:
            grown.add(generation.attempts, generation=generation.index)
        whole = Pool.replay(history, settings, start=start)
        assert [id(t) for t in grown.trajectories] == [id(t) for t in whole.trajectories]
        assert len(whole.trajectories) <= keep


def test_an_episode_leaves_when_it_is_too_old_and_what_the_run_began_with_stays() -> None:
    start = [_episode(0.0, source="random"), _episode(0.0, source="other-run/g001-00")]
    pool = Pool(PoolSettings(max_age=1), start=start)
    seen = []
    for index in range(1, 5):
        pool.add(_generation(index, 1.0).attempts, generation=index)
        seen.append([t.source for t in pool.trajectories[2:]])
    assert seen == [["g001-00"], ["g001-00", "g002-00"], ["g002-00", "g003-00"], ["g003-00", "g004-00"]]
    assert [t.source for t in pool.trajectories[:2]] == ["random", "other-run/g001-00"]


# --- what a reward is on them ---------------------------------------------------------------------------------------

GRAPH = (
    '{"version":1,"inputs":["speed"],"unused":[],"constants":[],"nodes":[],'
    '"total":{"t":0},"components":[["speed",{"t":0}]]}'
)


def test_rows_are_a_signal_after_the_step_before_it_and_how_far_the_episode_is() -> None:
    found = rows(_episode(0.0), ("speed", "prev_speed", "place", "episode_progress"), episode_steps=4)
    assert found["speed"].tolist() == [1.0, 2.0]
    assert found["prev_speed"].tolist() == [0.0, 1.0]
    assert found["place"].tolist() == [[2.0, 3.0], [4.0, 5.0]]
    assert found["episode_progress"].tolist() == [0.25, 0.5]


@pytest.mark.parametrize("lengths", [[], [2], [3, 1, 2]])
def test_a_reward_is_computed_on_each_episode_by_itself(lengths: list[int]) -> None:
    graph = RewardGraph.from_json(GRAPH, signals={"speed": ()})
    found = rewards(graph, [_episode(0.0, steps=n) for n in lengths], episode_steps=10)
    assert [total.tolist() for total, _ in found] == [[i + 1.0 for i in range(n)] for n in lengths]
    assert all(torch.equal(components["speed"], total) for total, components in found)


def test_a_wide_reward_takes_the_memory_of_some_rows_whatever_the_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = RewardGraph.from_json(GRAPH, signals={"speed": ()})
    long = [_episode(0.0, steps=n) for n in (700, 1, 800)]
    whole = rewards(graph, long, episode_steps=1000)
    seen: list[int] = []
    run = graph._run
    monkeypatch.setattr(graph, "_block", 512)
    monkeypatch.setattr(graph, "_run", lambda once, speed: seen.append(len(speed)) or run(once, speed))
    found = rewards(graph, long, episode_steps=1000)
    assert seen == [512, 512, 477]
    assert all(torch.equal(total, expected) for (total, _), (expected, _) in zip(found, whole, strict=True))
    assert all(torch.equal(parts["speed"], total) for total, parts in found)
