"""How long to wait before asking again. Nothing here sleeps or asks."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """Exponential waits with jitter, and never less than a server's own Retry-After.

    The n-th wait is drawn from [1/2, 1] x `first_s` x 2^n, at most `longest_s`: requests that were told the same moment
    do not all come back at it. A server that asks for more than `patience_s` is not waited for.

    Reference: Brooker 2015, "Exponential Backoff And Jitter" (equal jitter).
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    patience_s: float = 600.0

    def wait_s(self, tries: int, asked_s: float | None, rng: random.Random) -> float:
        """Seconds to wait after `tries` earlier waits; never less than the server asked for."""
        ceiling = min(self.longest_s, self.first_s * 2.0 ** min(tries, 64))
        own_s = rng.uniform(0.5, 1.0) * ceiling
        if asked_s is None:
            return own_s
        return max(own_s, asked_s + rng.uniform(0.0, 0.1) * max(asked_s, self.first_s))

    def too_long(self, asked_s: float | None) -> bool:
        """Whether the server asks for a longer wait than is worth it."""
        return asked_s is not None and asked_s > self.patience_s


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds a server asks to wait, from `retry-after-ms` or `Retry-After` (seconds or a date), or None.

    Header names are looked up as given in lower case. Anything that cannot be read counts as not asked.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000.0
    value = headers.get("retry-after")
    seconds = _number(value)
    return seconds if seconds is not None else _seconds_until(value, now or datetime.now(UTC))


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0.0 else None


def _seconds_until(value: str | None, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(value) if value else None
    except (ValueError, OverflowError):  # a year or an hour of many digits
        return None
    if moment is None:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
