"""What a call costs, from the price table that litellm carries on disk; litellm itself is not imported for it.

A price that is not in the table is None, never a guess. Tiers by prompt length are not modelled: our prompts are short.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE_FILE = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """US dollars per token; `cached_in` is for the part of a prompt that the provider had cached."""

    tokens_in: float
    tokens_out: float
    cached_in: float

    def cost_usd(self, *, tokens_in: int, tokens_out: int, cached_in: int = 0) -> float:
        """The cost of one call; `cached_in` of the `tokens_in` were cached."""
        cached = min(cached_in, tokens_in)
        return (tokens_in - cached) * self.tokens_in + cached * self.cached_in + tokens_out * self.tokens_out


def price_of(provider: str, model: str) -> Price | None:
    """The price of a provider's model, or None where the table (or litellm) does not have it."""
    table = _table()
    entry = table.get(f"{provider}/{model}") or table.get(model)
    return _price(entry) if entry is not None and _sold_by(provider, entry) else None


def _sold_by(provider: str, entry: Mapping[str, object]) -> bool:
    """Whether an entry is of that provider, which the table may call by a longer name, such as `bedrock_converse`."""
    name = str(entry.get("litellm_provider"))
    return name == provider or name.startswith((f"{provider}-", f"{provider}_"))


def has_table() -> bool:
    """Whether there is a price table on this machine."""
    return bool(_table())


def _price(entry: Mapping[str, object]) -> Price | None:
    tokens_in, tokens_out = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if not isinstance(tokens_in, int | float) or not isinstance(tokens_out, int | float):
        return None
    cached = entry.get("cache_read_input_token_cost")
    cached_in = cached if isinstance(cached, int | float) else tokens_in
    return Price(tokens_in=float(tokens_in), tokens_out=float(tokens_out), cached_in=float(cached_in))


@cache
def _table() -> Mapping[str, Mapping[str, object]]:
    spec = importlib.util.find_spec("litellm")
    folders = (spec.submodule_search_locations or []) if spec else []
    files = [Path(folder) / _TABLE_FILE for folder in folders]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        return {}
    table = json.loads(found.read_text(encoding="utf-8"))
    return {name: entry for name, entry in table.items() if isinstance(entry, dict)}
