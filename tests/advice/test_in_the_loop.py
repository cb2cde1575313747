"""Advice inside the loop: a critic's findings are a repair like any other, and a resumed run asks nobody twice."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from rewardsmith import advice, drafting
from rewardsmith.config import AdviceSettings, EvolveConfig, ProposeSettings
from rewardsmith.evolve import evolve
from rewardsmith.interfaces import Brief, Parts
from rewardsmith.propose.fake_server import FakeServer, Heard, Say
from rewardsmith.propose.llm import LLMProposer
from rewardsmith.propose.questions import Questions
from rewardsmith.propose.replay import ReplayProposer
from rewardsmith.render import stills
from rewardsmith.render.stills import AlbumInMemory, Stills
from rewardsmith.sim.point import point_task
from rewardsmith.types import Attempt, Judged, Verified

MakeParts = Callable[..., Parts]


def reply(body: str) -> str:
    return f"Here it is.\n\n```python\nimport torch\n\n\ndef compute_reward(distance: torch.Tensor):\n    {body}\n```\n"


FIRST = reply("return distance, {'near': distance}")
SECOND = reply("return -distance, {'near': -distance}")
IMPORTS = reply("import os\n    return -distance, {}")
REVISE = "1. `near` grows with the distance: it pays for going away. Change its sign.\nVERDICT: revise"
FINE = "Each small step towards the goal is paid for.\nVERDICT: fine"


def recorded(tmp_path: Path, said: Mapping[tuple[str, int], str]) -> ReplayProposer:
    file = tmp_path / "said.jsonl"
    lines = [
        {"candidate": name, "repair": repair, "text": text, "tokens_in": 100, "tokens_out": 10}
        for (name, repair), text in said.items()
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return ReplayProposer(file)


Run = Callable[[Mapping[tuple[str, int], str]], tuple[Attempt, ...]]


@pytest.fixture
def run(parts: MakeParts, config: EvolveConfig, point_states: Mapping[str, Tensor], tmp_path: Path) -> Run:
    """Drafts one candidate of generation 1 with two rounds of review."""
    search = config.search.model_copy(update={"offspring": 1, "repairs": 1})
    wanted = config.model_copy(update={"search": search, "advice": AdviceSettings(critic_rounds=2)})

    def draft(said: Mapping[tuple[str, int], str]) -> tuple[Attempt, ...]:
        bare = parts(recorded(tmp_path, said))
        asked = Questions(recorded(tmp_path, said), store=bare.store, task=point_task(), seed=0)
        made = replace(bare, ask=asked)
        return drafting.draft(Brief(task=point_task()), made, wanted, generation=1, states=point_states)

    return draft


def test_a_draft_is_revised_as_the_critic_says(run: Run) -> None:
    [attempt] = run({
        ("g001-00", 0): FIRST, ("g001-00.critic1", 0): REVISE, ("g001-00", 1): SECOND, ("g001-00.critic2", 0): FINE
    })  # fmt: skip
    assert isinstance(attempt.outcome, Verified)
    assert "return -distance" in attempt.candidate.code
    assert attempt.repairs == ()
    assert (attempt.spend.tokens_in, attempt.spend.tokens_out) == (400, 40)
    [said] = attempt.feedback
    assert [r["verdict"] for r in said.data["rounds"]] == ["revise", "fine"]  # type: ignore[attr-defined]


def test_a_revision_after_a_repair_is_the_next_one_of_its_candidate(run: Run) -> None:
    """So that a run's own replies, replayed, answer it."""
    [attempt] = run({
        ("g001-00", 0): IMPORTS, ("g001-00", 1): FIRST, ("g001-00.critic1", 0): REVISE, ("g001-00", 2): SECOND,
        ("g001-00.critic2", 0): FINE,
    })  # fmt: skip
    assert "return -distance" in attempt.candidate.code
    assert [r.rejected.stage for r in attempt.repairs] == ["static"]
    assert attempt.spend.tokens_in == 500


def test_a_revision_that_cannot_be_used_leaves_the_draft_that_can(run: Run) -> None:
    [attempt] = run({("g001-00", 0): FIRST, ("g001-00.critic1", 0): REVISE, ("g001-00", 1): IMPORTS})
    assert isinstance(attempt.outcome, Verified)
    assert "return distance" in attempt.candidate.code
    assert "may be wrong" in attempt.feedback[0].text


def test_a_draft_that_never_passes_is_never_reviewed(run: Run) -> None:
    [attempt] = run({("g001-00", 0): IMPORTS, ("g001-00", 1): IMPORTS})
    assert not isinstance(attempt.outcome, Verified)
    assert attempt.feedback == ()


def test_the_coder_hears_the_findings_after_its_own_code(
    parts: MakeParts, config: EvolveConfig, point_states: Mapping[str, Tensor], scripted: Callable[..., object]
) -> None:
    proposer = scripted(script={("g001-00", 0): FIRST, ("g001-00.critic1", 0): REVISE}, otherwise=SECOND)
    bare = parts(proposer)
    made = replace(bare, ask=Questions(proposer, store=bare.store, task=point_task(), seed=0))  # type: ignore[arg-type]
    search = config.search.model_copy(update={"offspring": 1, "repairs": 0})
    wanted = config.model_copy(update={"search": search, "advice": AdviceSettings(critic_rounds=1)})
    drafting.draft(Brief(task=point_task()), made, wanted, generation=1, states=point_states)
    draft, review, revision = proposer.asked  # type: ignore[attr-defined]
    assert [r.candidate_id for r in (draft, review, revision)] == ["g001-00", "g001-00.critic1", "g001-00"]
    assert (draft.repair, revision.repair) == (0, 1)
    assert len({draft.seed, review.seed, revision.seed}) == 3
    *_, code, told = revision.prompt.messages
    assert "return distance" in code.content
    assert "> 1. `near` grows with the distance: it pays for going away. Change its sign." in told.content
    assert "cannot be used" not in told.content


# --- a whole run with every kind of advice --------------------------------------------------------------------------

TASK = point_task(episode_steps=10)


def answered(heard: Heard) -> Say:
    """What a model may say to each kind of question; a score depends on the episode it is asked about."""
    asked = heard.body["messages"][-1]["content"]
    if asked.endswith("SCORE: <number>"):
        shown = asked.partition("# The episode")[2].partition("# The scale")[0]
        text = f"The distance at step 10 decides it.\nSCORE: 0.{zlib.crc32(shown.encode()) % 10}"
    elif asked.endswith("BETTER: equal"):
        text = "The distance is the same in both at step 10.\nBETTER: equal"
    elif asked.endswith("VERDICT: revise"):
        text = FINE
    elif "Some of its episodes went wrong" in asked:
        text = "1. The distance stays above 0.3 from step 4 on."
    else:
        text = SECOND.replace("return -", f"return -{1 + heard.body['seed'] % 7}.0 * ")
    return Say(text=text, tokens_in=20, tokens_out=5)


def test_a_run_that_is_resumed_with_every_advice_asks_nobody_twice(parts: MakeParts, config: EvolveConfig) -> None:
    wanted = config.model_copy(
        update={
            "search": config.search.model_copy(update={"restarts": 1, "rank_by": "llm"}),
            "advice": AdviceSettings(critic_rounds=1),
        }
    )
    with FakeServer(answered) as server:
        proposer = LLMProposer("vllm/small", ProposeSettings(timeout_s=20.0), base_url=server.base_url)
        bare = parts(proposer)
        ask = Questions(proposer, store=bare.store, task=TASK, seed=wanted.seed)
        whole = list(evolve(TASK, _advised(bare, ask, wanted), wanted))
        asked = len(server.heard)
        rest = list(evolve(TASK, _advised(bare, ask, wanted), wanted, whole[:2]))
        assert len(server.heard) == asked
    attempts = [a for g in whole for a in g.attempts]
    assert [a.id for g in rest for a in g.attempts] == ["g002-00", "g002-01"]
    assert [[f.score for f in a.feedback] for g in rest for a in g.attempts] == [
        [f.score for f in a.feedback] for g in whole[2:] for a in g.attempts
    ]
    judged = [a for a in attempts if isinstance(a.outcome, Judged)]
    assert judged
    for attempt in judged:
        assert {"critic", "analyzer", "llm_judge"} <= {f.source for f in attempt.feedback}
    assert sum(a.spend.tokens_in for a in attempts) == 20 * asked  # every call is charged, and once
    scores = {a.id: f.score for a in whole[1].attempts for f in a.feedback if f.source == "llm_judge"}
    assert whole[2].parents == (max(scores, key=lambda name: scores[name] or 0.0),)


def _advised(bare: Parts, ask: Questions, config: EvolveConfig) -> Parts:
    return replace(bare, ask=ask, sources=tuple(advice.sources(config, ask).values()))


# --- a judge that looks ---------------------------------------------------------------------------------------------


def far_off(picture: bytes) -> float:
    """How far the red point is from its green target in a picture of the point task, as a share of its width."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)))
    red, green = (np.flatnonzero((pixels == colour).all(2).any(0)) for colour in ((200, 0, 0), (0, 160, 0)))
    return float(abs(red.mean() - green.mean())) / pixels.shape[1] if len(green) else 0.0


def sees(heard: Heard) -> Say:
    """A model that judges by the last picture of each episode, and by nothing else."""
    if not heard.images:
        return answered(heard)
    if "SCORE: <number>" in heard.text:
        return Say(text=f"In picture 6 it is this near.\nSCORE: {1 - far_off(heard.images[-1]):.2f}", tokens_in=900)
    first, second = far_off(heard.images[5]), far_off(heard.images[-1])
    nearer = "equal" if first == second else "first" if first < second else "second"
    return Say(text=f"Picture 6 of the one shows it nearer than that of the other.\nBETTER: {nearer}", tokens_in=1800)


def test_a_judge_that_looks_finds_the_nearer_and_is_shown_nothing_twice(
    parts: MakeParts, config: EvolveConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stills, "_apart", lambda work, *given: work(*given))
    wanted = EvolveConfig.model_validate(
        config.model_dump()
        | {"search": config.search.model_dump() | {"restarts": 1, "rank_by": "llm"}}
        | {"advice": {"look": "frames", "frames": 6}, "feedback": {"sources": ["llm_judge"]}}
    )
    album = AlbumInMemory()
    eyes = Stills(TASK, count=6, camera=None, album=album, tell=pytest.fail)
    with FakeServer(sees) as server:
        proposer = LLMProposer("vllm/small", ProposeSettings(timeout_s=20.0), base_url=server.base_url)
        bare = parts(proposer)
        ask = Questions(proposer, store=bare.store, task=TASK, seed=wanted.seed)
        made = replace(bare, ask=ask, sources=(advice.sources(wanted, ask, eyes)["llm_judge"],))
        whole = list(evolve(TASK, made, wanted))
        asked = len(server.heard)
        monkeypatch.setattr(stills, "_apart", None)
        assert list(evolve(TASK, made, wanted, whole[:2])) != []
        assert len(server.heard) == asked
    attempts = [a for g in whole for a in g.attempts]
    judged = {a.id: a.outcome for a in attempts if isinstance(a.outcome, Judged)}
    scores = {a.id: f.score for a in attempts for f in a.feedback if f.source == "llm_judge"}
    assert scores.keys() == judged.keys()
    for name, outcome in judged.items():
        typical = outcome.trajectories[(len(outcome.trajectories) - 1) // 2]
        off_m = abs(float(typical.signals["offset"][-1]))
        assert scores[name] == pytest.approx(1 - off_m / 4, abs=0.03)  # a picture is 4 m wide
    preferences = [p for a in attempts for f in a.feedback for p in f.preferences]
    assert preferences
    assert all(p.p_first in (0.0, 0.5, 1.0) for p in preferences)
    assert sum(a.spend.tokens_in for a in attempts) == sum(
        sees(heard).tokens_in for heard in server.heard
    )  # pictures are charged like words, and once
