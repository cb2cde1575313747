"""What is measured before the first generation: random play and the references, the same each time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rewardsmith import judge, sim
from rewardsmith.config import EvolveConfig, PoolSettings, ScreenSettings
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.opening import noised_expert, random_episodes, references
from rewardsmith.seeds import stream
from rewardsmith.sim.point import point_task
from rewardsmith.types import Judged, Measure, Policy, ReferenceResult, References, Task, Trajectory

TASK = point_task(episode_steps=10)


def _random(config: EvolveConfig, task: Task = TASK) -> tuple[Trajectory, ...]:
    return random_episodes(task, sim.make, config, watch=lambda _: None)


@pytest.mark.parametrize("count", [0, 1, 2, 16])
def test_as_many_random_episodes_are_played_as_were_asked_for(config: EvolveConfig, count: int) -> None:
    found = _random(config.model_copy(update={"pool": PoolSettings(random=count)}))
    assert [t.source for t in found] == ["random"] * count
    assert all(len(t.actions) == 10 for t in found)


def test_random_episodes_follow_from_the_runs_seed(config: EvolveConfig) -> None:
    first, again, other = _random(config), _random(config), _random(config.model_copy(update={"seed": 99}))
    assert all(torch.equal(one.actions, two.actions) for one, two in zip(first, again, strict=True))
    assert not any(torch.equal(one.actions, two.actions) for one, two in zip(first, other, strict=True))


def test_where_random_play_has_no_fitness_a_run_begins_with_nothing(config: EvolveConfig) -> None:
    assert _random(config, replace(TASK, fitness=Measure(source="sqrt(-1 - distance)", reduce="max"))) == ()


def trained_references(task: Task, config: EvolveConfig) -> tuple[ReferenceResult, ...]:
    return references(task, PopulationPPO(config.train, sim.make), sim.make, config, watch=lambda _: None)


def test_references_are_trained_at_a_candidates_budget_and_judged_on_final_episodes(config: EvolveConfig) -> None:
    found = {r.name: r.outcome for r in trained_references(TASK, config)}
    assert set(found) == {"expert", "sparse"}
    for outcome in found.values():
        assert isinstance(outcome, Judged)
        assert outcome.trained.verified is None
        assert outcome.trained.env_steps == config.train.env_steps
        assert len(outcome.score.episodes) == config.judge.final_episodes


def test_what_references_leave_was_played_on_seeds_that_the_final_score_is_not_of(config: EvolveConfig) -> None:
    for result in trained_references(TASK, config):
        assert isinstance(result.outcome, Judged)
        kept = result.outcome.trajectories
        assert [t.source for t in kept] == [result.name] * config.judge.keep
        assert not {t.fitness for t in kept} & set(result.outcome.score.episodes)
        [again] = judge.measure(
            [result.outcome.policy],
            TASK,
            sim.make,
            seed=stream(config.seed, 0, "finals"),
            episodes=config.judge.final_episodes,
            watch=lambda _: None,
        )
        assert result.outcome.score == again


def test_the_expert_is_played_with_noise_where_a_screen_asks_for_it_and_nowhere_else(config: EvolveConfig) -> None:
    measured = trained_references(TASK, config)

    def noised(wanted: EvolveConfig, known: tuple[ReferenceResult, ...]) -> tuple[Trajectory, ...]:
        return noised_expert(TASK, known, sim.make, wanted, watch=lambda _: None)

    asking = config.model_copy(update={"screen": ScreenSettings(demonstration=True)})
    found = noised(asking, measured)
    assert [t.source for t in found] == ["noised"] * config.judge.keep
    assert all(torch.equal(a.actions, b.actions) for a, b in zip(found, noised(asking, measured), strict=True))
    assert noised(config, measured) == ()
    assert noised(asking, ()) == ()


def test_half_of_a_noised_action_is_the_policys_own(config: EvolveConfig) -> None:
    """A policy that always pushes with 1, of -1 to 1: half of that and half of anything is 0 to 1."""
    expert = trained_references(TASK, config)[1].outcome
    assert isinstance(expert, Judged)
    pushing = Policy(tensors={**expert.policy.tensors, "actor.1.bias": torch.full((1, 1), 1e3)})
    played = judge.play_noised(pushing, TASK, sim.make, seed=0, episodes=4, keep=4, watch=lambda _: None)
    assert isinstance(played, judge.Played)
    actions = torch.cat([t.actions for t in played.trajectories])
    assert 0.0 <= float(actions.min()) < 0.2
    assert 0.8 < float(actions.max()) <= 1.0


def test_a_task_without_an_expert_reward_has_the_sparse_one_alone(config: EvolveConfig) -> None:
    bare = replace(TASK, references=References(expert=None))
    assert [r.name for r in trained_references(bare, config)] == ["sparse"]
