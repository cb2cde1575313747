"""A failed call in words for the person: what happened, and what to do next. Pinned by golden tests.

The words of a server come in as they are and leave on one line, cut short; secrets are struck out by `llm.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rewardsmith.errors import did_you_mean
from rewardsmith.propose.endpoint import ADDRESSES, Endpoint
from rewardsmith.propose.wire import Fault

INSTALL_LITELLM = "pip install 'rewardsmith[litellm]'"
_RESUME = "What did come is kept: `rewardsmith resume RUN` goes on from there."


def is_passing(fault: Fault) -> bool:
    """Whether the same request may well succeed later: the server was busy, broken or slow, or the line was lost."""
    if fault.code == "insufficient_quota":
        return False
    return fault.status is None or fault.status in {408, 409, 425, 429} or fault.status >= 500


def refuses_images(fault: Fault) -> bool:
    """Whether a server says that it, or its model, sees no images; to be asked of requests that show some."""
    return fault.status in _REFUSALS and _OF_IMAGES.search(fault.detail) is not None


_REFUSALS = {400, 404, 413, 415, 422, 500, 501}  # llama.cpp's server says 500
_OF_IMAGES = re.compile(r"\bimages?\b|image_url|\bvision\b|multi-?modal|mmproj", re.IGNORECASE)


def is_content_filter(fault: Fault) -> bool:
    """Whether a provider would not answer because of what was asked or said, which is a refusal, not a failure."""
    return fault.status == 400 and fault.code in {"content_filter", "content_policy_violation"}


def brief(fault: Fault) -> str:
    """A fault in a few words: the status, and what the server said, on one line."""
    said = one_line(fault.detail)
    status = f"HTTP {fault.status}" if fault.status is not None else ""
    return ": ".join(part for part in (status, said) if part) or "no reply"


def explained(fault: Fault, at: Endpoint, *, tries: int, answered: bool, pictured: bool = False) -> str:
    """Why the proposal ended, after `tries` calls.

    `answered` says whether the server ever answered us before, `pictured` whether the request showed images.
    """
    what = brief(fault)
    if pictured and (refuses_images(fault) or fault.status in {400, 413, 415, 422}):
        return (
            f"{at.shown} did not accept a request that showed pictures to '{at.model}' ({what}). If it sees none, "
            "begin a run with a model that does (advice.model=provider/model), or with advice.look=summaries."
        )
    if fault.status == 402 or fault.code == "insufficient_quota":
        return f"The account behind {at.key_env} has no credit left at {at.shown} ({what}). {_RESUME}"
    if fault.status == 403:
        return f"{at.shown} does not let the key in {at.key_env} use '{at.model}' ({what})."
    if fault.status == 404:
        return f"{at.shown} knows no model '{at.model}' ({what}). {_hint_name(at)}"
    if fault.garbled:
        return f"{at.shown} sent something that is no chat completion ({what}). A base URL usually ends in /v1."
    if fault.unreachable and not answered:
        return f"Nothing answers at {at.shown} ({what}). {_hint_unreachable(at)}"
    if is_passing(fault):
        return f"No reply from {at.provider}/{at.model} after {_times(tries)} ({what}). {_RESUME}"
    return f"{at.shown} did not accept the request to '{at.model}' ({what}).{_hint_provider(at)}"


def asks_too_long(fault: Fault, at: Endpoint) -> str:
    """The server wants us to come back much later."""
    return f"{at.shown} asks to wait {fault.wait_s:.0f} s, which is too long to sit out ({brief(fault)}). {_RESUME}"


def no_key(at: Endpoint, missing: Sequence[str] = ()) -> str:
    """A key is needed and is not there; `missing` are the variables, where litellm knows better than we do.

    Of several that hold a key by themselves one is named: any of them would do.
    """
    keys = [name for name in missing if name.endswith("_API_KEY")]
    names = tuple(name for name in missing if name not in keys[:-1]) or (at.key_env,)
    verb, it = ("is", "it") if len(names) == 1 else ("are", "them")
    exports = " ".join(f"{name}=..." for name in names)
    return (
        f"'{at.provider}/{at.model}' needs a key, and {' and '.join(names)} {verb} not set. "
        f"Set {it} (export {exports}) or choose --model offline, which needs none."
    )


def key_refused(at: Endpoint) -> str:
    """A key is there and the provider does not take it."""
    return f"{at.shown} refused the key in {at.key_env} (HTTP 401). Check that it is whole, current and meant for it."


def no_litellm(at: Endpoint) -> str:
    """The model is reached through litellm, and litellm is not installed."""
    return (
        f"'{at.provider}' is reached through litellm, which is not installed: {INSTALL_LITELLM}."
        f"{_hint_provider(at)} Without it: {', '.join(ADDRESSES)}, or any OpenAI-compatible server with --base-url."
    )


def one_line(text: str, *, limit: int = 300) -> str:
    """`text` on one line, printable, cut to `limit` characters."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= limit else f"{words[:limit]}..."


def _times(tries: int) -> str:
    return "1 try" if tries == 1 else f"{tries} tries"


def _hint_name(at: Endpoint) -> str:
    if at.provider == "ollama" and at.local:
        return f"Fetch it with `ollama pull {at.model}`."
    hint = " A base URL usually ends in /v1." if at.base_url else _hint_provider(at)
    return f"The word before the first '/' of --model names the provider and is not sent.{hint}"


def _hint_unreachable(at: Endpoint) -> str:
    if at.provider == "ollama" and at.local:
        return "Is Ollama running? Start it with `ollama serve`."
    return "Is the server running there?" if at.local else "Check the address and the network."


def _hint_provider(at: Endpoint) -> str:
    return "" if at.provider in ADDRESSES else did_you_mean(at.provider, ADDRESSES)
