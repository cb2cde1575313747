"""Limits: what has been spent is counted once, and what may not be spent is named."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from rewardsmith.budget import Budget
from rewardsmith.config import LimitSettings
from rewardsmith.errors import LimitReached
from rewardsmith.types import Attempt, Candidate, Drafted, Generation, Spend

COST = Spend(tokens_in=70, tokens_out=30, cost_usd=0.25, env_steps=1000, seconds=36.0)


def _attempts(count: int) -> tuple[Attempt, ...]:
    candidate = Candidate(id="g001-00", code="", sha256="", origin="llm", model="")
    return (Attempt(candidate=candidate, outcome=Drafted(), spend=COST),) * count


def _history(*sizes: int) -> Sequence[Generation]:
    return [Generation(index=i, chain=0, attempts=_attempts(size)) for i, size in enumerate(sizes)]


def test_spending_adds_up() -> None:
    budget = Budget(LimitSettings(), _history(1, 2))
    budget.charge(_attempts(1))
    assert budget.spent == Spend(tokens_in=280, tokens_out=120, cost_usd=1.0, env_steps=4000, seconds=144.0)


def test_a_history_is_charged_as_if_it_had_just_happened() -> None:
    live = Budget(LimitSettings())
    for generation in _history(2, 3):
        live.charge(generation.attempts)
    assert Budget(LimitSettings(), _history(2, 3)).spent == live.spent


def test_no_limit_is_never_reached() -> None:
    assert Budget(LimitSettings(), _history(10_000)).exceeded() is None


def test_a_gauge_is_held_against_its_limit_and_read_only_where_there_is_one() -> None:
    def unread() -> float:
        raise AssertionError("nobody asked")

    assert Budget(LimitSettings(), gauges={"memory_mib": unread, "output_mib": unread}).exceeded() is None
    limits = LimitSettings(memory_mib=100)
    assert Budget(limits, gauges={"memory_mib": lambda: 99.9}).exceeded() is None
    full = Budget(limits, gauges={"memory_mib": lambda: 250.0}).exceeded()
    assert full == "limits.memory_mib = 100 reached (250 used)"


def test_a_process_holds_some_memory_and_more_after_taking_some() -> None:
    """In a process of its own: in this one others give memory back meanwhile."""
    taking = (
        "from rewardsmith.budget import resident_mib\n"
        "before = resident_mib(); taken = b'1' * (64 * 2**20); print(before, resident_mib())"
    )
    said = subprocess.run([sys.executable, "-c", taking], capture_output=True, text=True, check=True).stdout
    before, after = map(float, said.split())
    assert before > 10
    assert after - before > 32


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (LimitSettings(cost_usd=0.5), "limits.cost_usd = 0.5 reached (0.5 used)"),
        (LimitSettings(tokens=150), "limits.tokens = 150 reached (200 used)"),
        (LimitSettings(env_steps=2000), "limits.env_steps = 2000 reached (2000 used)"),
    ],
)
def test_a_limit_that_is_reached_is_named_with_what_was_used(limits: LimitSettings, words: str) -> None:
    Budget(limits, _history(1)).check()
    spent = Budget(limits, _history(2))
    assert spent.exceeded() == words
    with pytest.raises(LimitReached) as reached:
        spent.check()
    assert str(reached.value) == words


def test_large_numbers_are_told_in_full() -> None:
    tokens = Budget(LimitSettings(tokens=1_234_500), _history(12_346))  # 100 tokens an attempt
    assert tokens.exceeded() == "limits.tokens = 1234500 reached (1234600 used)"
    memory = Budget(LimitSettings(memory_mib=65_536), gauges={"memory_mib": lambda: 65_999.7})
    assert memory.exceeded() == "limits.memory_mib = 65536 reached (66000 used)"


def test_the_time_of_this_session_counts_too() -> None:
    budget = Budget(LimitSettings(hours=1e-9))
    time.sleep(0.001)
    said = budget.exceeded()
    assert said is not None
    assert said.startswith("limits.hours")


def test_time_is_what_passed_and_not_what_each_attempt_took_beside_others() -> None:
    budget = Budget(LimitSettings(hours=0.005), _history(9))
    budget.charge(_attempts(1))  # 36 s are 0.01 h
    assert budget.exceeded() is None
    known = Budget(LimitSettings(hours=0.5), gauges={"hours": lambda: 0.75})
    assert known.exceeded() == "limits.hours = 0.5 reached (0.75 used)"
