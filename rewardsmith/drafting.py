"""Drafts a generation: ask, find the code, verify it, and ask again where it was rejected; or refit the parent.

A candidate keeps its id through its repairs; the drafts it lost stand in `Attempt.repairs`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from torch import Tensor

from rewardsmith import prompting, refit, verify
from rewardsmith.advice import critic
from rewardsmith.config import EvolveConfig
from rewardsmith.interfaces import Brief, Parts, Progress, Request
from rewardsmith.quoting import one_line
from rewardsmith.seeds import stream
from rewardsmith.types import (
    Attempt,
    Candidate,
    Drafted,
    Rejected,
    Repair,
    Reply,
    Spend,
    Task,
    Trajectory,
    Verified,
)


def draft(
    brief: Brief, parts: Parts, config: EvolveConfig,
    *, generation: int, states: Mapping[str, Tensor], known: Sequence[Trajectory] = (),
) -> tuple[Attempt, ...]:  # fmt: skip
    """`config.search.offspring` attempts, each `Verified` or, after its repairs are used up, `Rejected`.

    Some may be the parent refitted to the `known` episodes; the others are asked for. What passed is reviewed by a
    critic, where the settings want one.
    """
    fitted = _refitted(brief, parts, config, generation=generation, states=states, known=known)
    indices = [i for i in range(config.search.offspring) if candidate_id(generation, i) not in fitted]
    asked = [_request(brief, config, generation=generation, index=i) for i in indices]
    drafted = {a.id: a for a in checked(_answers(asked, parts, generation), brief.task, parts, states=states)}
    batch = tuple((drafted | fitted)[candidate_id(generation, i)] for i in range(config.search.offspring))
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
    return _reviewed(batch, brief, parts, config, generation=generation, states=states)


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


def _refitted(
    brief: Brief, parts: Parts, config: EvolveConfig,
    *, generation: int, states: Mapping[str, Tensor], known: Sequence[Trajectory],
) -> dict[str, Attempt]:  # fmt: skip
    """The parent with its numbers refitted, then the bests before it, by the ids of the places after the first.

    One that gains nothing, fails a gate, or was tried in the last generation leaves its place to be asked for.
    """
    count = min(config.search.refit, config.search.offspring - 1)
    last = {candidate_id(generation - 1, i) for i in range(config.search.offspring)}
    refits = [a for a in (*brief.turns, *brief.siblings) if a.id in last and a.candidate.origin == "refit"]
    tried = {p for a in refits for p in a.candidate.parents}
    parents = [t.candidate for t in reversed(brief.turns) if t.id not in tried][:count]
    fit = partial(refit.refit, episodes=known, people=brief.people, task=brief.task, sandbox=parts.sandbox)
    found = [(p, fit(p.code, settings=config.refit, gamma=config.train.gamma)) for p in parents]
    gained = [(p, each) for p, each in found if isinstance(each, refit.Refitted)]
    drafts = [
        Attempt(candidate=_fitted(each, p, candidate_id(generation, 1 + i)), outcome=Drafted())
        for i, (p, each) in enumerate(gained)
    ]
    batch = checked(drafts, brief.task, parts, states=states)
    return {a.id: a for a in batch if isinstance(a.outcome, Verified)}


def _fitted(found: refit.Refitted, parent: Candidate, name: str) -> Candidate:
    return Candidate(
        id=name, code=found.code, sha256=sha256(found.code), origin="refit", model="", parents=(parent.id,)
    )


def _reviewed(
    batch: tuple[Attempt, ...], brief: Brief, parts: Parts, config: EvolveConfig,
    *, generation: int, states: Mapping[str, Tensor],
) -> tuple[Attempt, ...]:  # fmt: skip
    """The batch after its reviews, but for what no model wrote; a revision goes the way of a repair."""
    if parts.ask is None or not config.advice.critic_rounds:
        return batch
    places = {a.id: i for i, a in enumerate(batch)}

    def revise(wanted: Sequence[critic.Wanted], number: int) -> tuple[Attempt, ...]:
        asked = [
            _request(
                replace(brief, findings=findings, draft=a.candidate.code), config,
                generation=generation, index=places[a.id], repair=len(a.repairs) + number,
            )
            for a, findings in wanted
        ]  # fmt: skip
        return checked(_answers(asked, parts, generation), brief.task, parts, states=states)

    asked = [a for a in batch if a.candidate.origin != "refit"]
    reviewed = critic.reviewed(asked, brief, parts.ask, rounds=config.advice.critic_rounds, revise=revise)
    by_id = {a.id: a for a in reviewed}
    return tuple(by_id.get(a.id, a) for a in batch)


def _request(brief: Brief, config: EvolveConfig, *, generation: int, index: int, repair: int = 0) -> Request:
    return Request(
        candidate_id=candidate_id(generation, index),
        prompt=prompting.render(brief, settings=config.search, train=config.train),
        brief=brief,
        index=index,
        seed=stream(config.seed, generation, "propose", index + 1000 * repair),
        repair=repair,
    )


def _about(brief: Brief, failed: Attempt) -> Brief:
    """The brief of a repair: the same parents, and what was wrong with this draft and the ones before."""
    assert isinstance(failed.outcome, Rejected)
    lost = tuple(repair.rejected for repair in failed.repairs)
    return replace(brief, rejected=failed.outcome, lost=lost, draft=failed.candidate.code)


def _answers(asked: Sequence[Request], parts: Parts, generation: int) -> tuple[Attempt, ...]:
    states = {r.candidate_id: _asked(r.brief) for r in asked}
    parts.watch(Progress(generation=generation, stage="propose", fraction=0.0, states=states))
    replies = parts.proposer.propose(asked, store=parts.store)
    batch = tuple(_attempt(r, reply, parts) for r, reply in zip(asked, replies, strict=True))
    parts.watch(Progress(generation=generation, stage="verify", fraction=0.0, states={a.id: "drafted" for a in batch}))
    return batch


def _asked(brief: Brief) -> str:
    """What is asked of a candidate, in a few words: why again, where it is."""
    if brief.rejected:
        return f"asked again: {one_line(brief.rejected.reason)}"
    return "asked to revise it, as its review says" if brief.findings else "asked"


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
