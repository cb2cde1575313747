"""What a run may still spend. Limits are checked before a generation, never within one."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rewardsmith.config import LimitSettings
from rewardsmith.types import Attempt, Generation, Spend


class Budget:
    """The run's limits less what its generations have cost.

    `hours` counts the time spent on finished generations, over all sessions, plus this session's running one.
    """

    def __init__(self, limits: LimitSettings, history: Sequence[Generation] = ()) -> None:
        self._limits = limits
        self._spent = Spend()
        self._earlier_s = 0.0
        self._started = time.monotonic()
        for generation in history:
            self.charge(generation.attempts)
            self._earlier_s += sum(a.spend.seconds for a in generation.attempts)

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
        limits, spent = self._limits, self._spent
        hours = (self._earlier_s + time.monotonic() - self._started) / 3600
        tokens = spent.tokens_in + spent.tokens_out
        checks: list[tuple[str, float, float | None]] = [
            ("hours", hours, limits.hours),
            ("cost_usd", spent.cost_usd, limits.cost_usd),
            ("tokens", tokens, limits.tokens),
            ("env_steps", spent.env_steps, limits.env_steps),
        ]
        for name, used, limit in checks:
            if limit is not None and used >= limit:
                return f"limits.{name} = {limit:g} reached ({used:.4g} used)"
        return None
