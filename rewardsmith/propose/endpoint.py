"""Where a `provider/model` is asked: its address, the name of its key, and the library that speaks to it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from rewardsmith.errors import UsageError

ADDRESSES: Mapping[str, str | None] = {
    "openai": None,
    "openrouter": "https://openrouter.ai/api/v1",
    "ollama": "http://localhost:11434/v1",
    "vllm": "http://localhost:8000/v1",
    "llamacpp": "http://localhost:8080/v1",
    "lmstudio": "http://localhost:1234/v1",
}
"""Providers that speak OpenAI's protocol, and where; all others go through litellm unless a base URL is given."""

_KEY_NEEDED = frozenset({"openai", "openrouter"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where a model is asked. `model` is its name there; `base_url` None is the library's own address.

    `key_env` is the name of the environment variable that holds the key.
    """

    provider: str
    model: str
    base_url: str | None
    key_env: str
    key_needed: bool
    through: Literal["openai", "litellm"]

    @property
    def local(self) -> bool:
        """Whether the model is served on this machine, where it costs nothing."""
        return self.base_url is not None and _is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def shown(self) -> str:
        """The address without any user, password or query that a person may have put into it."""
        return self.provider if self.base_url is None else public(self.base_url)


def endpoint(model: str, *, base_url: str | None = None) -> Endpoint:
    """Where `provider/model` is asked. What stands before the first slash is the provider, and is not sent.

    OPENAI_BASE_URL, the openai SDK's own variable, counts as a base URL of `openai/...`.

    Raises: UsageError: no provider or no model in it, or the base URL is no http(s) address.
    """
    provider, _, name = model.partition("/")
    if not (provider and name):
        raise UsageError(_no_provider(model))
    given = base_url or (os.environ.get("OPENAI_BASE_URL") if provider == "openai" else None)
    if given and not _is_address(given):
        raise UsageError(f"The base URL '{given}' is no address. Expected e.g. --base-url http://localhost:8000/v1.")
    return Endpoint(
        provider=provider,
        model=name,
        base_url=given or ADDRESSES.get(provider),
        key_env=f"{provider.upper().replace('-', '_')}_API_KEY",
        key_needed=not given and provider in _KEY_NEEDED,
        through="openai" if given or provider in ADDRESSES else "litellm",
    )


def public(url: str) -> str:
    """An address as it may be kept and shown: without user, password, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _no_provider(model: str) -> str:
    example = model.strip("/") or "gpt-5"
    return (
        f"--model '{model}' names no provider. Expected provider/model, e.g. openai/{example} (with --base-url for a "
        "server of your own), or one of offline, manual[:FOLDER], replay:PATH."
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port  # a ValueError where it is no number below 65536
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
