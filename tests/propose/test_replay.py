"""Recorded replies: read from files and folders, answered by candidate, never made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import Request
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.replay import ReplayProposer

Ask = Callable[..., Request]


def record(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_each_candidate_gets_its_own_reply_whatever_the_order(tmp_path: Path, ask: Ask, store: RepliesInMemory) -> None:
    path = record(tmp_path / "r.jsonl", {"candidate": "g001-01", "text": "b"}, {"candidate": "g001-00", "text": "a"})
    replies = ReplayProposer(path).propose([ask("g001-00"), ask("g001-01", index=1)], store=store)
    assert [reply.text for reply in replies] == ["a", "b"]


def test_repairs_are_answered_in_the_order_they_are_asked_for(tmp_path: Path, ask: Ask, store: RepliesInMemory) -> None:
    lines = [{"candidate": "g001-00", "repair": n, "text": f"draft {n}"} for n in (2, 0, 1)]
    proposer = ReplayProposer(record(tmp_path / "r.jsonl", *lines))
    asked = [ask("g001-00", "first"), ask("g001-00", "why 1", repair=True), ask("g001-00", "why 2", repair=True)]
    assert [proposer.propose([each], store=store)[0].text for each in asked] == ["draft 0", "draft 1", "draft 2"]


def test_a_resumed_run_gets_the_same_replies(tmp_path: Path, ask: Ask, store: RepliesInMemory) -> None:
    lines = [{"candidate": "g001-00", "repair": n, "text": f"draft {n}"} for n in range(3)]
    path = record(tmp_path / "r.jsonl", *lines)
    asked = [ask("g001-00", "first"), ask("g001-00", "why 1", repair=True), ask("g001-00", "why 2", repair=True)]
    ReplayProposer(path).propose(asked[:2], store=store)
    resumed = ReplayProposer(path).propose(asked, store=store)
    assert [(reply.text, reply.cached) for reply in resumed] == [
        ("draft 0", True),
        ("draft 1", True),
        ("draft 2", False),
    ]


def test_all_that_was_recorded_of_a_reply_comes_back(tmp_path: Path, ask: Ask, store: RepliesInMemory) -> None:
    line = {"candidate": "g001-00", "text": "x", "finish": "length", "model": "m", "tokens_out": 5, "cost_usd": 0.5}
    (reply,) = ReplayProposer(record(tmp_path / "r.jsonl", line)).propose([ask()], store=store)
    assert (reply.finish, reply.model, reply.tokens_out, reply.cost_usd) == ("length", "m", 5, 0.5)


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("replies", ("g001-00.md", "g001-00.repair1.md")),
        ("manual", ("g001-00.reply.md", "g001-00.repair1.reply.md")),
        (".", ("g001-00.reply.md", "g001-00.repair1.reply.md")),
    ],
)
def test_folders_that_runs_leave_can_be_replayed(tmp_path: Path, ask: Ask, folder: str, names: tuple[str, str]) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    for name in names:
        (tmp_path / folder / name).write_text(name)
    (tmp_path / folder / "g001-00.prompt.md").write_text("a prompt is no reply")
    (tmp_path / folder / "g001-00.repair1.prompt.md").write_text("a prompt is no reply")
    for path in (tmp_path, tmp_path / folder):
        proposer = ReplayProposer(path)
        replies = proposer.propose([ask(), ask(words="fix", repair=True)], store=RepliesInMemory())
        assert [reply.text for reply in replies] == list(names)


@pytest.mark.parametrize(
    ("request_of", "says"),
    [
        ({"candidate": "g002-00"}, "holds no reply for g002-00. It holds: g001-00."),
        ({"candidate": "g001-00", "repair": True}, "holds no reply for repair 1 of g001-00."),
    ],
)
def test_a_reply_that_was_not_recorded_is_named(
    tmp_path: Path, ask: Ask, store: RepliesInMemory, request_of: dict[str, object], says: str
) -> None:
    proposer = ReplayProposer(record(tmp_path / "r.jsonl", {"candidate": "g001-00", "text": "x"}))
    with pytest.raises(ProposerError) as raised:
        proposer.propose([ask(**request_of)], store=store)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"candidate": "a", "text": "x"}\nnot json\n', "r.jsonl:2: Invalid JSON"),
        ('{"candidate": "a"}', "r.jsonl:1: 'text': Field required"),
        ('\n{"candidate": "a", "text": 3}', "r.jsonl:2: 'text': Input should be a valid string"),
        ('{"candidate": "a", "text": "x", "reply": 1}', "r.jsonl:1: 'reply': Extra inputs"),
        ("", "holds no replies"),
    ],
)
def test_a_recording_that_cannot_be_read_is_told_with_its_line(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(content)
    with pytest.raises(ProposerError) as raised:
        ReplayProposer(path)
    assert says in str(raised.value)
    assert "Expected after replay:" in str(raised.value)


def test_a_recording_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProposerError, match="cannot be read \\(No such file"):
        ReplayProposer(tmp_path / "nowhere.jsonl")


@given(content=st.binary())
def test_any_bytes_are_a_recording_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("replay") / "r.jsonl"
    path.write_bytes(content)
    with pytest.raises(ProposerError, match="Expected after replay:"):
        ReplayProposer(path)
