"""Questions that are not for a reward take the same way as those that are, and none is paid for twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rewardsmith.config import ProposeSettings
from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import Question
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.fake_server import FakeServer, Say
from rewardsmith.propose.llm import LLMProposer
from rewardsmith.propose.manual import ManualProposer
from rewardsmith.propose.questions import Questions
from rewardsmith.propose.replay import ReplayProposer
from rewardsmith.types import Message, Prompt, Task

SETTINGS = ProposeSettings(timeout_s=20.0, retries=0, temperature=0.0)


def question(about: str = "g001-00", index: int = 1, words: str = "Is it fine?") -> Question:
    prompt = Prompt(messages=(Message(role="user", content=words),), sha256=hashlib.sha256(words.encode()).hexdigest())
    return Question(purpose="critic", about=about, index=index, prompt=prompt)


def llm(server: FakeServer) -> LLMProposer:
    return LLMProposer("vllm/small", SETTINGS, base_url=server.base_url, tell=lambda _: None)


def test_a_reply_is_paid_for_once_however_often_the_run_is_resumed(task: Task) -> None:
    store = RepliesInMemory()
    with FakeServer([Say(text="VERDICT: fine", tokens_in=30, tokens_out=4)]) as server:
        [first] = Questions(llm(server), store=store, task=task, seed=1)([question()])
        [again] = Questions(llm(server), store=store, task=task, seed=1)([question()])
        assert len(server.heard) == 1
    assert (first.text, first.tokens_in, first.tokens_out, first.cached) == ("VERDICT: fine", 30, 4, False)
    assert (again.text, again.tokens_in, again.cached) == (first.text, 30, True)


def test_like_words_about_two_candidates_are_two_questions(task: Task) -> None:
    """Each attempt is charged for its own answer."""
    with FakeServer([Say(text="VERDICT: fine")]) as server:
        ask = Questions(llm(server), store=RepliesInMemory(), task=task, seed=1)
        replies = ask([question("g001-00"), question("g001-01"), question("g001-00", index=2)])
        seeds = {heard.body["seed"] for heard in server.heard}
    assert len(replies) == len(seeds) == 3


def test_questions_are_under_way_together_and_answered_in_order(task: Task) -> None:
    with FakeServer(lambda heard: Say(text=heard.body["messages"][0]["content"]), takes_s=0.2) as server:
        ask = Questions(llm(server), store=RepliesInMemory(), task=task, seed=1)
        replies = ask([question(index=i, words=f"word {i}") for i in range(1, 5)])
        assert server.most_at_once > 1
    assert [r.text for r in replies] == [f"word {i}" for i in range(1, 5)]


def test_the_seed_of_the_run_decides_what_is_drawn(task: Task) -> None:
    with FakeServer([Say()]) as server:
        for seed in (1, 2):
            Questions(llm(server), store=RepliesInMemory(), task=task, seed=seed)([question()])
        assert len({heard.body["seed"] for heard in server.heard}) == 2


def test_a_recording_answers_a_question_by_its_name(task: Task, tmp_path: Path) -> None:
    (tmp_path / "g001-00.critic1.md").write_text("VERDICT: fine")
    (tmp_path / "g001-00.md").write_text("the draft")
    ask = Questions(ReplayProposer(tmp_path), store=RepliesInMemory(), task=task, seed=1)
    assert [r.text for r in ask([question()])] == ["VERDICT: fine"]
    with pytest.raises(ProposerError, match=r"no reply for g001-00\.critic2"):
        ask([question(index=2)])


def test_a_person_answers_a_question_in_a_file_of_its_name(task: Task, tmp_path: Path) -> None:
    (tmp_path / "g001-00.critic1.reply.md").write_text("VERDICT: fine")
    proposer = ManualProposer(tmp_path, tell=lambda _: None, timeout_s=10.0, poll_s=0.01)
    [reply] = Questions(proposer, store=RepliesInMemory(), task=task, seed=1)([question()])
    assert reply.text == "VERDICT: fine"
    assert "Is it fine?" in (tmp_path / "g001-00.critic1.prompt.md").read_text()
