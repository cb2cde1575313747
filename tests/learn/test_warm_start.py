"""A policy to start from: its share of the first weights, its normaliser, and nobody else's business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Trainee
from rewardsmith.learn.group import Group, fresh
from rewardsmith.learn.policy import Shape, initial
from rewardsmith.learn.ppo import Outcome
from rewardsmith.sim.point import point_task
from rewardsmith.types import Checkpoint, Policy, Trained

Train = Callable[..., list[Outcome]]
Named = Callable[[float], Trainee]

SHAPE = Shape(obs_dim=3, action_dim=1, hidden=(16, 16), activation="tanh", init_log_std=0.0)
BOUNDS = (torch.tensor([-1.0]), torch.tensor([1.0]))
CPU = torch.device("cpu")


@pytest.fixture
def parent(train: Train, trainee: Named) -> Checkpoint:
    return _checkpoint(train([trainee(0.0)], seed=1)[0])


def _trained(outcome: Outcome) -> Trained:
    assert isinstance(outcome[0], Trained)
    return outcome[0]


def _checkpoint(outcome: Outcome) -> Checkpoint:
    trained = _trained(outcome)
    return Checkpoint(policy=trained.policy, env_steps=trained.env_steps)


def _first_policy(settings: TrainSettings, start: Checkpoint | None) -> Policy:
    group = Group([fresh(SHAPE, settings, seed=9, start=start)], SHAPE, settings, device=CPU)
    return group.policy(0, *BOUNDS)


def test_a_child_of_share_one_is_its_parent_but_for_the_critic(settings: TrainSettings, parent: Checkpoint) -> None:
    child = _first_policy(settings.model_copy(update={"warm_start": 1.0}), parent).tensors
    new = initial(SHAPE, seed=9)
    for name, value in parent.policy.tensors.items():
        assert torch.equal(child[name], new[name] if name.startswith("critic.") else value), name


def test_a_smaller_share_is_fused_with_first_weights_and_the_normaliser_is_whole(
    settings: TrainSettings, parent: Checkpoint
) -> None:
    child = _first_policy(settings.model_copy(update={"warm_start": 0.25}), parent).tensors
    old, new = parent.policy.tensors, initial(SHAPE, seed=9)
    torch.testing.assert_close(child["actor.0.weight"], 0.25 * old["actor.0.weight"] + 0.75 * new["actor.0.weight"])
    torch.testing.assert_close(child["log_std"], 0.25 * old["log_std"])  # it begins at 0
    assert torch.equal(child["obs_mean"], old["obs_mean"])
    assert torch.equal(child["obs_var"], old["obs_var"])


def test_what_comes_next_moves_the_normaliser_by_its_part_of_all_that_was_seen(
    settings: TrainSettings, parent: Checkpoint
) -> None:
    state = fresh(SHAPE, settings.model_copy(update={"warm_start": 1.0}), seed=9, start=parent)
    assert float(state["obs.seen"]) == parent.env_steps == 256


def test_a_child_begins_where_its_parent_ended(train: Train, trainee: Named) -> None:
    """The parent learns to reach its target; the child's first episodes are as good, a fresh one's are not."""
    task = point_task(episode_steps=20)
    eager = {"learning_rate": 3e-3, "target_kl": None, "num_envs": 16, "rollout_steps": 32, "epochs": 8, "legs": 1}
    parent = train([trainee(0.0)], task=task, **eager, env_steps=30_000)[0]
    warm = replace(trainee(0.1), start=_checkpoint(parent))
    short = eager | {"env_steps": 2048, "warm_start": 1.0}
    [child, cold] = train([warm, replace(warm, start=None)], task=task, seed=2, **short)
    ended, begun, anew = (_fitness(o) for o in (parent, child, cold))
    assert ended[-1] > -0.2
    assert begun[0] == pytest.approx(ended[-1], abs=0.15)
    assert anew[0] < -0.5


def _fitness(outcome: Outcome) -> tuple[float, ...]:
    curve = _trained(outcome).curve("fitness")
    assert curve is not None
    return curve.values


def test_a_warm_child_is_the_same_alone_and_in_any_company(train: Train, trainee: Named, parent: Checkpoint) -> None:
    warm, other = replace(trainee(0.5), start=parent), train([trainee(1.0)], seed=4)[0]
    company = [trainee(0.5), warm, replace(trainee(0.5), start=_checkpoint(other)), warm]
    [alone] = train([warm], warm_start=0.5)
    together = train(company, warm_start=0.5)
    assert _same(together[1], alone)
    assert _same(together[3], alone)
    assert not _same(together[0], alone)
    assert not _same(together[2], alone)


def test_without_a_share_nobody_is_warmed(train: Train, trainee: Named) -> None:
    """Where a run does not want it, no trainee is given a start; see `evolve`. A fresh one is what it always was."""
    assert _same(train([trainee(0.5)])[0], train([trainee(0.5)], warm_start=0.5)[0])


def _same(one: Outcome, other: Outcome) -> bool:
    first, second = _trained(one), _trained(other)
    tensors = all(torch.equal(value, second.policy.tensors[name]) for name, value in first.policy.tensors.items())
    return tensors and first.curves == second.curves
