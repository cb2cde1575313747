"""The stage as the loop calls it: what fails is rejected and costs nothing, what is audited goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from rewardsmith.config import EvolveConfig, ScreenSettings
from rewardsmith.graph import RewardGraph
from rewardsmith.screen import rank, records
from rewardsmith.types import Attempt, Candidate, Judged, Policy, Rejected, Score, Task, Trained, Trajectory, Verified

Walk = Callable[..., Trajectory]
MakeGraph = Callable[..., RewardGraph]
AUC = {"preference": "auc"}


@pytest.fixture
def played(walk: Walk) -> list[Trajectory]:
    return [walk([1.0, 0.5, 0.01 * i]) for i in range(5)] + [walk([1.0, 1.1, 1.0 + 0.1 * i]) for i in range(5)]


def _attempt(reward: RewardGraph, index: int = 0) -> Attempt:
    candidate = Candidate(id=f"g002-{index:02d}", code="", sha256="", origin="offline", model="")
    return Attempt(candidate=candidate, outcome=Verified(graph=reward))


def _judged(reward: RewardGraph) -> Attempt:
    trained = Trained(verified=Verified(graph=reward), policy=Policy(tensors={}), curves=(), env_steps=1, seconds=0.0)
    score = Score(episodes=(1.5, 1.5), mean=1.5, ci95=0.1, success_rate=0.5, success_ci95=(0.1, 0.9), mean_length=4.0)
    candidate = Candidate(id="g001-07", code="", sha256="", origin="offline", model="")
    return Attempt(candidate=candidate, outcome=Judged(trained=trained, score=score))


def _after(
    rewards: Sequence[RewardGraph],
    task: Task,
    played: Sequence[Trajectory] = (),
    known: Sequence[Attempt] = (),
    **settings: object,
) -> tuple[Attempt, ...]:
    config = EvolveConfig(screen=ScreenSettings.model_validate({"least": 4, **settings}))
    batch = [_attempt(reward, i) for i, reward in enumerate(rewards)]
    return rank(batch, task, config, known=known, trajectories=played, seed=7)


def test_what_ranks_wrongly_is_rejected_and_told_why(graph: MakeGraph, task: Task, played: list[Trajectory]) -> None:
    right, wrong = _after([graph("-distance"), graph("distance")], task, played, **AUC)
    assert isinstance(right.outcome, Verified)
    assert isinstance(wrong.outcome, Rejected)
    assert wrong.outcome.stage == "screen"
    [said] = wrong.feedback
    assert said.source == "preference"
    assert "| step |" in said.text
    assert wrong.spend.env_steps == 0


def test_a_reward_that_passed_has_a_record_and_nothing_for_the_prompt(
    graph: MakeGraph, task: Task, played: list[Trajectory]
) -> None:
    [right] = _after([graph("-distance")], task, played, **AUC)
    assert [said.text for said in right.feedback] == [""]
    assert [r.verdict for r in records(right)] == ["passed"]


def test_with_too_little_known_everything_passes_and_says_so(
    graph: MakeGraph, task: Task, played: list[Trajectory]
) -> None:
    [wrong] = _after([graph("distance")], task, played[:6], **AUC)
    assert isinstance(wrong.outcome, Verified)
    [record] = records(wrong)
    assert record.verdict == "undecided"
    assert record.words == "5 successes and 1 failure are known; 4 of each are needed."


def test_nothing_is_said_of_a_new_reward_where_only_duplicates_are_looked_for(graph: MakeGraph, task: Task) -> None:
    [new] = _after([graph("distance")], task)
    assert new == _attempt(graph("distance"))


def test_the_same_reward_is_answered_with_its_known_result(graph: MakeGraph, task: Task) -> None:
    [twin] = _after([graph("-1.0 * distance")], task, known=[_judged(graph("-1.0 * distance"))])
    assert isinstance(twin.outcome, Rejected)
    assert twin.outcome.reason == ("It is the same reward as g001-07, which reached fitness 1.5 +/- 0.1, success 50%.")
    assert twin.fitness is None


def test_of_two_equal_rewards_in_a_batch_the_first_is_trained(graph: MakeGraph, task: Task) -> None:
    first, second = _after([graph("-distance"), graph("-distance")], task)
    assert isinstance(first.outcome, Verified)
    assert isinstance(second.outcome, Rejected)
    assert second.outcome.reason == "It is the same reward as g002-00, which is of the same generation."


def test_no_twin_is_looked_for_where_that_is_off(graph: MakeGraph, task: Task) -> None:
    batch = _after([graph("-distance"), graph("-distance")], task, duplicates="off")
    assert all(isinstance(a.outcome, Verified) for a in batch)


def test_everything_that_fails_is_trained_in_a_full_audit(
    graph: MakeGraph, task: Task, played: list[Trajectory]
) -> None:
    [wrong] = _after([graph("distance")], task, played, **AUC, audit=1.0)
    assert isinstance(wrong.outcome, Verified)
    assert [(r.verdict, r.audited) for r in records(wrong)] == [("failed", True)]
    assert wrong.feedback[0].text.startswith("The screen would have skipped this reward")


def test_what_is_proven_needs_no_audit(graph: MakeGraph, task: Task) -> None:
    batch = _after([graph("-distance"), graph("-distance")], task, audit=1.0)
    assert isinstance(batch[1].outcome, Rejected)


def test_an_audit_takes_about_the_share_that_was_asked_for_and_the_same_ones_again(
    graph: MakeGraph, task: Task, played: list[Trajectory]
) -> None:
    rewards = [graph(f"{i}.0 * distance") for i in range(1, 41)]
    batch = _after(rewards, task, played, **AUC, audit=0.3)
    audited = [a.id for a in batch if isinstance(a.outcome, Verified)]
    assert 5 <= len(audited) <= 20  # 12 are expected
    again = _after(rewards, task, played, **AUC, audit=0.3)
    assert audited == [a.id for a in again if isinstance(a.outcome, Verified)]
