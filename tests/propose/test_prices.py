"""Prices: exact where the table has them, None where it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rewardsmith.propose.prices import Price, has_table, price_of

needs_table = pytest.mark.skipif(not has_table(), reason="litellm, which carries the price table, is not installed")


def test_a_call_costs_its_tokens_times_their_prices() -> None:
    # 600 fresh at 2e-6, 400 cached at 1e-6, 100 out at 8e-6: 0.0012 + 0.0004 + 0.0008
    price = Price(tokens_in=2e-6, tokens_out=8e-6, cached_in=1e-6)
    assert price.cost_usd(tokens_in=1000, tokens_out=100, cached_in=400) == pytest.approx(0.0024)


def test_no_more_tokens_are_cached_than_were_sent() -> None:
    price = Price(tokens_in=2e-6, tokens_out=0.0, cached_in=1e-6)
    assert price.cost_usd(tokens_in=10, tokens_out=0, cached_in=99) == pytest.approx(1e-5)


@needs_table
@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("anthropic", "claude-sonnet-4-5"),
        ("vertex_ai", "gemini-2.5-pro"),
        ("bedrock", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
        ("bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
    ],
)
def test_well_known_models_have_a_price(provider: str, model: str) -> None:
    price = price_of(provider, model)
    assert price is not None
    assert 0.0 < price.tokens_in < price.tokens_out < 1e-3


@needs_table
@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-that-never-was"), ("vllm", "gpt-4o-mini")])
def test_an_unknown_price_is_none_and_never_another_providers(provider: str, model: str) -> None:
    assert price_of(provider, model) is None


@needs_table
def test_the_table_is_read_without_importing_litellm() -> None:
    look = "from rewardsmith.propose.prices import price_of; price_of('openai', 'gpt-4o-mini')"
    code = f"import sys; {look}; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_litellm_there_is_no_price() -> None:
    hide = "import sys; sys.modules['litellm'] = None"
    look = "from rewardsmith.propose.prices import price_of, has_table"
    code = f"{hide}; {look}; sys.exit(has_table() or price_of('openai', 'gpt-4o-mini') is not None)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
