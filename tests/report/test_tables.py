"""Cells stay in their columns, whatever stands in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.report.tables import Table

words = st.text(max_size=30)


def test_numbers_are_aligned_to_the_right() -> None:
    told = Table(heading=("id", "steps"), rows=[("a", "5"), ("long", "20000")], right=frozenset({"steps"}))
    assert told.text() == "id    steps\na         5\nlong  20000\n"
    assert told.markdown() == "| id | steps |\n| --- | ---: |\n| a | 5 |\n| long | 20000 |\n"


def test_a_column_in_which_no_row_says_anything_is_left_out() -> None:
    rows = [("a", "-", "1"), ("b", "-", "-")]
    told = Table(heading=("id", "success", "tokens"), rows=rows, right=frozenset({"success", "tokens"})).told()
    assert told.markdown() == "| id | tokens |\n| --- | ---: |\n| a | 1 |\n| b | - |\n"


@pytest.mark.parametrize("width", [20, 60])
def test_a_long_cell_is_cut_in_the_terminal_only(width: int) -> None:
    long = "because " * 40
    told = Table(heading=("id", "outcome"), rows=[("a", long)])
    assert max(map(len, told.text(width=width).splitlines())) == len("id  ") + width
    assert long.strip() in told.markdown()


@given(st.lists(st.tuples(words, words), max_size=3))
def test_no_text_breaks_out_of_its_cell(rows: list[tuple[str, str]]) -> None:
    told = Table(heading=("a", "b"), rows=rows)
    lines = told.markdown().split("\n")[:-1]
    assert len(lines) == len(rows) + 2
    for line in lines:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3
        assert "<" not in line
    assert len(told.text().split("\n")) == len(rows) + 2
