"""Quoted text stays a quotation: printable, capped, inside its fence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import quoting
from rewardsmith.sandbox import gate
from rewardsmith.sandbox.faults import FaultFound


@given(text=st.text(max_size=500), limit=st.integers(1, 200))
def test_quoted_text_is_printable_and_capped(text: str, limit: int) -> None:
    result = quoting.cleaned(text, limit=limit)
    assert all(c.isprintable() or c in "\n\t" for c in result)
    assert len(result.replace(" ", "")) <= limit + len("[cut:morecharacters]") + 6


@given(text=st.text(max_size=300))
def test_every_line_of_a_block_stands_behind_its_mark(text: str) -> None:
    assert all(line.startswith(">") for line in quoting.block(text).split("\n"))


@given(text=st.text(alphabet="`ab\n ", max_size=60))
def test_no_code_closes_its_own_fence(text: str) -> None:
    first, *body, last = quoting.fenced(text).split("\n")
    assert first == f"{last}python"
    assert set(last) == {"`"}
    assert not any(last in line for line in body)


@given(text=st.text(alphabet="<|>[]/INSTs thinkim_a", max_size=80))
def test_control_tokens_of_chat_templates_do_not_survive(text: str) -> None:
    result = quoting.one_line(text).lower()
    assert not any(token in result for token in ("<|", "[inst]", "[/inst]", "<s>", "</s>", "<think>"))


def test_the_longest_code_that_the_gate_accepts_is_shown_whole() -> None:
    entry = "\ndef compute_reward(x):\n    return x, {}\n"
    code = "#" * (quoting.CODE_LIMIT - len(entry)) + entry
    gate.check(code)
    assert "[cut:" not in quoting.fenced(code)
    with pytest.raises(FaultFound):
        gate.check(f"#{code}")


def test_one_line_is_one_line() -> None:
    assert quoting.one_line("a\n  b\t\u2028c") == "a b c"


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2009", "\u3000", "\u2028", "\x0b"])
def test_a_space_of_any_kind_still_parts_words(space: str) -> None:
    assert quoting.cleaned(f"walk{space}at 0.5{space}m/s") == "walk at 0.5 m/s"


def test_cut_is_told_with_how_much_is_gone() -> None:
    assert quoting.cleaned("abcdef", limit=4) == "abcd [cut: 2 more characters]"
