"""A clock that is set forward or back changes no deadline and no order."""

from __future__ import annotations

import ast
from pathlib import Path

import rewardsmith
from rewardsmith.store.ledger import Ledger

PACKAGE = Path(rewardsmith.__file__).parent
STAMPS = {"anchors/measure.py", "store/folders.py", "store/ledger.py"}
"""Modules that read the wall clock, to write down when something was."""

ASKED = {"propose/retry.py"}
"""A server may ask to be left alone until a time of day."""


def _reads_the_wall_clock(file: Path) -> bool:
    calls = [node.func for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    names = {f"{ast.unparse(call.value)}.{call.attr}" for call in calls if isinstance(call, ast.Attribute)}
    return bool(names & {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.datetime.now"})


def test_only_stamps_come_from_a_clock_that_can_be_set() -> None:
    found = {str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py") if _reads_the_wall_clock(file)}
    assert found == STAMPS | ASKED


def test_events_keep_their_order_when_the_clock_goes_back(tmp_path: Path) -> None:
    times = iter(["2030-01-01T00:00:00.000000Z", "1999-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z"])
    ledger = Ledger(tmp_path / "ledger.sqlite", create=True, now=lambda: next(times))
    for number in range(3):
        ledger.append_next("people", number)
    assert [event.body for event in ledger.of("people")] == [0, 1, 2]
    ledger.close()
