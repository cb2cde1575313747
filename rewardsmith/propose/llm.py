"""A language model as proposer: any `provider/model`, several samples at once, patient, and never paid twice.

This is the only module that reads keys. They come from the environment, go to the provider, and are struck out of
every text that leaves here: no log, no error and no stored reply holds one. What a reply means is `prompting.py`'s;
an empty, cut-off or refused answer is a reply like any other.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import random
import re
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import httpx

from rewardsmith.config import ProposeSettings
from rewardsmith.environ import is_secret
from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import ReplyStore, Request
from rewardsmith.propose import faults, prices
from rewardsmith.propose.asking import Tell, described, from_cache, request_key, to_stderr
from rewardsmith.propose.dialect import Dialect
from rewardsmith.propose.endpoint import Endpoint, endpoint
from rewardsmith.propose.retry import Backoff
from rewardsmith.propose.wire import Answer, Call, Fault, LiteLLMWire, OpenAIWire, Wire
from rewardsmith.types import Reply

# --- keys -------------------------------------------------------------------------------------------------------------

_NO_KEY = "none-needed"
_SHORTEST_SECRET = 12  # shorter values are placeholders such as "EMPTY" or "ollama", and words of ordinary text


def keys_found() -> tuple[str, ...]:
    """The names (never the values) of the environment variables that hold a provider's key."""
    return tuple(sorted(name for name, value in os.environ.items() if name.endswith("_API_KEY") and value.strip()))


def _key(at: Endpoint) -> str:
    """The endpoint's key, or a placeholder where none is needed.

    Raises: ProposerError: it needs one that is not set, or what is set cannot be a key.
    """
    key = os.environ.get(at.key_env, "").strip()
    if not key and at.key_needed:
        raise ProposerError(faults.no_key(at))
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ProposerError(
            f"What {at.key_env} holds is no key: it has spaces, line breaks or letters outside ASCII. "
            "Copy the key again, without quotes or line breaks."
        )
    return key or _NO_KEY


_OTHER_KEYS = {"cohere": "CO_", "gemini": "PALM_", "huggingface": "HF_"}  # how else a provider's keys are called


def _has_no_key(provider: str, missing: Sequence[str]) -> bool:
    """Whether a provider that litellm reaches surely lacks its key, where the variables `missing` are not set.

    litellm takes more than it calls missing: `AZURE_AD_TOKEN`, `HF_TOKEN`, or what a cloud's own files hold.
    """
    starts = (re.split(r"[-_]", provider)[0].upper(), _OTHER_KEYS.get(provider, provider.upper()))
    others = (name for name, value in os.environ.items() if is_secret(name) and value.strip())
    return any(name.endswith("_API_KEY") for name in missing) and not any(n.startswith(starts) for n in others)


def _without_secrets(text: str) -> str:
    """`text` with every secret of this process's environment struck out."""
    for name, value in os.environ.items():
        secret = value.strip()
        if is_secret(name) and len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, f"[{name}]")
    return text


def _cleaned(fault: Fault) -> Fault:
    return replace(fault, detail=_without_secrets(fault.detail))


# --- the proposer -----------------------------------------------------------------------------------------------------


class LLMProposer:
    """Asks a language model, `settings.concurrency` requests at a time, and keeps what comes in the store.

    A 429, a 5xx, a time-out or a lost connection is asked again `settings.retries` times; anything else ends the
    proposal at once. Replies that are under way then are waited for and kept, as they are paid for.
    """

    origin: Literal["llm"] = "llm"

    def __init__(
        self,
        model: str,
        settings: ProposeSettings,
        *,
        base_url: str | None = None,
        tell: Tell = to_stderr,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = model
        self.endpoint = endpoint(model, base_url=base_url)
        self._settings = settings
        self._say = tell
        self._backoff = backoff or Backoff()
        self._dialect = Dialect(model=model, tell=self._tell)
        self._jitter = random.Random()
        self._answered = False
        self._price_told = self._tokens_told = False
        self._cut_told = False
        if self.endpoint.through == "litellm":
            _need_litellm(self.endpoint)

    def check(self) -> None:
        """Find out before a run starts whether the key is there; asks nobody.

        Raises: ProposerError: a key is needed and is not set, or no client can be made as the proxies are set.
        """
        wire, at = self._open(), self.endpoint
        missing = wire.missing_keys(self.name) if isinstance(wire, LiteLLMWire) else ()
        if _has_no_key(at.provider, missing):
            raise ProposerError(faults.no_key(at, missing))

    def propose(self, requests: Sequence[Request], *, store: ReplyStore) -> list[Reply]:
        """One reply a request, in order; those in the store are not asked for again.

        Raises: ProposerError: the model cannot be reached or refuses us; all replies that did come are in the store.
        """
        keys = [self._cache_key(request) for request in requests]
        stored = {key: reply for key in keys if (reply := store.get(key)) is not None}
        replies = {key: from_cache(reply) for key, reply in stored.items()}
        missing = {key: request for key, request in zip(keys, requests, strict=True) if key not in stored}
        if missing:
            replies |= _run(self._ask_all(missing, store))
        return [replies[key] for key in keys]

    def _cache_key(self, request: Request) -> str:
        return request_key(request, model=self.name, params=self._params(request))

    def _params(self, request: Request) -> dict[str, int | float]:
        """What we would like to send; the dialect has the last word on it, but not on the cache's key."""
        settings = self._settings
        seed = _sample_seed(request)
        return {"temperature": settings.temperature, "max_tokens": settings.max_tokens, "seed": seed}

    async def _ask_all(self, missing: Mapping[str, Request], store: ReplyStore) -> dict[str, Reply]:
        async with self._open() as wire:
            gate = asyncio.Semaphore(self._settings.concurrency)
            asking = _Asking(wire=wire, store=store, gate=gate, over=asyncio.Event())
            outcomes = await asyncio.gather(*(self._ask(key, missing[key], asking) for key in missing))
            fault = next((outcome for outcome in outcomes if isinstance(outcome, Fault)), None)
            if fault is not None:
                raise ProposerError(self._explained(_cleaned(fault), wire, pictured=any(map(_shows, missing.values()))))
        return {key: reply for key, reply in zip(missing, outcomes, strict=True) if isinstance(reply, Reply)}

    def _open(self) -> Wire:
        if self.endpoint.through == "litellm":
            return LiteLLMWire()
        key = _key(self.endpoint)
        try:
            return OpenAIWire(base_url=self.endpoint.base_url, key=key)
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise ProposerError(
                f"{self.endpoint.shown} cannot be asked: {_without_secrets(str(error))} Look at the base URL, and at "
                "ALL_PROXY, HTTP_PROXY and HTTPS_PROXY in the environment."
            ) from error

    async def _ask(self, key: str, request: Request, asking: _Asking) -> Reply | Fault | None:
        """A reply, stored; a fault that ends the proposal; or None where another request's fault already has."""
        async with asking.gate:
            if asking.over.is_set():
                return None
            asking.store.sent(key, request=self._described(request))
            started = time.monotonic()
            answer = await self._answer(request, asking)
            if not isinstance(answer, Answer):
                asking.over.set()
                return answer
            reply = self._reply(answer, seconds=time.monotonic() - started)
            asking.store.put(key, reply)
            if reply.finish == "length":
                self._tell_cut_off()
            return reply

    async def _answer(self, request: Request, asking: _Asking) -> Answer | Fault | None:
        """Ask until there is an answer or asking again makes no sense; None when the proposal ends meanwhile.

        A server that is at its limit of requests (429) but answers others of ours is asked as often as it takes.
        """
        waits = 0
        while True:
            call, answers = self._call(request), asking.answers
            outcome = await asking.wire.send(call)
            if isinstance(outcome, Answer):
                self._answered = True
                asking.answers += 1
                return outcome
            if faults.is_content_filter(outcome):
                return Answer(text="", finish="content_filter")
            if self._dialect.learn(outcome, call.params):
                continue
            if waits >= self._settings.retries or not self._worth_retrying(outcome):
                return outcome
            if _shows(request) and faults.refuses_images(outcome):
                return outcome
            await self._wait(outcome, waits, asking.over)
            if asking.over.is_set():
                return None
            served = outcome.status == 429 and asking.answers > answers
            waits = waits if served else waits + 1

    def _call(self, request: Request) -> Call:
        at = self.endpoint
        return Call(
            model=self.name if at.through == "litellm" else at.model,
            messages=request.prompt.messages,
            params=self._dialect.spelled(self._params(request)),
            timeout_s=self._settings.timeout_s,
        )

    def _worth_retrying(self, fault: Fault) -> bool:
        """Whether to ask again; where nobody ever made sense, there is likely no model."""
        if (fault.unreachable or fault.garbled) and not self._answered:
            return False
        return faults.is_passing(fault) and not self._backoff.too_long(fault.wait_s)

    async def _wait(self, fault: Fault, waits: int, over: asyncio.Event) -> None:
        """Sleep before the next try; ends early when the proposal is over."""
        seconds = self._backoff.wait_s(waits, fault.wait_s, self._jitter)
        if seconds >= 5.0:
            self._tell(f"{self.name}: {faults.brief(_cleaned(fault))}. Asking again in {seconds:.0f} s.")
        try:
            await asyncio.wait_for(over.wait(), seconds)
        except TimeoutError:
            return

    def _reply(self, answer: Answer, *, seconds: float) -> Reply:
        if not answer.tokens_in and not answer.tokens_out and answer.finish != "content_filter":
            self._tell_no_tokens()
        return Reply(
            text=_without_secrets(answer.text),
            finish=_without_secrets(answer.finish),
            model=self.name,
            tokens_in=answer.tokens_in,
            tokens_out=answer.tokens_out,
            cost_usd=self._cost_usd(answer),
            seconds=seconds,
        )

    def _cost_usd(self, answer: Answer) -> float:
        """The server's own figure, or tokens times the table's price; 0 where nobody knows, which is told once."""
        if answer.cost_usd is not None:
            return answer.cost_usd
        if self.endpoint.local:
            return 0.0
        price = prices.price_of(self.endpoint.provider, self.endpoint.model)
        if price is None:
            self._tell_no_price()
            return 0.0
        return price.cost_usd(
            tokens_in=answer.tokens_in, tokens_out=answer.tokens_out, cached_in=answer.tokens_in_cached
        )

    def _tell_no_tokens(self) -> None:
        if self._tokens_told:
            return
        self._tokens_told = True
        self._tell(
            f"{self.name} did not say how many tokens a reply took: they count as 0 there, so that limits.tokens may "
            "end a run later than it says."
        )

    def _tell_no_price(self) -> None:
        if self._price_told:
            return
        self._price_told = True
        no_table = f"there is no price table here: {faults.INSTALL_LITELLM}"
        why = "it is not in litellm's price table" if prices.has_table() else no_table
        self._tell(
            f"The price of {self.name} is not known ({why}); its cost counts as 0, so that limits.cost_usd ends "
            "nothing. Its tokens are counted, for limits.tokens."
        )

    def _tell_cut_off(self) -> None:
        if self._cut_told:
            return
        self._cut_told = True
        limit = self._settings.max_tokens
        self._tell(
            f"A reply of {self.name} was cut off at propose.max_tokens = {limit}, which a model's reasoning counts "
            f"towards. Where most are, begin a run with more: --set propose.max_tokens={4 * limit}."
        )

    def _described(self, request: Request) -> dict[str, object]:
        return described(request, model=self.name, served_at=self.endpoint.shown, params=self._params(request))

    def _tell(self, line: str) -> None:
        self._say(_without_secrets(line))

    def _explained(self, fault: Fault, wire: Wire, *, pictured: bool) -> str:
        if fault.status == 401:
            return self._key_refused(wire)
        if self._backoff.too_long(fault.wait_s):
            return faults.asks_too_long(fault, self.endpoint)
        tries = self._settings.retries + 1
        return faults.explained(fault, self.endpoint, tries=tries, answered=self._answered, pictured=pictured)

    def _key_refused(self, wire: Wire) -> str:
        """What 401 means: no key was sent, or a wrong one. The server's words are left out, as some quote the key."""
        at = self.endpoint
        missing = wire.missing_keys(self.name) if isinstance(wire, LiteLLMWire) else ()
        is_set = bool(os.environ.get(at.key_env, "").strip())
        return faults.no_key(at, missing) if missing or not is_set else faults.key_refused(at)


@dataclass(kw_only=True, slots=True)
class _Asking:
    """What the requests of one proposal share; `over` is set by the first fault that ends it."""

    wire: Wire
    store: ReplyStore
    gate: asyncio.Semaphore
    over: asyncio.Event
    answers: int = 0


def _run(asking: Coroutine[None, None, dict[str, Reply]]) -> dict[str, Reply]:
    """Run to the end, from a thread of its own where an event loop is already running (a notebook)."""
    if not _inside_a_loop():
        return asyncio.run(asking)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asking).result()


def _inside_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _sample_seed(request: Request) -> int:
    """A seed of 31 bits: its own for each sample, and the same when a run is resumed."""
    return int.from_bytes(hashlib.sha256(f"{request.seed}:{request.index}".encode()).digest()[:4]) >> 1


def _shows(request: Request) -> bool:
    """Whether the request shows images."""
    return any(message.images for message in request.prompt.messages)


def _need_litellm(at: Endpoint) -> None:
    if importlib.util.find_spec("litellm") is None:
        raise ProposerError(faults.no_litellm(at))
