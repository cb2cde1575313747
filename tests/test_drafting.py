"""Drafting: ask, verify, ask again; a candidate keeps its id, its lost drafts and every cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from torch import Tensor

from rewardsmith import drafting
from rewardsmith.config import EvolveConfig
from rewardsmith.interfaces import Brief, Parts, Progress
from rewardsmith.seeds import stream
from rewardsmith.sim.point import point_task
from rewardsmith.types import Attempt, Candidate, Drafted, Judged, Policy, Rejected, Score, Spend, Trained, Verified

MakeParts = Callable[..., Parts]


def _reply(body: str) -> str:
    return f"Here it is.\n\n```python\nimport torch\n\n\ndef compute_reward(distance: torch.Tensor):\n    {body}\n```\n"


GOOD = _reply("return -distance, {'near': -distance}")
IMPORTS = _reply("import os\n    return -distance, {}")  # refused when read
CONSTANT = _reply("return 0.0 * distance, {'near': 0.0 * distance}")  # refused by the probe
NO_CODE = "I would rather not."


def _brief(*turns: Attempt) -> Brief:
    return Brief(task=point_task(), turns=turns)


@pytest.fixture
def three(config: EvolveConfig) -> EvolveConfig:
    """Three offspring, two repairs."""
    return config.model_copy(update={"search": config.search.model_copy(update={"offspring": 3, "repairs": 2})})


Run = Callable[..., tuple[tuple[Attempt, ...], list[tuple[str, int]]]]


@pytest.fixture
def run(
    parts: MakeParts, three: EvolveConfig, scripted: Callable[..., object], point_states: Mapping[str, Tensor]
) -> Run:
    """Drafts generation 5 from a script; returns the attempts and who was asked, how often repaired, in order."""

    def draft(
        script: Mapping[tuple[str, int], str], otherwise: str = GOOD, config: EvolveConfig = three
    ) -> tuple[tuple[Attempt, ...], list[tuple[str, int]]]:
        proposer = scripted(script=script, otherwise=otherwise)
        batch = drafting.draft(_brief(), parts(proposer), config, generation=5, states=point_states)
        return batch, [(r.candidate_id, r.repair) for r in proposer.asked]  # type: ignore[attr-defined]

    return draft


def test_all_is_asked_for_at_once_and_good_drafts_are_not_asked_for_again(run: Run) -> None:
    batch, asked = run({})
    assert [a.id for a in batch] == ["g005-00", "g005-01", "g005-02"]
    assert asked == [("g005-00", 0), ("g005-01", 0), ("g005-02", 0)]
    assert all(isinstance(a.outcome, Verified) and a.repairs == () for a in batch)


def test_only_the_rejected_are_repaired_and_they_keep_their_ids_and_places(run: Run) -> None:
    batch, asked = run({("g005-01", 0): IMPORTS})
    assert asked[3:] == [("g005-01", 1)]
    assert [a.id for a in batch] == ["g005-00", "g005-01", "g005-02"]
    repaired = batch[1]
    assert isinstance(repaired.outcome, Verified)
    [lost] = repaired.repairs
    assert lost.rejected.stage == "static"
    assert "import os" in lost.code
    assert "import os" not in repaired.candidate.code


@pytest.mark.parametrize("repairs", [0, 1, 2, 3])
def test_a_draft_is_asked_for_again_at_most_repairs_times(run: Run, three: EvolveConfig, repairs: int) -> None:
    config = three.model_copy(update={"search": three.search.model_copy(update={"repairs": repairs})})
    batch, asked = run({}, otherwise=CONSTANT, config=config)
    assert len(asked) == 3 * (1 + repairs)
    assert all(isinstance(a.outcome, Rejected) and a.outcome.stage == "probe" for a in batch)
    assert all(len(a.repairs) == repairs for a in batch)


def test_every_gate_has_its_say_in_every_round(run: Run) -> None:
    script = {("g005-00", 0): NO_CODE, ("g005-00", 1): IMPORTS, ("g005-00", 2): CONSTANT}
    batch, _ = run(script)
    first = batch[0]
    assert [r.rejected.stage for r in first.repairs] == ["reply", "static"]
    assert isinstance(first.outcome, Rejected)
    assert first.outcome.stage == "probe"


def test_a_reply_without_code_is_a_rejection_with_nothing_in_it(run: Run, three: EvolveConfig) -> None:
    config = three.model_copy(update={"search": three.search.model_copy(update={"repairs": 0})})
    batch, _ = run({}, otherwise=NO_CODE, config=config)
    assert all(isinstance(a.outcome, Rejected) and a.outcome.stage == "reply" and a.candidate.code == "" for a in batch)


def test_what_was_spent_on_lost_drafts_is_added_up(run: Run) -> None:
    batch, _ = run({("g005-02", 0): NO_CODE, ("g005-02", 1): IMPORTS})
    assert batch[0].spend == Spend(tokens_in=100, tokens_out=10, cost_usd=0.5, seconds=2.0)
    assert batch[2].spend == Spend(tokens_in=300, tokens_out=10 + 11 + 12, cost_usd=1.5, seconds=6.0)


def test_a_candidate_says_where_it_comes_from(run: Run) -> None:
    batch, _ = run({})
    candidate = batch[0].candidate
    assert candidate.origin == "replay"
    assert candidate.model == "scripted"
    assert candidate.sha256 == drafting.sha256(candidate.code)
    assert candidate.reply_sha256 == drafting.sha256(GOOD)
    assert candidate.parents == ()


def test_a_repair_is_asked_with_the_draft_and_what_was_wrong_with_it(
    parts: MakeParts, three: EvolveConfig, scripted: Callable[..., object], point_states: Mapping[str, Tensor]
) -> None:
    proposer = scripted(script={("g001-01", 0): IMPORTS}, otherwise=GOOD)
    drafting.draft(_brief(), parts(proposer), three, generation=1, states=point_states)
    repair = proposer.asked[-1]  # type: ignore[attr-defined]
    assert (repair.candidate_id, repair.index, repair.repair) == ("g001-01", 1, 1)
    assert repair.brief.rejected.stage == "static"
    *_, code, fault = repair.prompt.messages
    assert code.role == "assistant"
    assert "import os" in code.content
    assert fault.role == "user"
    assert repair.brief.rejected.reason in fault.content


def test_a_second_repair_hears_why_the_first_draft_was_rejected(
    parts: MakeParts, three: EvolveConfig, scripted: Callable[..., object], point_states: Mapping[str, Tensor]
) -> None:
    proposer = scripted(script={("g001-01", 0): IMPORTS, ("g001-01", 1): CONSTANT}, otherwise=GOOD)
    drafting.draft(_brief(), parts(proposer), three, generation=1, states=point_states)
    first, second = proposer.asked[-2:]  # type: ignore[attr-defined]
    assert first.brief.lost == ()
    assert second.brief.lost == (first.brief.rejected,)
    asked = second.prompt.messages[-1].content
    assert second.brief.rejected.reason in asked
    assert f"A draft before it was rejected when the code was read: {first.brief.rejected.reason}" in asked


def test_every_request_has_a_random_stream_of_its_own(
    parts: MakeParts, three: EvolveConfig, scripted: Callable[..., object], point_states: Mapping[str, Tensor]
) -> None:
    seeds: list[int] = []
    for generation in (1, 2):
        proposer = scripted(script={}, otherwise=CONSTANT)
        drafting.draft(_brief(), parts(proposer), three, generation=generation, states=point_states)
        seeds += [r.seed for r in proposer.asked]  # type: ignore[attr-defined]
    assert len(seeds) == len(set(seeds)) == 2 * 3 * 3
    assert seeds[1] == stream(three.seed, 1, "propose", 1)


def test_offspring_name_their_parent_and_no_earlier_turn(
    parts: MakeParts, three: EvolveConfig, scripted: Callable[..., object], point_states: Mapping[str, Tensor]
) -> None:
    score = Score(episodes=(1.0,), mean=1.0, ci95=0.0, success_rate=None, success_ci95=None, mean_length=1.0)
    trained = Trained(verified=None, policy=Policy(tensors={}), curves=(), env_steps=1, seconds=0.0)
    turns = [
        Attempt(
            candidate=Candidate(id=name, code="x", sha256="", origin="llm", model=""),
            outcome=Judged(trained=trained, score=score),
        )
        for name in ("g001-00", "g002-01")
    ]
    proposer = scripted(script={}, otherwise=GOOD)
    batch = drafting.draft(_brief(*turns), parts(proposer), three, generation=3, states=point_states)
    assert {a.candidate.parents for a in batch} == {("g002-01",)}


def test_ids_order_as_generations_and_offspring_do() -> None:
    assert drafting.candidate_id(3, 2) == "g003-02"
    ids = [drafting.candidate_id(g, i) for g in (0, 1, 9, 10, 99, 100, 999) for i in (0, 1, 9, 10, 99)]
    assert ids == sorted(ids)


def test_progress_names_the_generation_it_is_of(
    parts: MakeParts, three: EvolveConfig, scripted: Callable[..., object], point_states: Mapping[str, Tensor]
) -> None:
    for generation in (7, 1234):
        seen: list[Progress] = []
        drafting.draft(
            _brief(), parts(scripted(script={}, otherwise=GOOD), watch=seen.append), three,
            generation=generation, states=point_states,
        )  # fmt: skip
        assert {p.generation for p in seen} == {generation}
        assert [p.stage for p in seen] == ["propose", "verify"]
        assert all(set(p.states) == {drafting.candidate_id(generation, i) for i in range(3)} for p in seen)


def test_progress_says_why_a_draft_is_asked_for_again(
    parts: MakeParts, three: EvolveConfig, scripted: Callable[..., object], point_states: Mapping[str, Tensor]
) -> None:
    seen: list[Progress] = []
    proposer = scripted(script={("g005-01", 0): IMPORTS}, otherwise=GOOD)
    drafting.draft(_brief(), parts(proposer, watch=seen.append), three, generation=5, states=point_states)
    first, again = (p.states for p in seen if p.stage == "propose")
    assert set(first.values()) == {"asked"}
    assert list(again) == ["g005-01"]
    assert again["g005-01"].startswith("asked again: ")
    assert "os" in again["g005-01"]


# --- a person's own rewards -----------------------------------------------------------------------------------------


def _seed(name: str, reply: str) -> Candidate:
    code = reply.split("```python\n")[1].split("```")[0]
    return Candidate(id=name, code=code, sha256=drafting.sha256(code), origin="human", model="")


def test_seeded_rewards_pass_the_same_gates_and_are_never_rewritten(
    parts: MakeParts, point_states: Mapping[str, Tensor]
) -> None:
    seeds = (_seed("g000-00", GOOD), _seed("g000-01", IMPORTS), _seed("g000-02", CONSTANT))
    batch = drafting.seeded(parts(seeded=seeds), point_task(), states=point_states)
    assert [a.candidate for a in batch] == list(seeds)
    assert isinstance(batch[0].outcome, Verified)
    assert [a.outcome.stage for a in batch[1:] if isinstance(a.outcome, Rejected)] == ["static", "probe"]
    assert all(a.spend == Spend() for a in batch)


def test_no_seeded_reward_is_an_empty_generation(parts: MakeParts, point_states: Mapping[str, Tensor]) -> None:
    assert drafting.seeded(parts(), point_task(), states=point_states) == ()


def test_checking_leaves_what_is_rejected_already(parts: MakeParts, point_states: Mapping[str, Tensor]) -> None:
    refused = Attempt(
        candidate=_seed("g001-00", GOOD), outcome=Rejected(stage="reply", reason="Cut off.", hint="Be shorter.")
    )
    drafted = Attempt(candidate=_seed("g001-01", GOOD), outcome=Drafted())
    first, second = drafting.checked((refused, drafted), point_task(), parts(), states=point_states)
    assert first == refused
    assert isinstance(second.outcome, Verified)
