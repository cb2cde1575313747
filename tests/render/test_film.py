"""Playing and filming, on the point task, which needs no OpenGL."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rewardsmith import judge, sim
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Picture
from rewardsmith.render.film import Episode, film, pace, policy_player, random_player
from rewardsmith.seeds import env_seeds
from rewardsmith.sim.point import point_task
from rewardsmith.types import EnvSpec, Measure, Policy, Task

SMALL = Picture(width=64, height=48)
Shots = dict[int, list[NDArray[np.uint8]]]


@pytest.fixture
def filmed() -> Callable[..., tuple[tuple[Episode, ...], Shots]]:
    """Films random play, or a policy's; returns what the episodes came to and the pictures by episode."""

    def run(
        task: Task, *, policy: Policy | None = None, episodes: int = 1, every: int = 1, **more: Any
    ) -> tuple[tuple[Episode, ...], Shots]:
        shots: Shots = {}
        player = random_player(0) if policy is None else policy_player(policy, task)
        played, chosen = film(
            player, task, env_seeds=env_seeds(5, episodes), picture=SMALL, every=every,
            take=lambda episode, pixels: shots.setdefault(episode, []).append(pixels), **more,
        )  # fmt: skip
        assert sorted(shots) == sorted(chosen)
        return played, shots

    return run


@given(dt=st.floats(0.001, 0.5), fps=st.floats(1.0, 120.0))
def test_pictures_pass_as_fast_as_they_happened_and_no_faster_than_asked(dt: float, fps: float) -> None:
    found = pace(dt, at_most=fps)
    assert float(found.rate) * found.every * dt == pytest.approx(1.0, rel=0.01)
    assert found.every == 1 or float(found.rate) <= fps * 1.01


@pytest.mark.parametrize(("dt", "every", "rate"), [(0.05, 1, 20), (0.02, 2, 25), (0.008, 5, 25), (1 / 30, 1, 30)])
def test_thirty_pictures_a_second_at_most_of_common_control_rates(dt: float, every: int, rate: int) -> None:
    found = pace(dt, at_most=30.0)
    assert (found.every, found.rate) == (every, rate)


@pytest.mark.parametrize("every", [1, 3, 7, 50])
def test_the_first_state_every_kth_and_the_last_are_filmed(filmed: Any, every: int) -> None:
    played, shots = filmed(point_task(), every=every)
    assert played[0].length == 20
    assert len(shots[0]) == math.ceil(20 / every) + 1


def test_an_episode_that_ends_early_is_filmed_to_its_own_end(filmed: Any) -> None:
    played, shots = filmed(point_task(episode_steps=200, edge=1.2), episodes=4)
    lengths = {e.number: e.length for e in played}
    assert min(lengths.values()) < 200
    assert {number: len(pictures) for number, pictures in shots.items()} == {n: k + 1 for n, k in lengths.items()}


def test_pictures_are_of_the_size_asked_for_and_change_as_the_point_moves(filmed: Any, point_policy: Policy) -> None:
    _, shots = filmed(point_task(), policy=point_policy)
    assert {p.shape for p in shots[0]} == {(48, 64, 3)}
    assert {p.dtype for p in shots[0]} == {np.dtype(np.uint8)}
    assert all(p.min() < p.max() for p in shots[0])
    assert (shots[0][0] != shots[0][-1]).any()


def test_what_is_filmed_is_what_the_judge_measures_on_the_same_seeds(filmed: Any, point_policy: Policy) -> None:
    played, _ = filmed(point_task(), policy=point_policy, episodes=4)
    [judged] = judge.play([("p", point_policy)], point_task(), sim.make, seed=5, episodes=4, watch=lambda _: None)
    assert isinstance(judged, judge.Played)
    assert tuple(e.fitness for e in played) == judged.score.episodes
    assert [e.success for e in played] == [True] * 4


@pytest.mark.parametrize(("pick", "of"), [("best", max), ("worst", min)])
def test_the_best_or_the_worst_of_several_is_filmed_and_all_are_told(filmed: Any, pick: str, of: Any) -> None:
    everything, _ = filmed(point_task(), episodes=6)
    played, shots = filmed(point_task(), episodes=6, pick=pick)
    assert played == everything
    assert list(shots) == [of(played, key=lambda e: e.fitness).number]


def test_random_play_is_the_same_for_the_same_seed(filmed: Any) -> None:
    _, once = filmed(point_task())
    _, again = filmed(point_task())
    assert all((a == b).all() for a, b in zip(once[0], again[0], strict=True))


def test_a_random_episode_is_the_same_however_many_are_played_with_it(filmed: Any) -> None:
    [first], _ = filmed(point_task())
    several, _ = filmed(point_task(), episodes=4)
    assert several[0] == first
    assert len({episode.fitness for episode in several}) == 4


def test_a_policy_of_other_observations_is_refused_with_both_sizes(filmed: Any, point_policy: Policy) -> None:
    wide = {**point_policy.tensors, "obs_mean": point_policy.tensors["obs_mean"].repeat(1, 2)}
    wide["obs_var"] = wide["obs_mean"] + 1.0
    wide["actor.0.weight"] = wide["critic.0.weight"] = wide["actor.0.weight"].repeat(2, 1)
    with pytest.raises(
        ConfigError, match=r"sees 6 numbers and gives 1; task 'point' shows 3 and takes 1\. Expected the task"
    ):
        filmed(point_task(), policy=Policy(tensors=wide))


def test_a_policy_of_other_actions_is_refused_with_both_sizes(filmed: Any, point_policy: Policy) -> None:
    wide = {
        n: t.repeat(1, 2) if n.startswith(("actor", "action", "log")) else t for n, t in point_policy.tensors.items()
    }
    with pytest.raises(ConfigError, match=r"sees 3 numbers and gives 2; task 'point' shows 3 and takes 1\."):
        filmed(point_task(), policy=Policy(tensors=wide))


def test_a_fitness_that_is_no_number_is_told_as_none_and_cannot_be_picked_by(filmed: Any) -> None:
    broken = replace(point_task(), fitness=Measure(source="(obs[0] - obs[0]) / (obs[0] - obs[0])", reduce="final"))
    played, shots = filmed(broken)
    assert played[0].fitness is None
    assert shots[0]
    with pytest.raises(ConfigError, match="None of 2 episodes of 'point' has a finite fitness"):
        filmed(broken, episodes=2, pick="best")


def test_a_simulator_without_pictures_is_refused(filmed: Any) -> None:
    blind = replace(point_task(), env=EnvSpec(backend="rewardsmith.sim.frames:FrameMaker", id="x"))
    with pytest.raises(ConfigError, match="FrameMaker' draws no pictures: it has no method 'render'"):
        filmed(blind)
