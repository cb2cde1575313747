"""One call to a model over HTTP: what is sent, and what came back, as a value.

Two ways out: the openai SDK (OpenAI and every server that speaks its protocol) and litellm (everybody else). A call
that fails is a `Fault` that says how, never an exception, so no request with its key hangs on to an error that is
shown. This module neither waits, retries nor stores, and it decides nothing: `llm.py` does.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self, cast

import openai
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, field_validator

from rewardsmith.propose.retry import retry_after_s
from rewardsmith.types import Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What is sent. `params` are by the names this model takes; `timeout_s` bounds the whole call, drips included."""

    model: str
    messages: tuple[Message, ...]
    params: Mapping[str, int | float]
    timeout_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a model said, empty and cut-off answers included; `cost_usd` is the server's own figure, where it has one.

    `finish` is the provider's word, "refusal" for a refusal it marks as such, "unknown" where it says nothing.
    """

    text: str
    finish: str
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_in_cached: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Why there is no answer. `detail` is the server's own words, raw: clean it before it is shown.

    `status` is None where no HTTP answer came; `unreachable` says that not even a connection was made. `garbled` is a
    success whose body is no chat completion. `parameter` is the one the server says it refuses, where it names it.
    """

    detail: str
    status: int | None = None
    code: str = ""
    parameter: str = ""
    wait_s: float | None = None
    unreachable: bool = False
    garbled: bool = False


class Wire(Protocol):
    """An open way to a model; entered and left inside one event loop."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def send(self, call: Call) -> Answer | Fault: ...


class OpenAIWire:
    """The openai SDK, its own retries off. `base_url` None is OpenAI itself."""

    def __init__(self, *, base_url: str | None, key: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def send(self, call: Call) -> Answer | Fault:
        """Make one call; the body is read by us, as compatible servers answer in many ways."""
        try:
            async with asyncio.timeout(call.timeout_s):
                raw = await self._client.chat.completions.with_raw_response.create(
                    model=call.model,
                    messages=_plain(call.messages),
                    timeout=call.timeout_s,
                    extra_body=dict(call.params),
                )
        except TimeoutError:
            return _timed_out(call)
        except openai.OpenAIError as error:
            return _fault(error)
        return read_completion(raw.text)


class LiteLLMWire:
    """litellm, imported here at first use; it finds the provider's key in the environment by itself."""

    def __init__(self) -> None:
        self._litellm = _import_litellm()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._litellm.close_litellm_async_clients()

    async def send(self, call: Call) -> Answer | Fault:
        """Make one call; litellm maps every provider's errors to the openai SDK's."""
        try:
            async with asyncio.timeout(call.timeout_s):
                completion = await self._litellm.acompletion(
                    model=call.model,
                    messages=_plain(call.messages),
                    timeout=call.timeout_s,
                    num_retries=0,
                    max_retries=0,
                    **call.params,
                )
        except TimeoutError:
            return _timed_out(call)
        except openai.OpenAIError as error:
            return _fault(error)
        return read_completion(json.dumps(completion.model_dump(), default=str))

    def missing_keys(self, model: str) -> tuple[str, ...]:
        """Environment variables that litellm would have for this model's provider and that are not set."""
        named = self._litellm.validate_environment(model=model)["missing_keys"]
        return tuple(name for name in named if not os.environ.get(name, "").strip())


def _import_litellm() -> ModuleType:
    """Import litellm with its price table from disk (by default it fetches one) and without reading a `.env` file."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    import litellm

    litellm.suppress_debug_info = True
    return litellm


def _plain(messages: tuple[Message, ...]) -> Any:  # the SDK's own type is a union of dicts by role
    return [{"role": message.role, "content": _content(message)} for message in messages]


def _content(message: Message) -> str | list[dict[str, object]]:
    """A message's text; with images a list of parts, each image after its caption, its bytes in the request itself."""
    if not message.images:
        return message.content
    parts: list[dict[str, object]] = [{"type": "text", "text": message.content}]
    for image in message.images:
        url = f"data:image/png;base64,{base64.b64encode(image.content).decode()}"
        parts += [{"type": "text", "text": image.caption}, {"type": "image_url", "image_url": {"url": url}}]
    return parts


# --- what came back ---------------------------------------------------------------------------------------------------


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class _Said(_Lenient):
    content: str | list[Any] | None = None
    refusal: str | None = None


class _Choice(_Lenient):
    message: _Said
    finish_reason: str | None = None
    error: Any = None  # OpenRouter's, where a provider broke off in the middle


class _CachedTokens(_Lenient):
    cached_tokens: int | None = None


class _Usage(_Lenient):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _CachedTokens | None = None
    cost: float | None = Field(None, ge=0.0, allow_inf_nan=False)  # OpenRouter's, in US dollars

    @field_validator("*", mode="wrap")
    @classmethod
    def _unreadable_counts_as_none(cls, given: object, read: ValidatorFunctionWrapHandler) -> object:
        """What of a bill can be read counts."""
        try:
            return read(given)
        except ValidationError:
            return None


class _Completion(_Lenient):
    choices: list[_Choice]
    usage: _Usage | None = None

    @field_validator("usage", mode="wrap")
    @classmethod
    def _unreadable_counts_as_none(cls, usage: object, read: ValidatorFunctionWrapHandler) -> _Usage | None:
        """A reply is not thrown away because its bill cannot be read."""
        try:
            return cast("_Usage | None", read(usage))
        except ValidationError:
            return None


class _Refused(_Lenient):
    message: str = ""
    code: str | None = None
    param: str | None = None


class _Trouble(_Lenient):
    error: _Refused


def read_completion(body: str) -> Answer | Fault:
    """Read the body of a successful response.

    A body that is no chat completion is a `Fault`; OpenRouter, for one, sends a provider's error under status 200.
    """
    try:
        completion = _Completion.model_validate_json(_clean_json(body))
    except (ValueError, RecursionError):
        return _no_completion(body)
    if not completion.choices:
        return _no_completion(body)
    broken = completion.choices[0].error
    return _no_completion(json.dumps({"error": broken})) if broken else _answer(completion)


def _clean_json(body: str) -> bytes:
    """The same JSON with half surrogate pairs replaced: models do write them, and no strict reader takes them."""
    return json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")


def _answer(completion: _Completion) -> Answer:
    choice, usage = completion.choices[0], completion.usage or _Usage()
    details = usage.prompt_tokens_details or _CachedTokens()
    refusal = choice.message.refusal
    return Answer(
        text=refusal or _text(choice.message.content),
        finish="refusal" if refusal else choice.finish_reason or "unknown",
        tokens_in=max(0, usage.prompt_tokens or 0),
        tokens_out=max(0, usage.completion_tokens or 0),
        tokens_in_cached=max(0, details.cached_tokens or 0),
        cost_usd=usage.cost,
    )


def _text(content: str | list[Any] | None) -> str:
    """The text of a message; some servers send it in parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content or ""


def _no_completion(body: str) -> Fault:
    try:
        trouble = _Trouble.model_validate_json(body).error
    except ValidationError:
        return Fault(detail=body, garbled=True)
    code = trouble.code or ""
    status = int(code) if code.isascii() and code.isdigit() else None
    return Fault(detail=trouble.message, status=status, code=code, garbled=status is None)


# --- what went wrong --------------------------------------------------------------------------------------------------


def _timed_out(call: Call) -> Fault:
    return Fault(detail=f"no complete answer within the {call.timeout_s:g} s of propose.timeout_s")


def _fault(error: openai.OpenAIError) -> Fault:
    """The same for both ways out: litellm's errors derive from the SDK's."""
    if isinstance(error, openai.APITimeoutError):
        return Fault(detail="no answer in time")
    status = getattr(error, "status_code", None)
    unreachable = _never_connected(error)
    if unreachable or not isinstance(status, int):
        return Fault(detail=_innermost(error), unreachable=unreachable)
    refused = _refused(error)
    if status < 400:  # litellm raises where the body of a success cannot be read
        return Fault(detail=refused.message, garbled=True)
    code, parameter = _code(error, refused), refused.param or ""
    return Fault(detail=refused.message, status=status, code=code, parameter=parameter, wait_s=_asked_wait_s(error))


def _refused(error: openai.OpenAIError) -> _Refused:
    """What the body of an error says, in the protocol's own form or FastAPI's (`{"detail": ...}`)."""
    body = getattr(error, "body", None)
    if not isinstance(body, Mapping):
        said, _, _ = str(getattr(error, "message", error)).partition("\nTraceback (most recent call last)")  # litellm's
        return _quoted(said)
    message = body.get("message") or body.get("detail") or body
    words = message if isinstance(message, str) else json.dumps(message, default=str)
    return _Refused(message=words, code=_word(body.get("code")), param=_word(body.get("param")))


def _quoted(message: str) -> _Refused:
    """litellm quotes a provider's body behind words of its own: `litellm.X: YException - {"error": {...}}`."""
    try:
        return _Trouble.model_validate_json(message[message.find("{") :]).error
    except ValidationError:
        return _Refused(message=message)


def _code(error: openai.OpenAIError, refused: _Refused) -> str:
    """The provider's code; litellm has a type for the one that matters where the code is lost."""
    filtered = type(error).__name__ == "ContentPolicyViolationError"
    return "content_policy_violation" if filtered else refused.code or ""


def _asked_wait_s(error: openai.OpenAIError) -> float | None:
    """What Retry-After said; litellm keeps the headers on the side."""
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or (response.headers if response is not None else {})
    return retry_after_s(headers)


def _word(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, outermost first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _never_connected(error: BaseException) -> bool:
    """Whether no connection was made; the HTTP library's errors are told by name, as the SDK changed libraries."""
    return any(type(cause).__name__ in {"ConnectError", "ClientConnectorError"} for cause in _causes(error))


def _innermost(error: BaseException) -> str:
    """The words of the deepest cause that has any: `[Errno 111] Connection refused`, not `Connection error.`"""
    words = [str(cause) or type(cause).__name__ for cause in _causes(error)]
    return next((text for text in reversed(words) if not text.startswith("All connection attempts failed")), words[0])
