"""Drafts a generation: ask, find the code, verify it, and ask again where it was rejected.

A candidate keeps its id through its repairs; the drafts it lost stand in `Attempt.repairs`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from rewardsmith import prompting, verify
from rewardsmith.config import EvolveConfig
from rewardsmith.interfaces import Brief, Parts, Progress, Request
from rewardsmith.seeds import stream
from rewardsmith.types import Attempt, Candidate, Drafted, Rejected, Repair, Reply, Spend, Task


def draft(
    brief: Brief, parts: Parts, config: EvolveConfig, *, generation: int, states: Mapping[str, Tensor]
) -> tuple[Attempt, ...]:
    """`config.search.offspring` attempts, each `Verified` or, after its repairs are used up, `Rejected`."""
    asked = [_request(brief, config, generation=generation, index=i) for i in range(config.search.offspring)]
    batch = checked(_answers(asked, parts, generation), brief.task, parts, states=states)
    for repair in range(1, config.search.repairs + 1):
        failed = {a.id: i for i, a in enumerate(batch) if isinstance(a.outcome, Rejected)}
        if not failed:
            break
        asked = [
            _request(_about(brief, batch[i]), config, generation=generation, index=i, repair=repair)
            for i in failed.values()
        ]
        again = checked(_answers(asked, parts, generation), brief.task, parts, states=states)
        repaired = {a.id: _follows(batch[failed[a.id]], a) for a in again}
        batch = tuple(repaired.get(a.id, a) for a in batch)
    return batch


def seeded(parts: Parts, task: Task, *, states: Mapping[str, Tensor]) -> tuple[Attempt, ...]:
    """The rewards a person gave, as attempts; a fault in one rejects it like any other."""
    batch = tuple(Attempt(candidate=c, outcome=Drafted()) for c in parts.seeded)
    return checked(batch, task, parts, states=states)


def checked(batch: Sequence[Attempt], task: Task, parts: Parts, *, states: Mapping[str, Tensor]) -> tuple[Attempt, ...]:
    """Every draft through the three gates, cheapest first."""
    batch = verify.static(batch, task)
    batch = verify.compile(batch, task, parts.sandbox)
    return verify.probe(batch, task, parts.sandbox, states)


def candidate_id(generation: int, index: int) -> str:
    """`g003-02`: generation 3, offspring 2."""
    return f"g{generation:03d}-{index:02d}"


def sha256(text: str) -> str:
    """Of the text in UTF-8, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _request(brief: Brief, config: EvolveConfig, *, generation: int, index: int, repair: int = 0) -> Request:
    return Request(
        candidate_id=candidate_id(generation, index),
        prompt=prompting.render(brief, settings=config.search),
        brief=brief,
        index=index,
        seed=stream(config.seed, generation, "propose", index + 1000 * repair),
        repair=repair,
    )


def _about(brief: Brief, failed: Attempt) -> Brief:
    """The brief of a repair: the same parents, and what was wrong with the draft."""
    assert isinstance(failed.outcome, Rejected)
    return replace(brief, rejected=failed.outcome, draft=failed.candidate.code)


def _answers(asked: Sequence[Request], parts: Parts, generation: int) -> tuple[Attempt, ...]:
    parts.watch(
        Progress(generation=generation, stage="propose", fraction=0.0, states={r.candidate_id: "asked" for r in asked})
    )
    replies = parts.proposer.propose(asked, store=parts.store)
    batch = tuple(_attempt(r, reply, parts) for r, reply in zip(asked, replies, strict=True))
    parts.watch(Progress(generation=generation, stage="verify", fraction=0.0, states={a.id: "drafted" for a in batch}))
    return batch


def _attempt(request: Request, reply: Reply, parts: Parts) -> Attempt:
    found = prompting.extract(reply)
    code = found if isinstance(found, str) else ""
    candidate = Candidate(
        id=request.candidate_id,
        code=code,
        sha256=sha256(code),
        origin=parts.proposer.origin,
        model=reply.model,
        parents=tuple(a.id for a in request.brief.turns[-1:]),
        prompt_sha256=request.prompt.sha256,
        reply_sha256=sha256(reply.text),
    )
    cost = Spend(tokens_in=reply.tokens_in, tokens_out=reply.tokens_out, cost_usd=reply.cost_usd, seconds=reply.seconds)
    return Attempt(candidate=candidate, outcome=found if isinstance(found, Rejected) else Drafted(), spend=cost)


def _follows(failed: Attempt, repaired: Attempt) -> Attempt:
    """The repaired attempt, with the lost draft and its cost carried along."""
    assert isinstance(failed.outcome, Rejected)
    lost = Repair(code=failed.candidate.code, rejected=failed.outcome)
    return replace(repaired, repairs=(*failed.repairs, lost), spend=failed.spend + repaired.spend)
