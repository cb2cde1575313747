"""Where a model is asked, told from its name and a base URL."""

from __future__ import annotations

import pytest

from rewardsmith.errors import UsageError
from rewardsmith.propose.endpoint import endpoint


@pytest.mark.parametrize(
    ("model", "base_url", "address", "name", "through"),
    [
        ("openai/gpt-5", None, None, "gpt-5", "openai"),
        ("openrouter/meta/llama", None, "https://openrouter.ai/api/v1", "meta/llama", "openai"),
        ("ollama/llama3.2:3b", None, "http://localhost:11434/v1", "llama3.2:3b", "openai"),
        ("vllm/Qwen/Qwen3-8B", "http://gpu:8000/v1", "http://gpu:8000/v1", "Qwen/Qwen3-8B", "openai"),
        ("anthropic/claude-sonnet-4-5", None, None, "claude-sonnet-4-5", "litellm"),
        ("anthropic/claude-sonnet-4-5", "http://proxy/v1", "http://proxy/v1", "claude-sonnet-4-5", "openai"),
    ],
)
def test_a_model_is_asked_where_its_provider_and_base_url_say(
    model: str, base_url: str | None, address: str | None, name: str, through: str
) -> None:
    at = endpoint(model, base_url=base_url)
    assert (at.base_url, at.model, at.through) == (address, name, through)


@pytest.mark.parametrize(
    ("model", "variable", "needed"),
    [
        ("openai/gpt-5", "OPENAI_API_KEY", True),
        ("openrouter/x", "OPENROUTER_API_KEY", True),
        ("ollama/x", "OLLAMA_API_KEY", False),
        ("x-ai/grok", "X_AI_API_KEY", False),
    ],
)
def test_each_provider_has_a_key_of_its_own_name(model: str, variable: str, needed: bool) -> None:
    at = endpoint(model)
    assert (at.key_env, at.key_needed) == (variable, needed)


def test_a_server_of_ones_own_needs_no_key() -> None:
    assert not endpoint("openai/x", base_url="http://localhost:8000/v1").key_needed


def test_the_sdks_own_variable_counts_as_a_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:9000/v1")
    assert endpoint("openai/x").base_url == "http://localhost:9000/v1"
    assert endpoint("vllm/x").base_url == "http://localhost:8000/v1"


@pytest.mark.parametrize(
    ("base_url", "local"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.0.0.2/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://a.b/v1", False),
    ],
)
def test_only_loopback_is_local(base_url: str, local: bool) -> None:
    assert endpoint("vllm/x", base_url=base_url).local is local


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    at = endpoint("vllm/x", base_url="https://user:password@gpu:8000/v1?token=secret#also")
    assert at.shown == "https://gpu:8000/v1"


@pytest.mark.parametrize("model", ["gpt-5", "/gpt-5", "openai/", ""])
def test_a_model_without_provider_or_name_is_a_usage_error(model: str) -> None:
    with pytest.raises(UsageError, match=r"names no provider\. Expected provider/model, e\.g\. openai/"):
        endpoint(model)


@pytest.mark.parametrize(
    "base_url", ["localhost:8000", "ftp://gpu/v1", "http://", "http://[::1", "http://gpu:80a0/v1", "http://gpu:99999"]
)
def test_a_base_url_that_is_none_is_a_usage_error(base_url: str) -> None:
    with pytest.raises(UsageError, match=r"is no address\. Expected e\.g\. --base-url http"):
        endpoint("vllm/x", base_url=base_url)
