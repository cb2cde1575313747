"""What every proposer must do, asserted of each one by name: one reply a request, in order, none asked for twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rewardsmith import prompting
from rewardsmith.config import ProposeSettings, SearchSettings
from rewardsmith.interfaces import Brief, Proposer, Request
from rewardsmith.propose import make
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.fake_server import Behaviour, FakeServer, Heard, Say
from rewardsmith.sim.point import point_task
from rewardsmith.types import Rejected, Reply

SETTINGS = ProposeSettings(timeout_s=20.0, retries=1)
REJECTED = Rejected(stage="reply", reason="The reply holds no code.", hint="Send code.")


@dataclass(frozen=True, kw_only=True)
class Case:
    """`make` builds the proposer anew, as a resumed run does; `asked` counts questions, None if there are none."""

    origin: str
    make: Callable[[], Proposer]
    asked: Callable[[], int] | None


def _request(index: int, *, goal: str = "", repair: int = 0) -> Request:
    """The same prompt for each index unless the goal differs; repairs of one candidate read alike."""
    task = point_task()
    brief = Brief(task=replace(task, goal=goal or task.goal), rejected=REJECTED if repair else None)
    return Request(
        candidate_id=f"g001-{index:02d}",
        prompt=prompting.render(brief, settings=SearchSettings()),
        brief=brief,
        index=index,
        seed=50 + index + 1000 * repair,
        repair=repair,
    )


REQUESTS = [_request(0), _request(1), _request(2, goal="Go elsewhere."), _request(3)]
REPAIRS = [_request(1, repair=1), _request(1, repair=2)]


def _offline(_: Path, __: ExitStack) -> Case:
    return Case(origin="offline", make=lambda: make("offline", SETTINGS, base_url=None, run_folder=Path()), asked=None)


def _recorded(request: Request) -> str:
    return f"The recorded reply to {request.candidate_id}, repair {request.repair}."


def _replay(folder: Path, _: ExitStack) -> Case:
    lines = [
        json.dumps({"candidate": r.candidate_id, "repair": r.repair, "text": _recorded(r)})
        for r in (*REQUESTS, *REPAIRS)
    ]
    (folder / "replies.jsonl").write_text("\n".join(lines))
    model = f"replay:{folder / 'replies.jsonl'}"
    return Case(origin="replay", make=lambda: make(model, SETTINGS, base_url=None, run_folder=folder), asked=None)


def _manual(folder: Path, _: ExitStack) -> Case:
    """A person who has pasted every reply beforehand."""
    for r in (*REQUESTS, *REPAIRS):
        stem = f"{r.candidate_id}.repair{r.repair}" if r.repair else r.candidate_id
        (folder / f"{stem}.reply.md").write_text(_recorded(r))
    return Case(
        origin="manual",
        make=lambda: make(
            f"manual:{folder}", SETTINGS, base_url=None, run_folder=folder, tell=lambda _: None, manual_timeout_s=10.0
        ),
        asked=lambda: len(list(folder.glob("*.prompt.md"))),
    )


def _server(_: Path, stack: ExitStack) -> Case:
    """A model whose words depend on what it is asked and on the seed, as they should."""

    def say(heard: Heard) -> Behaviour:
        asked = json.dumps([heard.body["messages"], heard.body.get("seed")])
        return Say(text=f"A reply to {hashlib.sha256(asked.encode()).hexdigest()}.")

    server = stack.enter_context(FakeServer(say))
    return Case(
        origin="llm",
        make=lambda: make("vllm/small", SETTINGS, base_url=server.base_url, run_folder=Path(), tell=lambda _: None),
        asked=lambda: len(server.heard),
    )


CASES = {"offline": _offline, "manual": _manual, "replay": _replay, "a server's model": _server}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with ExitStack() as stack:
        yield CASES[request.param](tmp_path, stack)


def _texts(replies: Sequence[Reply]) -> list[str]:
    return [reply.text for reply in replies]


class TestProposerContract:
    """Every proposer, made by name as the shell makes it."""

    def test_it_says_what_it_is(self, case: Case) -> None:
        proposer = case.make()
        assert proposer.name
        assert proposer.origin == case.origin

    def test_there_is_one_reply_a_request_and_it_is_whole(self, case: Case) -> None:
        replies = case.make().propose(REQUESTS, store=RepliesInMemory())
        assert len(replies) == len(REQUESTS)
        for reply in replies:
            assert isinstance(reply, Reply)
            assert reply.text
            assert reply.model
            assert reply.finish == "stop"
            assert reply.cached is False
            assert min(reply.tokens_in, reply.tokens_out, reply.cost_usd, reply.seconds) >= 0

    def test_replies_come_in_the_order_of_the_requests(self, case: Case) -> None:
        forth = case.make().propose(REQUESTS, store=RepliesInMemory())
        back = case.make().propose(REQUESTS[::-1], store=RepliesInMemory())
        assert _texts(back) == _texts(forth)[::-1]
        assert len(set(_texts(forth))) == len(REQUESTS)

    def test_nothing_asked_is_nothing_answered(self, case: Case) -> None:
        assert case.make().propose([], store=RepliesInMemory()) == []

    def test_a_resumed_run_gets_the_same_replies_and_asks_nobody_again(self, case: Case) -> None:
        store = RepliesInMemory()
        first = case.make().propose(REQUESTS[:3], store=store)
        asked = case.asked() if case.asked else 0
        again = case.make().propose(REQUESTS[:3], store=store)
        assert _texts(again) == _texts(first)
        assert [(r.tokens_in, r.tokens_out, r.cost_usd) for r in again] == [
            (r.tokens_in, r.tokens_out, r.cost_usd) for r in first
        ]
        assert (case.asked() if case.asked else 0) == asked

    def test_what_is_missing_is_asked_for_and_no_more(self, case: Case) -> None:
        store = RepliesInMemory()
        first = case.make().propose(REQUESTS[:2], store=store)
        asked = case.asked() if case.asked else 0
        everything = case.make().propose(REQUESTS, store=store)
        assert _texts(everything)[:2] == _texts(first)
        if case.asked:
            assert case.asked() == asked + 2

    def test_a_reply_is_recorded_as_sent_before_it_is_stored(self, case: Case) -> None:
        store = RepliesInMemory()
        case.make().propose(REQUESTS, store=store)
        assert set(store.replies) <= set(store.requests)
        if case.asked:
            assert len(store.replies) == len(REQUESTS)

    def test_each_repair_is_a_request_of_its_own_even_where_its_prompt_reads_like_the_last(self, case: Case) -> None:
        assert REPAIRS[0].prompt == REPAIRS[1].prompt
        store, proposer = RepliesInMemory(), case.make()
        proposer.propose(REQUESTS, store=store)
        replies = [proposer.propose([repair], store=store)[0] for repair in REPAIRS]
        assert replies[0].text != replies[1].text
        resumed = case.make()
        assert [resumed.propose([repair], store=store)[0].text for repair in REPAIRS] == _texts(replies)
        if case.origin in ("manual", "replay"):
            assert _texts(replies) == [_recorded(repair) for repair in REPAIRS]
