"""What every stage must do: a batch in, the same ids out in the same order, and the settled left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith import drafting, feedback, judge, screen, sim, train, verify
from rewardsmith.config import EvolveConfig
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import Parts, Scene
from rewardsmith.sim.point import point_task
from rewardsmith.types import (
    Attempt,
    Candidate,
    Drafted,
    Feedback,
    Judged,
    Outcome,
    Rejected,
    Score,
    Trained,
    Verified,
)

Stage = Callable[[Sequence[Attempt]], tuple[Attempt, ...]]

TASK = point_task(episode_steps=5)
FINE = "def compute_reward(distance):\n    return -distance, {'near': -distance}\n"
CODES = (FINE, "def compute_reward(distance):\n    return 0.0 * distance, {}\n", "import os\n", "not python")
GRAPH = (
    '{"version":1,"inputs":["distance"],"unused":[],"constants":[],"nodes":[],'
    '"total":{"t":0},"components":[["far",{"t":0}]]}'
)
CONSUMES: Mapping[str, type[Outcome]] = {
    "static": Drafted,
    "compile": Drafted,
    "probe": Verified,
    "checked": Drafted,
    "screen": Verified,
    "train": Verified,
    "judge": Trained,
}


@pytest.fixture(scope="module")
def trained() -> Trained:
    """A real policy that hardly learned anything."""
    from rewardsmith.config import TrainSettings
    from rewardsmith.interfaces import Trainee
    from rewardsmith.learn.ppo import PopulationPPO

    quick = TrainSettings(env_steps=1, num_envs=1, rollout_steps=8, hidden=(4,), device="cpu")
    trainee = Trainee(id="x", reward=lambda rollout: (rollout.reward, {}), verified=None)
    [(outcome, _)] = PopulationPPO(quick, sim.make).train([trainee], TASK, seed=0, watch=lambda _: None)
    assert isinstance(outcome, Trained)
    return outcome


@pytest.fixture
def stages(parts: Callable[..., Parts], point_states: Mapping[str, Tensor]) -> Mapping[str, Stage]:
    """Each stage as `evolve` calls it."""
    made = parts()
    return {
        "static": lambda batch: verify.static(batch, TASK),
        "compile": lambda batch: verify.compile(batch, TASK, made.sandbox),
        "probe": lambda batch: verify.probe(batch, TASK, made.sandbox, point_states),
        "checked": lambda batch: drafting.checked(batch, TASK, made, states=point_states),
        "screen": lambda batch: screen.rank(batch, TASK, EvolveConfig(), known=(), trajectories=(), seed=0),
        "train": lambda batch: train.run(batch, TASK, made.learner, seed=0, watch=lambda _: None),
        "judge": lambda batch: judge.score(batch, TASK, sim.make, seed=0, episodes=2, watch=lambda _: None),
        "feedback": lambda batch: feedback.comment(batch, Scene(task=TASK), made.sources),
    }


kinds = st.sampled_from(["drafted", "verified", "rejected", "trained", "judged"])
batches = st.lists(st.tuples(kinds, st.sampled_from(CODES)), max_size=4)


@pytest.mark.parametrize("stage", [*CONSUMES, "feedback"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=batches)
def test_every_stage_keeps_ids_and_order_and_touches_only_what_it_is_for(
    stages: Mapping[str, Stage], trained: Trained, stage: str, drawn: list[tuple[str, str]]
) -> None:
    score = Score(episodes=(1.0, 1.0), mean=1.0, ci95=0.0, success_rate=None, success_ci95=None, mean_length=5.0)
    outcomes: dict[str, Outcome] = {
        "drafted": Drafted(),
        "verified": Verified(graph=RewardGraph.from_json(GRAPH, signals=allowed_inputs(TASK))),
        "rejected": Rejected(stage="reply", reason="No code.", hint="Send some."),
        "trained": trained,
        "judged": Judged(trained=trained, score=score),
    }
    batch = [
        Attempt(
            candidate=Candidate(
                id=f"g001-{i:02d}",
                code=code,
                sha256=drafting.sha256(code),
                origin="manual",
                model="",
                parents=("g000-00",),
            ),
            outcome=outcomes[kind],
            feedback=(Feedback(source="earlier", text="Said before."),),
        )
        for i, (kind, code) in enumerate(drawn)
    ]
    after = stages[stage](batch)
    assert [a.candidate for a in after] == [a.candidate for a in batch]
    for before, now in zip(batch, after, strict=True):
        assert now.feedback[0] == before.feedback[0]
        if stage == "feedback":
            assert now.outcome is before.outcome
        elif stage == "screen" and isinstance(before.outcome, Verified):
            assert now.outcome is before.outcome or isinstance(now.outcome, Rejected)
            assert now.spend == before.spend
        elif isinstance(before.outcome, CONSUMES[stage]):
            assert now.outcome is not before.outcome or stage == "static"
        else:
            assert now == before
