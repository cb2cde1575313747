"""Refits among the offspring: they take places that would be asked for, cost no token, and pass the same gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from torch import Tensor

from rewardsmith import drafting
from rewardsmith.config import EvolveConfig, JudgeSettings, RefitSettings
from rewardsmith.evolve import evolve
from rewardsmith.interfaces import Brief, Parts
from rewardsmith.sim.point import point_task
from rewardsmith.types import Attempt, Candidate, Judged, Origin, Policy, Score, Spend, Trained, Trajectory, Verified

TASK = point_task(episode_steps=10)
CODE = (
    "import torch\n\n\ndef compute_reward(distance: torch.Tensor):\n"
    "    near = {} * distance\n    return near, {{'near': near}}\n"
)
WRONG, RIGHT = CODE.format(2.0), CODE.format(-2.0)
ASKED = f"```python\n{CODE.format(-1.0)}```\n"


def _turn(name: str, code: str, *, origin: Origin = "llm", parents: tuple[str, ...] = ()) -> Attempt:
    score = Score(episodes=(1.0,), mean=1.0, ci95=0.0, success_rate=None, success_ci95=None, mean_length=1.0)
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=(), env_steps=1, seconds=0.0)
    candidate = Candidate(id=name, code=code, sha256="", origin=origin, model="", parents=parents)
    return Attempt(candidate=candidate, outcome=Judged(trained=trained, score=score))


Draft = Callable[..., tuple[tuple[Attempt, ...], list[str]]]


@pytest.fixture
def draft(
    parts: Callable[..., Parts],
    config: EvolveConfig,
    scripted: Callable[..., object],
    point_states: Mapping[str, Tensor],
    episodes: list[Trajectory],
) -> Draft:
    """Drafts three offspring, `refit` of them refitted; returns them and the ids that were asked for."""

    def run(
        brief: Brief, *, refit: int, known: Sequence[Trajectory] = episodes
    ) -> tuple[tuple[Attempt, ...], list[str]]:
        search = config.search.model_copy(update={"refit": refit, "offspring": 3})
        proposer = scripted(script={}, otherwise=ASKED)
        chosen = config.model_copy(update={"search": search})
        batch = drafting.draft(brief, parts(proposer), chosen, generation=4, states=point_states, known=known)
        return batch, [r.candidate_id for r in proposer.asked]  # type: ignore[attr-defined]

    return run


def test_the_parent_refitted_takes_the_second_place_and_costs_no_token(draft: Draft) -> None:
    batch, asked = draft(Brief(task=TASK, turns=(_turn("g003-00", WRONG),)), refit=1)
    assert [a.id for a in batch] == ["g004-00", "g004-01", "g004-02"]
    assert asked == ["g004-00", "g004-02"]
    child = batch[1]
    assert isinstance(child.outcome, Verified)
    assert child.spend == Spend()
    assert child.candidate == Candidate(
        id="g004-01", code=RIGHT, sha256=drafting.sha256(RIGHT), origin="refit", model="", parents=("g003-00",)
    )


def test_more_refits_are_of_the_bests_before_the_parent_and_the_first_place_is_always_asked_for(draft: Draft) -> None:
    turns = (_turn("g001-00", WRONG), _turn("g002-00", CODE.format(0.5)), _turn("g003-00", WRONG))
    batch, asked = draft(Brief(task=TASK, turns=turns), refit=9)
    assert asked == ["g004-00"]
    assert [a.candidate.parents for a in batch[1:]] == [("g003-00",), ("g002-00",)]


@pytest.mark.parametrize(
    "brief",
    [
        Brief(task=TASK),  # no parent yet
        Brief(task=TASK, turns=(_turn("g003-00", RIGHT),)),  # nothing to gain
        Brief(  # tried in the last generation
            task=TASK,
            turns=(_turn("g002-00", WRONG),),
            siblings=(_turn("g003-01", RIGHT, origin="refit", parents=("g002-00",)),),
        ),
    ],
)
def test_a_refit_that_gains_nothing_leaves_its_place_to_be_asked_for(draft: Draft, brief: Brief) -> None:
    batch, asked = draft(brief, refit=1)
    assert asked == [a.id for a in batch] == ["g004-00", "g004-01", "g004-02"]
    assert {a.candidate.origin for a in batch} == {"replay"}


def test_a_parent_whose_refit_has_just_won_is_not_refitted_again_at_once(draft: Draft) -> None:
    first, won = _turn("g002-00", WRONG), _turn("g003-01", CODE.format(0.5), origin="refit", parents=("g002-00",))
    batch, _ = draft(Brief(task=TASK, turns=(first, won)), refit=2)
    assert [a.candidate.parents for a in batch if a.candidate.origin == "refit"] == [("g003-01",)]
    since = _turn("g003-00", CODE.format(0.25), parents=("g002-01",))
    turns = (first, replace(won, candidate=replace(won.candidate, id="g002-01")), since)
    batch, _ = draft(Brief(task=TASK, turns=turns), refit=9)
    assert [a.candidate.parents for a in batch if a.candidate.origin == "refit"] == [("g003-00",), ("g002-01",)]


def test_nothing_is_refitted_unless_the_settings_say_so(draft: Draft) -> None:
    _, asked = draft(Brief(task=TASK, turns=(_turn("g003-00", WRONG),)), refit=0)
    assert asked == ["g004-00", "g004-01", "g004-02"]


def test_a_whole_run_breeds_refits_from_what_it_has_seen_and_does_so_again(
    parts: Callable[..., Parts], config: EvolveConfig, scripted: Callable[..., object]
) -> None:
    search = config.search.model_copy(update={"refit": 1, "restarts": 1, "generations": 1})
    settings = config.model_copy(
        update={
            "search": search,
            "judge": JudgeSettings(episodes=32, keep=32),
            "refit": RefitSettings(least_pairs=20),
        }
    )
    seed = Candidate(id="g000-00", code=WRONG, sha256=drafting.sha256(WRONG), origin="human", model="")

    def bred() -> Attempt:
        made = parts(scripted(script={}, otherwise=ASKED), seeded=(seed,))
        return list(evolve(TASK, made, settings))[1].attempts[1]

    child = bred()
    assert child.candidate.origin == "refit"
    assert child.candidate.parents == ("g000-00",)
    assert isinstance(child.outcome, Judged)
    assert (child.spend.tokens_in, child.spend.tokens_out) == (0, 0)
    assert bred().candidate == child.candidate
