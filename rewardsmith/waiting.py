"""Waits for a person between two generations: for Enter, for `rewardsmith feedback` from another shell, or in vain."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable
from typing import Literal

GRACE_S = 20.0
"""How long to wait for more once something was said."""

Ended = Literal["enter", "said", "timeout"]


def wait(count_said: Callable[[], int], *, timeout_s: float, grace_s: float = GRACE_S, poll_s: float = 0.2) -> Ended:
    """Return when Enter is pressed, when words came and none followed for `grace_s`, or after `timeout_s`.

    `count_said` is asked every `poll_s` for the number of inputs that no generation has taken in yet.
    """
    seen, quiet_since = count_said(), time.monotonic()
    deadline = quiet_since + timeout_s
    listening = sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
    while time.monotonic() < deadline:
        if listening and _line_within(poll_s):
            return "enter"
        if not listening:
            time.sleep(poll_s)
        count = count_said()
        if count != seen:
            seen, quiet_since = count, time.monotonic()
        elif seen and time.monotonic() - quiet_since >= grace_s:
            return "said"
    return "timeout"


def _line_within(seconds: float) -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    if ready:
        sys.stdin.readline()
    return bool(ready)
