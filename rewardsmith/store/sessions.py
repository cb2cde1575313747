"""How long a run has been worked on, by the times in its ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

BY_OTHERS = frozenset({"people", "repaired", "files"})
"""Events that another process writes too, at any time."""


def worked_s(moments: Iterable[tuple[str, str]], *, latest_s: float | None = None) -> float:
    """Seconds of all sessions, given each event's kind and time in order.

    A session lasts from its beginning to its last event: what was done after that was lost with it. Of the latest one
    that is still under way, `latest_s` says how long it has lasted, by a clock that nobody sets.
    """
    total, began, latest = 0.0, None, None
    for kind, at in moments:
        if kind == "session":
            total += _between(began, latest)
            began = latest = datetime.fromisoformat(at)
        elif kind not in BY_OTHERS:
            latest = datetime.fromisoformat(at)
    return total + (_between(began, latest) if latest_s is None else latest_s)


def _between(first: datetime | None, last: datetime | None) -> float:
    """Never less than 0: a clock may have been set back."""
    return max(0.0, (last - first).total_seconds()) if first and last else 0.0
