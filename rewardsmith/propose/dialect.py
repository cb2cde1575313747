"""Which parameters a model takes, learnt from its refusals: reasoning models refuse a temperature, some rename limits.

Guessing this from a model's name goes out of date within weeks; a refusal says it, and costs one unpaid call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rewardsmith.propose.asking import Tell
from rewardsmith.propose.wire import Fault

_SPELLINGS = {
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens", "max_completion_tokens"),
    "seed": ("seed",),
}
"""How a parameter of ours may be called, tried in this order; after the last it is left out."""
NAMED_WITHIN = 500  # characters of a refusal; behind them some servers repeat the prompt, or the whole request


class Dialect:
    """How one model spells its parameters. Each change is told once and kept for all later calls."""

    def __init__(self, *, model: str, tell: Tell) -> None:
        self._model = model
        self._tell = tell
        self._spelling = dict.fromkeys(_SPELLINGS, 0)

    def spelled(self, params: Mapping[str, int | float]) -> dict[str, int | float]:
        """The parameters by the names this model takes, without those it takes under no name."""
        return {wire: value for name, value in params.items() if (wire := self._wire_name(name)) is not None}

    def learn(self, fault: Fault, sent: Mapping[str, int | float]) -> bool:
        """Whether the same request is worth sending again, spelt otherwise, after `fault` answered `sent`."""
        if fault.status not in {400, 422}:
            return False
        refused = next((wire for wire in sent if _names(fault, wire)), None)
        if refused is not None:
            self._give_up(refused)
        return refused is not None

    def _wire_name(self, name: str) -> str | None:
        spellings, at = _SPELLINGS[name], self._spelling[name]
        return spellings[at] if at < len(spellings) else None

    def _give_up(self, refused: str) -> None:
        """Move on from a spelling, unless an answer to a concurrent call already did."""
        name = next((name for name in _SPELLINGS if self._wire_name(name) == refused), None)
        if name is None:
            return
        self._spelling[name] += 1
        instead = self._wire_name(name)
        what = f"'{instead}' is sent instead" if instead else "it is left out from here on"
        self._tell(f"{self._model} does not take '{refused}' as sent; {what}.")


def _names(fault: Fault, wire: str) -> bool:
    """Whether a refusal is about this parameter: by its `param` field, or else by a word with which it begins."""
    if fault.parameter in _ALL_SPELLINGS:
        return fault.parameter == wire
    return re.search(rf"\b{wire}\b", fault.detail[:NAMED_WITHIN]) is not None


_ALL_SPELLINGS = frozenset(spelling for spellings in _SPELLINGS.values() for spelling in spellings)
