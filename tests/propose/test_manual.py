"""The proposer that is a person: here a thread that writes replies into the folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import Request
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.manual import ManualProposer
from rewardsmith.types import Message

Ask = Callable[..., Request]


@pytest.fixture
def manual(tmp_path: Path, told: list[str]) -> Callable[..., ManualProposer]:
    """Builds a proposer on one and the same folder, as a resumed run does."""

    def build(*, timeout_s: float | None = 10.0, poll_s: float = 0.02) -> ManualProposer:
        return ManualProposer(tmp_path / "manual", tell=told.append, timeout_s=timeout_s, poll_s=poll_s)

    return build


def answer(proposer: ManualProposer, stem: str, text: str | bytes) -> None:
    proposer.folder.mkdir(exist_ok=True)
    content = text.encode() if isinstance(text, str) else text
    (proposer.folder / f"{stem}.reply.md").write_bytes(content)


def later(do: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    return thread


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10.0
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_a_prompt_reads_as_its_golden_file(
    manual: Callable[..., ManualProposer], ask: Ask, store: RepliesInMemory, expect_golden: Callable[[str, str], None]
) -> None:
    proposer = manual()
    answer(proposer, "g001-00", "a")
    answer(proposer, "g001-01", "b")
    proposer.propose([ask("g001-00"), ask("g001-01", index=1)], store=store)
    for stem in ("g001-00", "g001-01"):
        expect_golden(f"manual_{stem}.prompt.md", (proposer.folder / f"{stem}.prompt.md").read_text())


def test_all_prompts_are_written_before_the_first_reply(
    manual: Callable[..., ManualProposer], ask: Ask, store: RepliesInMemory
) -> None:
    proposer = manual()
    stems = ["g001-00", "g001-01", "g001-02"]

    def person() -> None:
        until(lambda: all((proposer.folder / f"{stem}.prompt.md").exists() for stem in stems))
        for stem in reversed(stems):
            answer(proposer, stem, f"reply to {stem}")

    later(person)
    replies = proposer.propose([ask(stem, stem) for stem in stems], store=store)
    assert [reply.text for reply in replies] == [f"reply to {stem}" for stem in stems]


def test_the_person_is_told_what_is_waited_for_and_what_came(
    manual: Callable[..., ManualProposer], ask: Ask, store: RepliesInMemory, told: list[str]
) -> None:
    proposer = manual()
    answer(proposer, "g001-00", "x")
    proposer.propose([ask("g001-00")], store=store)
    assert f"Waiting in {proposer.folder} for 1" in told[0]
    assert "g001-00.prompt.md -> g001-00.reply.md" in told[0]
    assert told[1:] == ["g001-00.reply.md is in; 0 to come."]


def test_a_reply_is_taken_only_when_it_has_stopped_growing(
    manual: Callable[..., ManualProposer], ask: Ask, store: RepliesInMemory
) -> None:
    proposer = manual(poll_s=0.15)

    def person() -> None:
        reply = proposer.folder / "g001-00.reply.md"
        until((proposer.folder / "g001-00.prompt.md").exists)
        for words in ("", " \n", "one", "one two", "one two three"):
            reply.write_text(words)
            time.sleep(0.06)

    later(person)
    assert proposer.propose([ask()], store=store)[0].text == "one two three"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(content=st.binary(min_size=1).filter(lambda content: content.strip()))
def test_any_bytes_a_person_saves_are_a_reply(
    tmp_path_factory: pytest.TempPathFactory, ask: Ask, content: bytes
) -> None:
    proposer = ManualProposer(tmp_path_factory.mktemp("manual"), tell=lambda _: None, timeout_s=10.0, poll_s=0.001)
    answer(proposer, "g001-00", content)
    (reply,) = proposer.propose([ask()], store=RepliesInMemory())
    assert reply.text == content.decode("utf-8-sig", "replace")


def test_a_stored_reply_is_not_asked_for_again(
    manual: Callable[..., ManualProposer], ask: Ask, store: RepliesInMemory, told: list[str]
) -> None:
    proposer = manual()
    answer(proposer, "g001-00", "once")
    proposer.propose([ask()], store=store)
    for file in proposer.folder.iterdir():
        file.unlink()
    told.clear()
    (reply,) = manual(timeout_s=0.0).propose([ask()], store=store)
    assert (reply.text, reply.cached, told) == ("once", True, [])


def test_a_resumed_run_takes_up_the_files_that_are_there(
    manual: Callable[..., ManualProposer], ask: Ask, store: RepliesInMemory
) -> None:
    with pytest.raises(ProposerError):
        manual(timeout_s=0.0).propose([ask()], store=store)
    proposer = manual()
    answer(proposer, "g001-00", "meanwhile")
    assert proposer.propose([ask()], store=RepliesInMemory())[0].text == "meanwhile"


def test_a_wait_in_vain_ends_with_what_is_missing_and_keeps_what_came(
    manual: Callable[..., ManualProposer], ask: Ask, store: RepliesInMemory
) -> None:
    proposer = manual(timeout_s=0.2)
    answer(proposer, "g001-00", "here")
    with pytest.raises(ProposerError, match=r"No reply came within 0\.2 s; .*: g001-01\.reply\.md\. The prompts stay"):
        proposer.propose([ask("g001-00"), ask("g001-01", index=1)], store=store)
    assert [reply.text for reply in store.replies.values()] == ["here"]
    assert (proposer.folder / "g001-01.prompt.md").exists()


def test_repairs_have_files_of_their_own_and_find_them_again(manual: Callable[..., ManualProposer], ask: Ask) -> None:
    requests = [ask("g001-00", "draft"), ask("g001-00", "no code", repair=True), ask("g001-00", "bad", repair=True)]
    stems = ["g001-00", "g001-00.repair1", "g001-00.repair2"]
    for resumed in (False, True):  # the second time around, with a store that lost everything
        proposer, memory = manual(), RepliesInMemory()
        for request, stem in zip(requests, stems, strict=True):
            if not resumed:
                answer(proposer, stem, f"reply to {stem}")
            assert proposer.propose([request], store=memory)[0].text == f"reply to {stem}"
    prompts = sorted(path.name for path in proposer.folder.glob("*.prompt.md"))
    assert prompts == sorted(f"{stem}.prompt.md" for stem in stems)


def test_a_repair_says_that_its_last_message_is_enough(manual: Callable[..., ManualProposer], ask: Ask) -> None:
    first, bare = ask("g001-00", "draft"), ask("g001-01", "bad", repair=True)
    system, user = bare.prompt.messages
    longer = replace(bare.prompt, messages=(system, user, Message(role="assistant", content="code"), user))
    requests, proposer = [first, bare, replace(bare, candidate_id="g001-02", prompt=longer)], manual()
    stems = ["g001-00", "g001-01.repair1", "g001-02.repair1"]
    for stem in stems:
        answer(proposer, stem, "reply")
    proposer.propose(requests, store=RepliesInMemory())
    told = ["the last message alone is enough" in (proposer.folder / f"{s}.prompt.md").read_text() for s in stems]
    assert told == [False, False, True]  # only the last goes on with a chat that the person has open


def test_another_runs_files_are_not_mistaken_for_ones_own(manual: Callable[..., ManualProposer], ask: Ask) -> None:
    proposer = manual()
    answer(proposer, "g001-00", "to the old question")
    proposer.propose([ask("g001-00", "old question")], store=RepliesInMemory())
    with pytest.raises(ProposerError, match=r"g001-00\.prompt\.md is there already and asks something else"):
        proposer.propose([ask("g001-00", "new question")], store=RepliesInMemory())


def test_a_folder_that_cannot_be_is_told(tmp_path: Path, ask: Ask, store: RepliesInMemory) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProposerError, match="Choose a folder that can be written to"):
        ManualProposer(tmp_path / "file", tell=lambda _: None).propose([ask()], store=store)
