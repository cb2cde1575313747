"""Waiting for people: words, silence, and nobody at all. Tests have no terminal, so Enter is not among them."""

from __future__ import annotations

import itertools
import time

from rewardsmith.waiting import wait


def test_without_words_the_wait_ends_at_its_timeout() -> None:
    started = time.monotonic()
    assert wait(lambda: 0, timeout_s=0.2, poll_s=0.02) == "timeout"
    assert 0.2 <= time.monotonic() - started < 5.0


def test_silence_after_words_ends_the_wait() -> None:
    counts = itertools.chain([0, 0, 1], itertools.repeat(2))
    assert wait(lambda: next(counts), timeout_s=30.0, grace_s=0.05, poll_s=0.01) == "said"


def test_words_from_before_count_too() -> None:
    assert wait(lambda: 1, timeout_s=30.0, grace_s=0.05, poll_s=0.01) == "said"


def test_while_words_keep_coming_the_wait_goes_on() -> None:
    counts = itertools.count()
    assert wait(lambda: next(counts), timeout_s=0.2, grace_s=10.0, poll_s=0.01) == "timeout"
