"""Kendall's tau-b of returns with fitness and with preferences: by hand, ties, hidden ties, laws."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.measures.alignment import alignment, alignment_with_preferences, discounted
from rewardsmith.types import Preference

NUMBERS = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=12)


@pytest.mark.parametrize(
    ("returns", "fitness", "tau"),
    [
        ([1, 2, 3], [10, 20, 30], 1.0),
        ([3, 2, 1], [10, 20, 30], -1.0),
        ([1, 2, 3], [1, 3, 2], 1 / 3),  # two pairs agree, one does not, of three
        ([1, 1, 2], [1, 2, 3], 2 / math.sqrt(2 * 3)),  # one tie: two agree; 2 pairs untied here, 3 there
        ([1, 1, 2, 2], [0, 1, 0, 1], 0.0),  # untied in both: (0, 3) agrees, (1, 2) does not
    ],
)
def test_tau_b_worked_out_by_hand(returns: list[int], fitness: list[int], tau: float) -> None:
    assert alignment(returns, fitness) == pytest.approx(tau)


def test_returns_that_differ_by_rounding_alone_are_tied() -> None:
    nearly = [1000.0, 1000.0 + 1e-4, 2000.0]
    assert alignment(nearly, [1, 2, 3]) == alignment([1000.0, 1000.0, 2000.0], [1, 2, 3])


@given(rows=NUMBERS, scale=st.integers(1, 5), offset=st.integers(-5, 5))
def test_a_monotone_change_does_not_count_and_a_reversal_turns_the_sign(
    rows: list[tuple[int, int]], scale: int, offset: int
) -> None:
    returns, fitness = zip(*rows, strict=True)
    tau = alignment(returns, fitness)
    moved = [scale * r + offset for r in returns]
    if tau is None:
        assert len(set(returns)) == 1 or len(set(fitness)) == 1
        return
    assert -1.0 <= tau <= 1.0
    assert alignment(moved, fitness) == pytest.approx(tau)
    assert alignment([-m for m in moved], fitness) == pytest.approx(-tau)
    assert alignment(fitness, returns) == pytest.approx(tau)


@pytest.mark.parametrize(
    ("returns", "fitness"),
    [([1, 1], [1, 2]), ([1, 2], [1, 1]), ([1], [1]), ([], []), ([1, math.nan], [1, 2]), ([1, 2], [1, math.inf])],
    ids=["returns_tied", "fitness_tied", "one", "none", "nan", "infinite"],
)
def test_there_is_no_alignment_where_nothing_is_ordered(returns: list[float], fitness: list[float]) -> None:
    assert alignment(returns, fitness) is None


def _prefers(first: str, second: str, p_first: float | None) -> Preference:
    return Preference(first=first, second=second, p_first=p_first, source="person", who="ann", when="")


def test_alignment_with_preferences_worked_out_by_hand() -> None:
    returns = {"a": 1.0, "b": 2.0, "c": 3.0}
    said = [_prefers("b", "a", 1.0), _prefers("c", "b", 0.9), _prefers("c", "a", 0.2)]
    assert alignment_with_preferences(returns, said) == pytest.approx(1 / 3)  # two of three agree
    with_a_tie = [*said[:2], _prefers("c", "a", 0.5)]
    assert alignment_with_preferences(returns, with_a_tie) == pytest.approx(2 / math.sqrt(3 * 2))


def test_a_pair_without_answer_and_one_of_strangers_are_left_out() -> None:
    returns = {"a": 1.0, "b": 2.0}
    said = [_prefers("b", "a", 1.0), _prefers("a", "b", None), _prefers("x", "a", 1.0)]
    assert alignment_with_preferences(returns, said) == 1.0
    assert alignment_with_preferences(returns, said[1:]) is None
    assert alignment_with_preferences(returns, [_prefers("a", "b", 0.5)]) is None


def test_discounted_returns_worked_out_by_hand() -> None:
    # 1 + 0.5 * 2 + 0.25 * 4 = 3
    assert discounted([torch.tensor([1.0, 2.0, 4.0]), torch.tensor([7.0])], gamma=0.5) == [3.0, 7.0]
    assert discounted([torch.tensor([1.0, 2.0, 4.0])], gamma=1.0) == [7.0]
