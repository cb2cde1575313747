"""Training as a stage: what was verified goes in, its cost is charged, and everything else passes by."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import sim, train
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import Rollout, Trainee, Watcher
from rewardsmith.play import random_rollout
from rewardsmith.readings import Readings
from rewardsmith.sim.point import point_task
from rewardsmith.types import (
    Attempt,
    Candidate,
    Drafted,
    Judged,
    Outcome,
    Policy,
    Rejected,
    Score,
    Spend,
    Task,
    Trained,
    Verified,
)

TASK = point_task(episode_steps=5)


def _graph(total: str, *components: str) -> RewardGraph:
    """A graph that hands its inputs through: the total is the first of them."""
    inputs = sorted({total, *components})
    listed = ",".join(f'["{name}",{{"t":{inputs.index(name)}}}]' for name in components)
    text = (
        f'{{"version":1,"inputs":[{",".join(f"{chr(34)}{n}{chr(34)}" for n in inputs)}],"unused":[],"constants":[],'
        f'"nodes":[],"total":{{"t":{inputs.index(total)}}},"components":[{listed}]}}'
    )
    return RewardGraph.from_json(text, signals=allowed_inputs(TASK))


@pytest.fixture(scope="module")
def rollout() -> Rollout:
    return random_rollout(TASK, sim.make, seed=0, num_envs=3, steps=12)


def test_a_graph_scores_whole_rollouts_row_by_row(rollout: Rollout) -> None:
    readings = Readings(TASK)
    reward = train.graph_reward(_graph("distance", "distance", "prev_position", "episode_progress"), readings)
    total, components = reward(rollout)
    assert torch.equal(total, rollout.info["distance"][1:])
    assert torch.equal(components["prev_position"], rollout.obs["obs"][:-1, :, 0])
    assert torch.equal(components["episode_progress"], rollout.elapsed[1:] / 5)
    assert {tuple(v.shape) for v in components.values()} == {(12, 3)}


def test_a_rollout_of_more_rows_than_a_block_is_scored_just_the_same(
    rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = _graph("distance", "distance", "prev_position")
    reward = train.graph_reward(graph, Readings(TASK))
    whole, parts = reward(rollout)
    monkeypatch.setattr(graph, "_block", 8)  # of 36 rows
    total, components = reward(rollout)
    assert torch.equal(total, whole)
    assert all(torch.equal(components[name], parts[name]) for name in parts)


def test_references_are_the_environments_reward_and_the_sparse_quantity_without_components(rollout: Rollout) -> None:
    readings = Readings(TASK)
    expert, none = train.expert_reward(readings)(rollout)
    sparse, nothing = train.sparse_reward(readings)(rollout)
    assert torch.equal(expert, rollout.reward)
    assert torch.equal(sparse, rollout.info["reached"][1:])
    assert none == nothing == {}


class _Learner:
    """A learner that learns nothing: it takes 100 steps, keeps whom it was given, and gives up on ids in `fails`."""

    def __init__(self, fails: Sequence[str] = ()) -> None:
        self.fails, self.given, self.seed = fails, list[Trainee](), -1

    def train(
        self, trainees: Sequence[Trainee], task: Task, *, seed: int, watch: Watcher  # noqa: ARG002
    ) -> list[tuple[Trained | Rejected, Spend]]:  # fmt: skip
        self.given, self.seed = list(trainees), seed
        cost = Spend(env_steps=100, seconds=1.0)
        return [(GAVE_UP if t.id in self.fails else _trained(t.verified), cost) for t in trainees]


GAVE_UP = Rejected(stage="train", reason="Not finite.", hint="Clamp.")
VERIFIED = Verified(graph=_graph("distance"))


def _trained(verified: Verified | None) -> Trained:
    return Trained(verified=verified, policy=Policy(tensors={}), curves=(), env_steps=100, seconds=1.0)


OUTCOMES: dict[str, Outcome] = {
    "drafted": Drafted(),
    "rejected": Rejected(stage="static", reason="No.", hint=""),
    "verified": VERIFIED,
    "fails": VERIFIED,
    "trained": _trained(None),
    "judged": Judged(
        trained=_trained(None),
        score=Score(episodes=(1.0,), mean=1.0, ci95=0.0, success_rate=None, success_ci95=None, mean_length=1.0),
    ),
}


def _attempt(name: str, kind: str) -> Attempt:
    candidate = Candidate(id=name, code="", sha256="", origin="human", model="")
    return Attempt(candidate=candidate, outcome=OUTCOMES[kind], spend=Spend(tokens_in=7))


@given(st.lists(st.sampled_from(sorted(OUTCOMES)), max_size=6))
def test_a_batch_keeps_ids_and_order_and_only_what_was_verified_is_trained(kinds: list[str]) -> None:
    batch = [_attempt(f"g001-{i:02d}", kind) for i, kind in enumerate(kinds)]
    learner = _Learner(fails=[a.id for a, kind in zip(batch, kinds, strict=True) if kind == "fails"])
    trained = train.run(batch, TASK, learner, seed=5, watch=lambda _: None)
    assert [a.id for a in trained] == [a.id for a in batch]
    assert [t.id for t in learner.given] == [a.id for a in batch if isinstance(a.outcome, Verified)]
    assert learner.seed == 5
    for kind, before, after in zip(kinds, batch, trained, strict=True):
        match kind:
            case "verified":
                assert after.outcome == _trained(VERIFIED)
                assert after.spend == Spend(tokens_in=7, env_steps=100, seconds=1.0)
            case "fails":
                assert after.outcome == GAVE_UP
                assert after.spend == Spend(tokens_in=7, env_steps=100, seconds=1.0)
            case _:
                assert after == before


def test_a_trainee_carries_its_own_graph_as_its_reward(rollout: Rollout) -> None:
    batch = [
        Attempt(candidate=_attempt(name, "drafted").candidate, outcome=Verified(graph=_graph(signal)))
        for name, signal in (("g001-00", "distance"), ("g001-01", "position"))
    ]
    learner = _Learner()
    train.run(batch, TASK, learner, seed=0, watch=lambda _: None)
    totals = [t.reward(rollout)[0] for t in learner.given]
    assert torch.equal(totals[0], rollout.info["distance"][1:])
    assert torch.equal(totals[1], rollout.obs["obs"][1:, :, 0])
    assert [t.verified for t in learner.given] == [a.outcome for a in batch]
