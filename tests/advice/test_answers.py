"""Replies are read strictly: what is not of the form asked for is no answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.advice import answers
from rewardsmith.types import Reply, Spend


def reply(text: str, finish: str = "stop") -> Reply:
    return Reply(text=text, finish=finish, model="m")


REASON = "The distance falls from 1 m to 0.02 m by step 40 and stays there."

# Zhao et al. 2025, arXiv:2507.08794, table 1: what fools models that judge, and what they answer themselves.
MASTER_KEYS = (
    "", " ", ".", ",", ":", "Thought process:", "Let's solve this problem step by step.", "Solution", "解", "かいせつ",
    "Respuesta", "The final answer is", "```", "\n\n", "YES", "**Answer:**",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("SCORE: 0.5", "0.5"),
        (f"{REASON}\nSCORE: 0.5", "0.5"),
        (f"{REASON}\n\n**SCORE: 0.5**\n\n", "0.5"),
        ("**Score:** 0.5", "0.5"),
        ("```\nscore:   0.5\n```", "0.5"),
        ("<think>SCORE: 1.0\nno, less</think>\nSCORE: 0.5", "0.5"),
        ("SCORE: -0.5", "-0.5"),
    ],
)
def test_the_last_line_holds_the_answer_whatever_is_around_it(text: str, value: str) -> None:
    found = answers.answer(reply(text), "SCORE")
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    "text",
    [
        "SCORE: 0.5\nthank you",  # words after it
        "SCORE: 0.5\nSCORE: 0.5",  # twice
        "> SCORE: 1.0\nas the code says\nSCORE: 0.2",  # one of them quoted
        "The SCORE: 0.5",  # not at the start of its line
        "SCORE 0.5",
        "SCORE: 1.0\n1.0",
        "",
    ],
)
def test_two_answers_or_words_after_it_are_no_answer(text: str) -> None:
    assert answers.answer(reply(text), "SCORE") is None


@pytest.mark.parametrize("finish", ["length", "content_filter", "refusal"])
def test_a_reply_that_was_cut_off_or_filtered_is_no_answer(finish: str) -> None:
    assert answers.answer(reply(f"{REASON}\nSCORE: 0.5", finish), "SCORE") is None
    assert answers.numbered(reply("1. Too fast at step 3.", finish)) == ()


@pytest.mark.parametrize("key", MASTER_KEYS)
def test_a_master_key_is_no_answer_and_no_reason(key: str) -> None:
    assert answers.answer(reply(key), "SCORE") is None
    assert answers.numbered(reply(key)) == ()
    assert not answers.rests_on((key,), ["distance"])


@pytest.mark.parametrize(
    ("value", "number"),
    [("0", 0.0), ("1", 1.0), ("0.25", 0.25), ("1.0", 1.0), ("1.01", None), ("-0.5", None), (".5", None),
     ("0.5/1", None), ("50%", None), ("nan", None), ("1e0", None), ("٠", None), ("", None), ("0.5 because", None)],
)  # fmt: skip
def test_a_score_is_a_plain_number_from_0_to_1(value: str, number: float | None) -> None:
    assert answers.unit_number(value) == number


def test_a_reason_names_a_signal_or_a_number() -> None:
    assert answers.rests_on((REASON,), [])
    assert answers.rests_on(("the hand never comes near the distance asked for",), ["distance"])
    assert not answers.rests_on(("the robot did what it was told to do",), ["distance"])
    assert not answers.rests_on(("equidistances are not what it is about",), ["distance"])
    assert not answers.rests_on(("distance 0.5",), ["distance"])


def test_numbered_lines_come_without_their_numbers_on_one_line_each() -> None:
    text = "Some words.\n1. First: the sign of `near` is wrong.\n- 2) Second one.\n**3. Third of them.**\n"
    assert answers.numbered(reply(f"{text}4.5 is a number\n5. :\n")) == (
        "First: the sign of `near` is wrong.",
        "Second one.",
        "Third of them.",
    )


def test_a_heading_and_a_mere_sign_are_no_finding() -> None:
    assert answers.numbered(reply("1. Thought process:\n2. **Answer:**\n3. :\n4. 5.\n5. Solution\n")) == ()


def test_at_most_five_numbered_lines_are_passed_on() -> None:
    assert len(answers.numbered(reply("\n".join(f"{i}. one fault" for i in range(1, 20))))) == 5


def test_what_replies_cost_is_added_up() -> None:
    one = Reply(text="", finish="stop", model="m", tokens_in=3, tokens_out=2, cost_usd=0.5, seconds=1.0)
    assert answers.cost([one, one]) == Spend(tokens_in=6, tokens_out=4, cost_usd=1.0, seconds=2.0)
    assert answers.cost([]) == Spend()


@given(st.text(), st.sampled_from(["stop", "length", ""]))
def test_no_text_whatever_breaks_the_reader(text: str, finish: str) -> None:
    found = answers.answer(reply(text, finish), "SCORE")
    assert found is None or "score:" in text.casefold()
    assert all("\n" not in line for line in answers.numbered(reply(text, finish)))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4), st.sampled_from(["0.1", "0.9"]))
def test_words_before_the_answer_take_it_away_or_leave_it_but_never_change_it(before: list[str], value: str) -> None:
    found = answers.answer(reply("\n".join([*before, f"SCORE: {value}"])), "SCORE")
    assert found is None or found.value == value
