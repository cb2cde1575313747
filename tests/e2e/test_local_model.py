"""A language model for real: HTTP, tokens, sampling, limits. It is too small to write good rewards: junk is welcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rewardsmith.advice import sight
from rewardsmith.config import ProposeSettings
from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import Request
from rewardsmith.propose.asking import RepliesInMemory, Tell
from rewardsmith.propose.llm import LLMProposer

Ask = Callable[..., Request]


def proposer(base_url: str, tell: Tell = pytest.fail, **changes: float) -> LLMProposer:
    settings = ProposeSettings.model_validate({"max_tokens": 64, "concurrency": 2, "retries": 1, **changes})
    return LLMProposer("llamacpp/smollm2", settings, base_url=base_url, tell=tell)


def test_a_real_model_answers_over_http_and_is_not_asked_twice(local_model: str, ask: Ask) -> None:
    told: list[str] = []
    asking, store = proposer(local_model, told.append), RepliesInMemory()
    requests = [ask("Write a short Python function that adds two numbers.", index=n) for n in range(3)]
    replies = asking.propose(requests, store=store)
    assert all(reply.text.strip() and reply.finish in {"stop", "length"} for reply in replies)
    assert all(10 < reply.tokens_in < 200 and 0 < reply.tokens_out <= 64 for reply in replies)
    assert all(reply.cost_usd == 0.0 and reply.seconds > 0.0 for reply in replies)
    assert len({reply.text for reply in replies}) > 1, "samples of one prompt should differ"
    assert len(told) == any(reply.finish == "length" for reply in replies), "once, however many are cut off"
    again = proposer(local_model).propose(requests, store=store)
    assert [reply.text for reply in again] == [reply.text for reply in replies]
    assert all(reply.cached for reply in again)


def test_a_real_limit_on_tokens_cuts_a_reply_and_says_so(local_model: str, ask: Ask) -> None:
    told: list[str] = []
    (reply,) = proposer(local_model, told.append, max_tokens=64).propose(
        [ask("Count from one to one thousand in words, without stopping.")], store=RepliesInMemory()
    )
    assert (reply.finish, reply.tokens_out) == ("length", 64)
    assert "was cut off at propose.max_tokens = 64" in told[0]


def test_a_prompt_too_long_for_a_real_model_is_one_clear_error(local_model: str, ask: Ask) -> None:
    with pytest.raises(ProposerError, match=r"did not accept the request to 'smollm2' \(HTTP 400: .*context"):
        proposer(local_model).propose([ask("word " * 5000)], store=RepliesInMemory())


def test_a_real_server_of_a_model_without_eyes_refuses_pictures_in_one_line(local_model: str, ask: Ask) -> None:
    shows = replace(ask(), prompt=sight.question(("red", "blue", "green")).prompt)
    with pytest.raises(ProposerError, match=r"did not accept a request that showed pictures to 'smollm2' \(HTTP \d+: "):
        proposer(local_model).propose([shows], store=RepliesInMemory())
