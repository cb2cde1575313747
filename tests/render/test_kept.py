"""An episode that was kept, found again among its seeds and played again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rewardsmith import judge, sim, taskfile
from rewardsmith.errors import RunError
from rewardsmith.interfaces import Picture
from rewardsmith.render.film import film, policy_player
from rewardsmith.render.kept import film_kept, seed_of
from rewardsmith.seeds import env_seeds
from rewardsmith.sim.point import point_task
from rewardsmith.types import EnvSpec, Measure, Policy, References, Signal, Task, Trajectory

SMALL = Picture(width=64, height=48)


@pytest.fixture
def kept(point_policy: Policy) -> tuple[Trajectory, ...]:
    [played] = judge.play(
        [("g001-00", point_policy)], point_task(), sim.make, seed=9, episodes=5, watch=lambda _: None, keep=5
    )
    assert isinstance(played, judge.Played)
    return played.trajectories


@pytest.fixture
def shots() -> Callable[[], tuple[list[NDArray[np.uint8]], Callable[[int, NDArray[np.uint8]], None]]]:
    def make() -> tuple[list[NDArray[np.uint8]], Callable[[int, NDArray[np.uint8]], None]]:
        taken: list[NDArray[np.uint8]] = []
        return taken, lambda _, picture: taken.append(picture)

    return make


def test_every_kept_episode_knows_its_seed(kept: tuple[Trajectory, ...]) -> None:
    assert sorted(seed_of(t, point_task(), env_seeds=()) for t in kept) == sorted(env_seeds(9, 5))


def test_an_episode_that_does_not_know_its_seed_is_found_under_another_of_those_given(
    kept: tuple[Trajectory, ...],
) -> None:
    seeds, older = env_seeds(9, 5), [replace(t, env_seed=None) for t in kept]
    assert sorted(seed_of(t, point_task(), env_seeds=seeds) for t in older) == sorted(seeds)
    with pytest.raises(RunError, match="it was kept without the seed of its environment"):
        seed_of(older[0], point_task(), env_seeds=())


def test_a_kept_episode_shows_what_its_policy_shows(
    kept: tuple[Trajectory, ...], point_policy: Policy, shots: Callable[[], tuple[list[NDArray[np.uint8]], object]]
) -> None:
    best = kept[-1]
    again, take_again = shots()
    episode = film_kept(best, point_task(), env_seeds=env_seeds(9, 5), picture=SMALL, every=2, take=take_again)  # type: ignore[arg-type]
    live, take_live = shots()
    film(
        policy_player(point_policy, point_task()), point_task(),
        env_seeds=[episode.env_seed], picture=SMALL, every=2, take=take_live,  # type: ignore[arg-type]
    )  # fmt: skip
    assert (episode.fitness, episode.success, episode.length) == (best.fitness, True, 20)
    assert len(again) == len(live) == 11
    assert all((a == b).all() for a, b in zip(again, live, strict=True))


def test_an_episode_of_other_seeds_cannot_be_played_again(kept: tuple[Trajectory, ...]) -> None:
    with pytest.raises(RunError, match="'g001-00' cannot be played again: none of its 3 seeds gives it here"):
        seed_of(replace(kept[0], env_seed=None), point_task(), env_seeds=env_seeds(10, 3))
    with pytest.raises(RunError, match="'g001-00' cannot be played again: its seed does not give it here"):
        seed_of(replace(kept[0], env_seed=7), point_task(), env_seeds=env_seeds(9, 5))


def test_what_a_gpu_played_is_not_played_again(kept: tuple[Trajectory, ...]) -> None:
    task = replace(point_task(), env=EnvSpec(backend="mjcf", id="robot.xml", options={"device": "cuda"}))
    with pytest.raises(RunError, match="'g001-00' cannot be played again: a GPU repeats no physics exactly"):
        seed_of(kept[0], task, env_seeds=env_seeds(9, 5))


def test_an_episode_whose_actions_were_changed_is_not_passed_off_as_itself(kept: tuple[Trajectory, ...]) -> None:
    forged = replace(kept[0], actions=torch.ones_like(kept[0].actions))
    with pytest.raises(RunError, match="cannot be played again"):
        seed_of(forged, point_task(), env_seeds=env_seeds(9, 5))


def test_an_episode_that_goes_on_after_what_was_kept_is_an_error(kept: tuple[Trajectory, ...]) -> None:
    longer = point_task(episode_steps=30)
    with pytest.raises(RunError, match="goes on after the 20 steps that were kept"):
        film_kept(kept[0], longer, env_seeds=env_seeds(9, 5), picture=SMALL, every=1, take=lambda *_: None)


def half_cheetah() -> Task:
    return Task(
        name="half_cheetah",
        goal="Run.",
        env=EnvSpec(backend="gymnasium", id="HalfCheetah-v5"),
        signals=(Signal(name="pose", shape=(8,), unit="1", doc="height and joints", source="obs[0:8]"),),
        fitness=Measure(source="reward", reduce="sum"),
        success=None,
        references=References(),
        episode_steps=40,
        control_dt_s=0.05,
    )


@pytest.mark.usefixtures("opengl_draws")
@pytest.mark.parametrize("name", ["half_cheetah", "cartpole_swingup"])
def test_physics_give_a_kept_episode_again(name: str) -> None:
    task = half_cheetah() if name == "half_cheetah" else replace(taskfile.load(name).task, episode_steps=40)
    played = judge.play_random(task, sim.make, seed=4, episodes=3, watch=lambda _: None, keep=3)
    assert isinstance(played, judge.Played)
    seeds = env_seeds(4, 3)
    assert sorted(seed_of(t, task, env_seeds=seeds) for t in played.trajectories) == sorted(seeds)
