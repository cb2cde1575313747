"""How long a run was worked on, from the times of its events."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.store import Run
from rewardsmith.store.sessions import worked_s

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def moments(*events: tuple[str, float]) -> list[tuple[str, str]]:
    """Events at seconds after noon, their times as the ledger writes them."""
    return [
        (kind, (NOON + timedelta(seconds=s)).isoformat(timespec="microseconds").replace("+00:00", "Z"))
        for kind, s in events
    ]


@pytest.mark.parametrize(
    ("events", "seconds"),
    [
        ([], 0.0),
        ([("run", 0.0)], 0.0),
        ([("run", 0.0), ("session", 1.0), ("generation", 61.0), ("ended", 62.0)], 61.0),
        # killed after 40 s, taken up an hour later
        (
            [("session", 0.0), ("generation", 40.0), ("session", 3600.0), ("generation", 3610.0), ("ended", 3615.0)],
            55.0,
        ),
        # words of people, and a repair, between sessions
        ([("session", 0.0), ("ended", 10.0), ("people", 500.0), ("repaired", 900.0), ("session", 1000.0)], 10.0),
        # files that another process wrote
        ([("session", 0.0), ("files", 9.0), ("ended", 10.0), ("files", 900.0), ("session", 1000.0)], 10.0),
        # a clock that was set back
        ([("session", 100.0), ("generation", 50.0), ("session", 60.0), ("ended", 75.0)], 15.0),
    ],
)
def test_sessions_last_from_their_beginning_to_their_last_event(
    events: Sequence[tuple[str, float]], seconds: float
) -> None:
    assert worked_s(moments(*events)) == pytest.approx(seconds)


@given(st.lists(st.lists(st.floats(0, 1000), min_size=1, max_size=5), max_size=5), st.floats(0, 1e6))
def test_time_between_sessions_never_counts(sessions: list[list[float]], apart: float) -> None:
    events: list[tuple[str, float]] = []
    at = 0.0
    for steps in sessions:
        events.append(("session", at))
        for step in steps:
            at += step
            events.append(("generation", at))
        at += apart
    assert worked_s(moments(*events)) == pytest.approx(sum(map(sum, sessions)), abs=1e-3)


def test_a_session_under_way_lasts_as_long_as_is_said() -> None:
    events = moments(("session", 0.0), ("generation", 40.0), ("session", 3600.0), ("generation", 3610.0))
    assert worked_s(events) == pytest.approx(50.0)
    assert worked_s(events, latest_s=25.0) == pytest.approx(65.0)


def test_a_run_at_work_counts_until_now_and_one_that_is_looked_at_does_not(run: Run) -> None:
    first = run.hours()
    time.sleep(0.01)
    assert run.hours() > first > 0
    run.end("done")
    run.close()
    with Run.open(run.folder, write=False) as seen:
        before = seen.hours()
        time.sleep(0.01)
        assert seen.hours() == before > first
