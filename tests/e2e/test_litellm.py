"""litellm for real, against a server on loopback: the way every provider without OpenAI's protocol is reached."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from rewardsmith.advice import sight
from rewardsmith.config import ProposeSettings
from rewardsmith.environ import is_secret
from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import Request
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.fake_server import Behaviour, Body, Fail, FakeServer, Reset, Say
from rewardsmith.propose.llm import LLMProposer
from rewardsmith.propose.retry import Backoff
from rewardsmith.types import Reply

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("litellm") is None, reason="needs `pip install 'rewardsmith[litellm]'`"
)

Ask = Callable[..., Request]
Propose = Callable[..., list[Reply]]
CANARY = "sk-canary-0123456789abcdef"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def propose(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> Propose:
    """Asks DeepSeek, a provider that litellm knows, at the server's address instead of its own."""
    monkeypatch.setenv("DEEPSEEK_API_KEY", CANARY)

    def propose(server: FakeServer, *requests: Request, model: str = "deepseek/deepseek-chat") -> list[Reply]:
        monkeypatch.setenv("DEEPSEEK_API_BASE", server.base_url)
        settings, backoff = ProposeSettings(retries=1, timeout_s=30.0), Backoff(first_s=0.01)
        proposer = LLMProposer(model, settings, tell=told.append, backoff=backoff)
        return proposer.propose(requests, store=RepliesInMemory())

    return propose


def test_replies_come_through_litellm_with_their_price(propose: Propose, ask: Ask, told: list[str]) -> None:
    with FakeServer([Say(text="a reward", tokens_in=1000, tokens_out=100)]) as server:
        replies = propose(server, ask(index=0), ask(index=1))
    assert [(reply.text, reply.finish) for reply in replies] == [("a reward", "stop")] * 2
    assert [(reply.tokens_in, reply.tokens_out) for reply in replies] == [(1000, 100)] * 2
    assert all(1e-6 < reply.cost_usd < 1e-2 for reply in replies)
    assert server.heard[0].headers["authorization"] == f"Bearer {CANARY}"
    assert told == []


def test_an_unknown_price_counts_as_nothing_and_is_told_once(propose: Propose, ask: Ask, told: list[str]) -> None:
    with FakeServer([Say()]) as server:
        replies = propose(server, ask(index=0), ask(index=1), model="deepseek/unheard-of")
    assert [reply.cost_usd for reply in replies] == [0.0, 0.0]
    assert told == [
        "The price of deepseek/unheard-of is not known (it is not in litellm's price table); "
        "its cost counts as 0, so that limits.cost_usd ends nothing. Its tokens are counted, for limits.tokens."
    ]


@pytest.mark.parametrize(("provider", "seen"), [("xai/grok", 3), ("deepseek/deepseek-chat", 0)])
def test_pictures_reach_a_model_unless_litellm_drops_them_which_is_found_out(
    propose: Propose, ask: Ask, monkeypatch: pytest.MonkeyPatch, provider: str, seen: int
) -> None:
    """litellm has words alone sent to some providers, without a word of it to us; see `advice.sight`."""
    monkeypatch.setenv("XAI_API_KEY", CANARY)
    shown = ("red", "blue", "green")
    with FakeServer(lambda heard: Say(text=", ".join(shown) if heard.images else "I see nothing.")) as server:
        monkeypatch.setenv("XAI_API_BASE", server.base_url)
        [reply] = propose(server, replace(ask(), prompt=sight.question(shown).prompt), model=provider)
    assert len(server.heard[0].images) == seen
    assert sight.names(reply, shown) == bool(seen)


PASSING: Mapping[str, Behaviour] = {
    "429": Fail(status=429, headers={"Retry-After": "0.2"}),
    "500": Fail(status=500),
    "a reset": Reset(),
    "a refused seed": Fail(status=400, error={"message": "seed is not supported"}),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING)
def test_passing_trouble_is_asked_again_by_us_and_not_by_litellm(
    propose: Propose, ask: Ask, trouble: Behaviour
) -> None:
    with FakeServer([trouble, Say(text="at last")]) as server:
        assert propose(server, ask())[0].text == "at last"
    assert len(server.heard) == 2


FINAL: Mapping[str, tuple[Behaviour, str]] = {
    "400": (Fail(status=400, error={"message": "too long"}), r"did not accept .*HTTP 400: too long"),
    "401": (Fail(status=401, error={"message": f"no: {CANARY}"}), "deepseek refused the key in DEEPSEEK_API_KEY"),
    "403": (Fail(status=403, error={"message": f"no: {CANARY}"}), r"no: \[DEEPSEEK_API_KEY\]"),
    "404": (Fail(status=404), "knows no model 'deepseek-chat'"),
    "a page": (Body(content=b"<html>"), "no chat completion"),
}


@pytest.mark.parametrize(("trouble", "says"), FINAL.values(), ids=FINAL)
def test_final_trouble_is_told_at_once_and_without_the_key(
    propose: Propose,
    ask: Ask,
    trouble: Behaviour,
    says: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with FakeServer([trouble]) as server, pytest.raises(ProposerError, match=says) as raised:
        propose(server, ask())
    assert len(server.heard) == 1
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert CANARY not in "".join([repr(raised.value), caplog.text, *capfd.readouterr()])


def test_a_missing_key_is_named_without_a_call(propose: Propose, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPSEEK_API_KEY")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with FakeServer([Say()]) as server, pytest.raises(ProposerError, match="ANTHROPIC_API_KEY is not set"):
        propose(server, ask(), model="anthropic/claude-sonnet-4-5")


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-pro", "azure/gpt-4o"])
def test_a_missing_key_is_named_before_anybody_is_asked(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if is_secret(name):
            monkeypatch.delenv(name)
    proposer = LLMProposer(model, ProposeSettings())
    key = proposer.endpoint.key_env
    with pytest.raises(ProposerError, match=rf"'{model}' needs a key, and .*{key} (is|are) not set"):
        proposer.check()
    monkeypatch.setenv(key, CANARY)
    proposer.check()


def test_a_server_that_is_not_there_is_told_without_retries(propose: Propose, ask: Ask) -> None:
    with FakeServer([Say()]) as gone:
        pass
    with pytest.raises(ProposerError, match="Nothing answers at deepseek"):
        propose(gone, ask())
