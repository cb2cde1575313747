"""The proposer that asks a model, against a server on loopback that does what real ones do on bad days."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from rewardsmith.config import ProposeSettings
from rewardsmith.environ import is_secret
from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import Request
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.fake_server import Behaviour, Body, Drip, Fail, FakeServer, Heard, Reset, Say, Stall
from rewardsmith.propose.llm import LLMProposer, _has_no_key, keys_found
from rewardsmith.propose.retry import Backoff
from rewardsmith.types import Reply

Ask = Callable[..., Request]
Script = Sequence[Behaviour] | Callable[[Heard], Behaviour]
CANARY = "sk-canary-0123456789abcdef"


@dataclasses.dataclass(kw_only=True)
class Bench:
    """A proposer in front of a server, its store, and what was told."""

    server: FakeServer
    proposer: LLMProposer
    store: RepliesInMemory
    told: list[str]

    def propose(self, *requests: Request) -> list[Reply]:
        return self.proposer.propose(requests, store=self.store)


@pytest.fixture
def bench(
    store: RepliesInMemory, told: list[str], settings: ProposeSettings, at_once: Backoff
) -> Iterator[Callable[..., Bench]]:
    """Builds a `Bench` whose server follows the script."""
    servers: list[FakeServer] = []

    def build(script: Script, *, model: str = "vllm/small", takes_s: float = 0.0, **changes: object) -> Bench:
        server = FakeServer(script, takes_s=takes_s)
        servers.append(server.__enter__())
        changed = settings.model_copy(update=changes)
        proposer = LLMProposer(model, changed, base_url=server.base_url, tell=told.append, backoff=at_once)
        return Bench(server=server, proposer=proposer, store=store, told=told)

    yield build
    for server in servers:
        server.__exit__(None, None, None)


def echo(heard: Heard) -> Behaviour:
    return Say(text=heard.body["messages"][-1]["content"])


# --- asking -----------------------------------------------------------------------------------------------------------


def test_replies_come_in_the_order_of_the_requests(bench: Callable[..., Bench], ask: Ask) -> None:
    requests = [ask(f"g001-{n:02d}", f"words {n}", index=n) for n in range(12)]
    assert [reply.text for reply in bench(echo).propose(*requests)] == [f"words {n}" for n in range(12)]


def test_the_model_is_sent_its_messages_its_own_name_and_the_settings(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Say()], model="vllm/Qwen/Qwen3-8B", temperature=0.5, max_tokens=99)
    here.propose(ask("g001-00", "Please."))
    body = here.server.heard[0].body
    assert here.server.heard[0].path == "/v1/chat/completions"
    assert body["model"] == "Qwen/Qwen3-8B"
    assert body["messages"] == [
        {"role": "system", "content": "You write rewards."},
        {"role": "user", "content": "Please."},
    ]
    assert (body["temperature"], body["max_tokens"]) == (0.5, 99)


def test_samples_of_one_prompt_are_drawn_with_seeds_of_their_own(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Say()])
    here.propose(*(ask(f"g001-{n:02d}", index=n) for n in range(4)))
    assert len({heard.body["seed"] for heard in here.server.heard}) == 4


def test_no_more_requests_than_the_limit_are_in_flight(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Say()], takes_s=0.05, concurrency=3)
    here.propose(*(ask(f"g001-{n:02d}", index=n) for n in range(9)))
    assert here.server.most_at_once == 3


def test_a_reply_says_what_it_took(bench: Callable[..., Bench], ask: Ask) -> None:
    (reply,) = bench([Say(text="x", tokens_in=5, tokens_out=3)], takes_s=0.05).propose(ask())
    assert (reply.tokens_in, reply.tokens_out, reply.model, reply.cached) == (5, 3, "vllm/small", False)
    assert 0.05 <= reply.seconds < 20.0


def test_it_can_be_called_where_an_event_loop_already_runs(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Say(text="from a notebook")])

    async def notebook_cell() -> list[Reply]:
        return here.propose(ask())

    assert asyncio.run(notebook_cell())[0].text == "from a notebook"


# --- never paid twice -------------------------------------------------------------------------------------------------


def test_a_stored_reply_is_answered_without_a_call(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Say(text="first"), Say(text="second")])
    (paid,) = here.propose(ask())
    (again,) = here.propose(ask())
    assert again == dataclasses.replace(paid, cached=True)
    assert len(here.server.heard) == 1


def test_only_the_missing_replies_are_asked_for(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench(echo)
    here.propose(ask("g001-01", "b", index=1))
    replies = here.propose(ask("g001-00", "a"), ask("g001-01", "b", index=1), ask("g001-02", "c", index=2))
    assert [(reply.text, reply.cached) for reply in replies] == [("a", False), ("b", True), ("c", False)]
    assert len(here.server.heard) == 3


def test_a_request_is_recorded_before_it_leaves(bench: Callable[..., Bench], ask: Ask, store: RepliesInMemory) -> None:
    recorded_at_arrival: list[int] = []

    def count(_: Heard) -> Behaviour:
        recorded_at_arrival.append(len(store.requests))
        return Say()

    bench(count).propose(ask())
    assert recorded_at_arrival == [1]
    (((request,),),) = [tuple(store.requests.values())]
    assert (request["candidate"], request["model"], request["index"]) == ("g001-00", "vllm/small", 0)
    json.dumps(request)


def test_what_came_before_another_request_failed_is_kept(bench: Callable[..., Bench], ask: Ask) -> None:
    """One request is refused at once while the other's answer is under way, and paid for."""

    def script(heard: Heard) -> Behaviour:
        if heard.body["messages"][-1]["content"] == "bad":
            return Fail(status=400, error={"message": "too long"})
        time.sleep(0.3)
        return Say(text="paid for")

    here = bench(script)
    with pytest.raises(ProposerError, match="too long"):
        here.propose(ask("g001-00", "bad"), ask("g001-01", "good", index=1))
    assert [reply.text for reply in here.store.replies.values()] == ["paid for"]


def test_after_a_final_refusal_no_further_request_leaves(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Fail(status=401)], concurrency=1)
    with pytest.raises(ProposerError):
        here.propose(*(ask(f"g001-{n:02d}", index=n) for n in range(5)))
    assert len(here.server.heard) == 1


def test_ctrl_c_ends_the_wait_at_once_and_keeps_what_came(tmp_path: Path) -> None:
    """In a process of its own, as signals go to the main thread: one answer comes, the other stalls."""
    script = textwrap.dedent("""
        import pathlib, signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
        from rewardsmith.config import ProposeSettings
        from rewardsmith.interfaces import Brief, Request
        from rewardsmith.propose.llm import LLMProposer
        from rewardsmith.types import Message, Prompt

        class OnDisk:
            def get(self, key): return None
            def sent(self, key, *, request): pass
            def put(self, key, reply): pathlib.Path(sys.argv[2], "kept").write_text(reply.text)

        def ask(words):
            prompt = Prompt(messages=(Message(role="user", content=words),), sha256=words)
            return Request(candidate_id=words, prompt=prompt, brief=Brief(task=None), index=0, seed=0)

        proposer = LLMProposer("vllm/small", ProposeSettings(), base_url=sys.argv[1])
        proposer.propose([ask("say"), ask("stall")], store=OnDisk())
    """)
    with FakeServer(lambda heard: Stall() if heard.body["messages"][0]["content"] == "stall" else Say()) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", script, server.base_url, str(tmp_path)], stderr=subprocess.PIPE, text=True
        )
        _wait_until(lambda: (tmp_path / "kept").exists() and len(server.heard) == 2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)  # far less than the 180 s after which the request itself gives up
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert (tmp_path / "kept").read_text() == "ok"


def _wait_until(true: Callable[[], bool], *, at_most_s: float = 20.0) -> None:
    end = time.monotonic() + at_most_s
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


# --- asking again -----------------------------------------------------------------------------------------------------

PASSING: Mapping[str, Behaviour] = {
    "429": Fail(status=429),
    "500": Fail(status=500),
    "503": Fail(status=503),
    "529": Fail(status=529),
    "a reset connection": Reset(),
    "an error under status 200": Body(content=b'{"error": {"message": "upstream is busy", "code": 502}}'),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING)
def test_passing_trouble_is_asked_again(bench: Callable[..., Bench], ask: Ask, trouble: Behaviour) -> None:
    here = bench([trouble, trouble, Say(text="at last")])
    assert here.propose(ask())[0].text == "at last"
    assert len(here.server.heard) == 3


@pytest.mark.parametrize("trouble", [Stall(), Drip()], ids=["a stall", "a drip"])
def test_an_answer_that_takes_too_long_is_asked_again(
    bench: Callable[..., Bench], ask: Ask, trouble: Behaviour
) -> None:
    here = bench([trouble, Say(text="at last")], timeout_s=0.6)
    assert here.propose(ask())[0].text == "at last"


def test_a_servers_wish_to_wait_is_honoured(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Fail(status=429, headers={"Retry-After": "0.6"}), Say()])
    started = time.monotonic()
    here.propose(ask())
    assert time.monotonic() - started >= 0.6


def test_a_limit_of_requests_ends_no_proposal_while_others_are_answered(
    ask: Ask, store: RepliesInMemory, told: list[str], settings: ProposeSettings
) -> None:
    """Sixteen at once before a server that answers every third it hears, however long that takes; each may lose three
    tries."""
    calls = itertools.count(1)

    def every_third(heard: Heard) -> Behaviour:
        return echo(heard) if next(calls) % 3 == 0 else Fail(status=429, headers={"Retry-After": "0.05"})

    patient = settings.model_copy(update={"retries": 3, "concurrency": 16})
    backoff = Backoff(first_s=0.05, longest_s=0.1)
    with FakeServer(every_third) as server:
        proposer = LLMProposer("vllm/x", patient, base_url=server.base_url, tell=told.append, backoff=backoff)
        asked = [ask(f"g001-{i:02d}", str(i), index=i) for i in range(16)]
        assert [r.text for r in proposer.propose(asked, store=store)] == [str(i) for i in range(16)]


def test_a_servers_wish_to_wait_for_an_hour_ends_the_proposal(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Fail(status=429, headers={"Retry-After": "3600"})])
    with pytest.raises(ProposerError, match="asks to wait 3600 s"):
        here.propose(ask())
    assert len(here.server.heard) == 1


def test_patience_ends_after_the_set_number_of_retries(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Fail(status=503, error={"message": "overloaded"})], retries=2)
    with pytest.raises(ProposerError, match=r"after 3 tries \(HTTP 503: overloaded\)"):
        here.propose(ask())
    assert len(here.server.heard) == 3


def test_long_waits_are_told(ask: Ask, store: RepliesInMemory, told: list[str], settings: ProposeSettings) -> None:
    """The wait itself is cut short by another request that is refused for good."""

    def script(heard: Heard) -> Behaviour:
        if heard.body["messages"][-1]["content"] == "busy":
            return Fail(status=429, headers={"Retry-After": "30"})
        time.sleep(0.3)
        return Fail(status=403)

    with FakeServer(script) as server:
        proposer = LLMProposer("vllm/small", settings, base_url=server.base_url, tell=told.append)
        started = time.monotonic()
        with pytest.raises(ProposerError, match="HTTP 403"):
            proposer.propose([ask("g001-00", "busy"), ask("g001-01", "never", index=1)], store=store)
    assert time.monotonic() - started < 15.0
    assert len(told) == 1
    assert told[0].startswith("vllm/small: HTTP 429: the fake server was told to fail. Asking again in 3")


FINAL: Mapping[str, tuple[Behaviour, str]] = {
    "400": (Fail(status=400, error={"message": "context is full"}), "did not accept .*context is full"),
    "401": (Fail(status=401), "needs a key, and VLLM_API_KEY is not set"),
    "402": (Fail(status=402), "VLLM_API_KEY has no credit left"),
    "403": (Fail(status=403), "does not let the key in VLLM_API_KEY use 'small'"),
    "404": (Fail(status=404), "knows no model 'small'"),
    "no quota": (Fail(status=429, error={"message": "pay", "code": "insufficient_quota"}), "no credit left"),
    "a web page": (Body(content=b"<html>hello", content_type="text/html"), "no chat completion .*<html>hello"),
    "another protocol": (Body(content=b'{"text": "hi"}'), "no chat completion"),
    "another encoding": (Body(content='{"choices": []}'.encode("utf-16")), "no chat completion"),
    "noise": (Body(content=bytes(range(256))), "no chat completion"),
}


@pytest.mark.parametrize(("trouble", "says"), FINAL.values(), ids=FINAL)
def test_final_trouble_is_told_at_once_on_one_line(
    bench: Callable[..., Bench], ask: Ask, trouble: Behaviour, says: str
) -> None:
    here = bench([trouble])
    with pytest.raises(ProposerError, match=says) as raised:
        here.propose(ask())
    assert "\n" not in str(raised.value)
    assert len(here.server.heard) == 1


def test_a_server_that_is_not_there_is_told_without_retries(ask: Ask, store: RepliesInMemory) -> None:
    with FakeServer([Say()]) as gone:
        pass
    proposer = LLMProposer("ollama/llama3.2", ProposeSettings(), base_url=gone.base_url)
    with pytest.raises(ProposerError, match=r"Nothing answers at http://127.0.0.1.*ollama serve"):
        proposer.propose([ask()], store=store)


def test_a_server_that_answered_before_and_is_gone_is_asked_again(
    ask: Ask, store: RepliesInMemory, told: list[str], at_once: Backoff
) -> None:
    with FakeServer([Say()]) as server:
        settings = ProposeSettings(retries=1)
        proposer = LLMProposer("vllm/x", settings, base_url=server.base_url, tell=told.append, backoff=at_once)
        proposer.propose([ask()], store=store)
    with pytest.raises(ProposerError, match="No reply from vllm/x after 2 tries"):
        proposer.propose([ask("g001-01", index=1)], store=store)


# --- parameters that a model refuses ----------------------------------------------------------------------------------


def reasoning_model(heard: Heard) -> Behaviour:
    """What OpenAI's reasoning models say to the parameters of the others."""
    if "max_tokens" in heard.body:
        words = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        return Fail(status=400, error={"message": words, "param": "max_tokens", "code": "unsupported_parameter"})
    if heard.body.get("temperature", 1) != 1:
        words = "Unsupported value: 'temperature' does not support 0.2 with this model."
        return Fail(status=400, error={"message": words, "param": "temperature", "code": "unsupported_value"})
    return Say(text="thought")


def test_refused_parameters_are_renamed_or_left_out_and_told_once(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench(reasoning_model, model="openai/o9", temperature=0.2, max_tokens=500, takes_s=0.05)
    replies = here.propose(*(ask(f"g001-{n:02d}", index=n) for n in range(6)))
    assert {reply.text for reply in replies} == {"thought"}
    assert here.server.heard[-1].body["max_completion_tokens"] == 500
    assert "temperature" not in here.server.heard[-1].body
    assert [line for line in here.told if "price" not in line] == [
        "openai/o9 does not take 'max_tokens' as sent; 'max_completion_tokens' is sent instead.",
        "openai/o9 does not take 'temperature' as sent; it is left out from here on.",
    ]


def test_what_a_model_refused_once_is_not_sent_to_it_again(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench(reasoning_model)
    here.propose(ask("g001-00"))
    before = len(here.server.heard)
    here.propose(ask("g001-01", index=1))
    assert len(here.server.heard) == before + 1


# --- replies of every kind --------------------------------------------------------------------------------------------

REPLIES: Mapping[str, tuple[Behaviour, str, str]] = {
    "empty": (Say(text=""), "", "stop"),
    "null": (Say(text=None, finish=None), "", "unknown"),
    "cut off": (Say(text="def compute_rew", finish="length"), "def compute_rew", "length"),
    "refused": (Say(text=None, refusal="I cannot."), "I cannot.", "refusal"),
    "filtered": (Say(text="", finish="content_filter"), "", "content_filter"),
    "filtered prompt": (Fail(status=400, error={"message": "no", "code": "content_filter"}), "", "content_filter"),
    "several fences": (Say(text="```\na\n```\n```python\nb\n```"), "```\na\n```\n```python\nb\n```", "stop"),
    "in parts": (
        Body(content=b'{"choices": [{"message": {"content": [{"text": "a"}, {"text": "b"}]}}]}'),
        "ab",
        "unknown",
    ),
}


@pytest.mark.parametrize(("behaviour", "text", "finish"), REPLIES.values(), ids=REPLIES)
def test_a_bad_reply_is_a_reply_kept_as_it_came(
    bench: Callable[..., Bench], ask: Ask, behaviour: Behaviour, text: str, finish: str
) -> None:
    here = bench([behaviour])
    (reply,) = here.propose(ask())
    assert (reply.text, reply.finish) == (text, finish)
    assert list(here.store.replies.values()) == [reply]


def test_that_replies_are_cut_off_is_told_once_with_the_setting_that_cuts_them(
    bench: Callable[..., Bench], ask: Ask
) -> None:
    here = bench([Say(text="", finish="length")], max_tokens=500)
    here.propose(*(ask(f"g001-{n:02d}", index=n) for n in range(3)))
    here.propose(ask("g002-00"))
    assert here.told == [
        "A reply of vllm/small was cut off at propose.max_tokens = 500, which a model's reasoning counts towards. "
        "Where most are, begin a run with more: --set propose.max_tokens=2000."
    ]


def test_that_a_server_counts_no_tokens_is_told_once(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Body(content=b'{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}')])
    here.propose(*(ask(f"g001-{n:02d}", index=n) for n in range(3)))
    assert here.told == [
        "vllm/small did not say how many tokens a reply took: they count as 0 there, so that limits.tokens may end a "
        "run later than it says."
    ]


def test_a_filtered_prompt_says_nothing_of_tokens(bench: Callable[..., Bench], ask: Ask) -> None:
    """No reply was written, so none was left uncounted."""
    here = bench([Fail(status=400, error={"message": "no", "code": "content_filter"})])
    here.propose(ask())
    assert here.told == []


# --- cost -------------------------------------------------------------------------------------------------------------


def test_a_local_model_costs_nothing_and_nothing_is_said_of_it(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Say()])
    assert here.propose(ask())[0].cost_usd == 0.0
    assert here.told == []


def test_the_servers_own_figure_is_the_cost(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Say(more_usage={"cost": 0.0125})], model="openrouter/some/model")
    assert here.propose(ask())[0].cost_usd == 0.0125


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_missing_key_is_named_before_anybody_is_asked(ask: Ask, store: RepliesInMemory) -> None:
    proposer = LLMProposer("openai/gpt-5", ProposeSettings())
    for attempt in (proposer.check, lambda: proposer.propose([ask()], store=store)):
        with pytest.raises(ProposerError, match="'openai/gpt-5' needs a key, and OPENAI_API_KEY is not set"):
            attempt()
    assert store.requests == {}


@pytest.mark.parametrize(
    ("provider", "missing", "set_too", "refused"),
    [
        ("anthropic", ["ANTHROPIC_API_KEY"], "OPENAI_API_KEY", True),
        ("gemini", ["GOOGLE_API_KEY", "GEMINI_API_KEY"], "HF_TOKEN", True),
        ("azure", ["AZURE_API_BASE", "AZURE_API_KEY"], "AZURE_API_VERSION", True),
        ("azure", ["AZURE_API_BASE", "AZURE_API_KEY"], "AZURE_AD_TOKEN", False),
        ("together_ai", ["TOGETHERAI_API_KEY"], "TOGETHER_AI_TOKEN", False),
        ("huggingface", ["HUGGINGFACE_API_KEY"], "HF_TOKEN", False),
        ("bedrock", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "HF_TOKEN", False),
        ("vertex_ai", ["VERTEXAI_PROJECT"], "HF_TOKEN", False),
        ("mistral", [], "HF_TOKEN", False),
    ],
)
def test_a_key_is_missed_only_where_nothing_else_can_be_one(
    monkeypatch: pytest.MonkeyPatch, provider: str, missing: list[str], set_too: str, refused: bool
) -> None:
    for name in list(os.environ):
        if is_secret(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv(set_too, CANARY)
    assert _has_no_key(provider, missing) == refused


def test_a_proxy_that_nothing_can_use_is_told_before_anybody_is_asked(
    monkeypatch: pytest.MonkeyPatch, told: list[str], settings: ProposeSettings
) -> None:
    monkeypatch.setenv("ALL_PROXY", "no-such-scheme://localhost:1080")
    proposer = LLMProposer("vllm/x", settings, base_url="http://10.0.0.1:8000/v1", tell=told.append)
    with pytest.raises(ProposerError, match=r"cannot be asked: .* Look at the base URL, and at ALL_PROXY"):
        proposer.check()


def test_a_local_server_needs_no_key(bench: Callable[..., Bench], ask: Ask) -> None:
    here = bench([Say()], model="ollama/llama3.2")
    here.proposer.check()
    here.propose(ask())
    assert here.server.heard[0].headers["authorization"] == "Bearer none-needed"


def test_a_provider_is_sent_its_own_key_and_no_other(
    bench: Callable[..., Bench], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OPENROUTER_API_KEY", "or-key-of-the-other-one\n")
    here = bench([Say()], model="openrouter/some/model")
    here.propose(ask())
    assert here.server.heard[0].headers["authorization"] == "Bearer or-key-of-the-other-one"
    assert CANARY not in str(here.server.heard[0])


def test_a_key_that_cannot_be_one_is_told_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{CANARY} and more")
    with pytest.raises(ProposerError, match="What OPENAI_API_KEY holds is no key") as raised:
        LLMProposer("openai/gpt-5", ProposeSettings()).check()
    assert CANARY not in str(raised.value)


def test_keys_are_found_by_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", " ")
    assert keys_found() == ("OPENAI_API_KEY",)


TELLTALES: Mapping[str, Behaviour] = {
    "in a reply": Say(text=f"Your key is {CANARY}.", finish=CANARY),
    "in a refusal of the key": Fail(status=401, error={"message": f"Incorrect API key provided: {CANARY}"}),
    "in a bad request": Fail(status=400, error={"message": f"{'x' * 280} {CANARY}", "code": CANARY}),
    "in a forbidden one": Fail(status=403, error={"message": f"{CANARY} may not"}),
    "in a busy one": Fail(status=429, error={"message": f"{CANARY} is too fast"}, headers={"Retry-After": "6"}),
    "in a page": Body(content=f"<html>{CANARY}".encode()),
    "in a parameter": Fail(status=422, error={"message": f"temperature {CANARY}"}),
}


@pytest.mark.parametrize("behaviour", TELLTALES.values(), ids=TELLTALES)
def test_a_key_the_server_repeats_is_nowhere_to_be_found(
    bench: Callable[..., Bench],
    ask: Ask,
    behaviour: Behaviour,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("VLLM_API_KEY", CANARY)
    monkeypatch.setenv("OPENAI_LOG", "debug")
    here = bench([behaviour], retries=0)
    with caplog.at_level("DEBUG"):
        raised = _outcome(lambda: here.propose(ask("g001-00"), ask("g001-01", index=1)))
    assert here.server.heard[0].headers["authorization"] == f"Bearer {CANARY}"
    traces = [*here.told, raised, repr(here.store), caplog.text, *capfd.readouterr(), repr(vars(here.proposer))]
    assert [trace for trace in traces if "canary" in trace] == []


def _outcome(call: Callable[[], object]) -> str:
    """Everything a call returns or raises, with the chain of causes and their fields."""
    try:
        return repr(call())
    except ProposerError as error:
        chain: list[BaseException] = [error]
        while chain[-1].__cause__ or chain[-1].__context__:
            chain.append(chain[-1].__cause__ or chain[-1].__context__)
        shown = [f"{link!r} {vars(link)}" for link in chain]
        return "\n".join([*shown, *traceback.format_exception(error)])
