"""What a run may still spend. Limits are checked before a generation, and where a training is kept (`session.py`)."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rewardsmith.config import LimitSettings
from rewardsmith.errors import LimitReached
from rewardsmith.types import Attempt, Generation, Spend

MIB = 2**20
Gauges = Mapping[str, Callable[[], float]]
"""What no attempt is charged for, by the name of its limit: how much of it has been used up to now."""


class Budget:
    """The run's limits less what its generations have cost.

    A gauge is read only where its limit is set. Without one for `hours`, these count from when the budget was made.
    """

    def __init__(
        self, limits: LimitSettings, history: Sequence[Generation] = (), *, gauges: Gauges | None = None
    ) -> None:
        self._limits, self._gauges = limits, gauges or {}
        self._spent = Spend()
        self._started = time.monotonic()
        for generation in history:
            self.charge(generation.attempts)

    @property
    def spent(self) -> Spend:
        """Everything charged so far."""
        return self._spent

    def charge(self, attempts: Sequence[Attempt]) -> None:
        """Add what these attempts have cost."""
        for attempt in attempts:
            self._spent = self._spent + attempt.spend

    def exceeded(self) -> str | None:
        """Which limit has been reached, in a few words; None while all is well."""
        for name, used in self._meters().items():
            limit = getattr(self._limits, name)
            if limit is not None and (amount := used()) >= limit:
                return f"limits.{name} = {limit:.15g} reached ({_amount(amount)} used)"
        return None

    def check(self) -> None:
        """Raises: LimitReached: a limit has been reached; the message says which."""
        if (reached := self.exceeded()) is not None:
            raise LimitReached(reached)

    def _meters(self) -> Gauges:
        """How much of everything that has a limit is used."""
        spent, started = self._spent, self._started
        return {
            "hours": lambda: (time.monotonic() - started) / 3600,
            "cost_usd": lambda: spent.cost_usd,
            "tokens": lambda: spent.tokens_in + spent.tokens_out,
            "env_steps": lambda: spent.env_steps,
            **self._gauges,
        }


def _amount(used: float) -> str:
    """Four digits, or all before the point."""
    return f"{used:.0f}" if used >= 1000 else f"{used:.4g}"


def resident_mib() -> float:
    """The memory that this process holds, in MiB; where the system does not say, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (MIB if sys.platform == "darwin" else 1024)
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB
