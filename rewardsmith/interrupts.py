"""Ctrl-C and SIGTERM: the first stops between two events of the ledger, the second at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"


class Interrupts:
    """While entered, the first signal raises `KeyboardInterrupt`, inside `held` only once that is through.

    Main thread only. A second signal ends the process at once with exit code 130; the ledger survives that.
    """

    def __init__(self) -> None:
        self._asked = False
        self._holding = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on) for number in SIGNALS}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let what is inside finish before a signal takes effect."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._asked:
            raise KeyboardInterrupt

    def _on(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's shape
        if self._asked:
            if sys.stdout.isatty():
                os.write(sys.stdout.fileno(), _SHOW_CURSOR.encode())
            os._exit(130)
        self._asked = True
        if not self._holding:
            raise KeyboardInterrupt
