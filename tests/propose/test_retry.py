"""Waits: bounded, growing, and never shorter than a server asked for."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.propose.retry import Backoff, retry_after_s

NOW = datetime(2026, 11, 21, 6, 0, 0, tzinfo=UTC)


@given(tries=st.integers(0, 10_000), seed=st.integers())
def test_a_wait_stays_within_half_and_whole_of_its_ceiling(tries: int, seed: int) -> None:
    wait = Backoff(first_s=1.0, longest_s=60.0).wait_s(tries, None, random.Random(seed))
    ceiling = min(60.0, 2.0 ** min(tries, 10))
    assert 0.5 * ceiling <= wait <= ceiling


@given(asked=st.floats(0.0, 600.0), tries=st.integers(0, 9), seed=st.integers())
def test_a_wait_is_never_less_than_the_server_asked_for_and_grows_all_the_same(
    asked: float, tries: int, seed: int
) -> None:
    wait = Backoff(first_s=1.0, longest_s=60.0).wait_s(tries, asked, random.Random(seed))
    assert asked <= wait <= max(asked + 0.1 * max(asked, 1.0), min(60.0, 2.0**tries))
    assert wait >= 0.5 * min(60.0, 2.0**tries)


def test_requests_that_failed_together_do_not_come_back_together() -> None:
    rng = random.Random(0)
    assert len({Backoff().wait_s(0, 5.0, rng) for _ in range(8)}) == 8


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 06:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 05:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_milliseconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, now=NOW) == seconds


@given(st.text())
def test_no_header_can_make_reading_it_fail(value: str) -> None:
    assert (retry_after_s({"retry-after": value}, now=NOW) or 0.0) >= 0.0


def test_only_a_wait_beyond_patience_is_too_long() -> None:
    backoff = Backoff(patience_s=600.0)
    assert [backoff.too_long(asked) for asked in (None, 600.0, 600.1)] == [False, False, True]
