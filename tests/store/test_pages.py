"""What people read of a run: true, on its line, and with the code as it was written."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewardsmith.store.pages import candidate_page, human_words, number, outcome_words, prompt_page, score_words
from rewardsmith.types import (
    Attempt,
    Drafted,
    Feedback,
    HumanInput,
    Judged,
    Mark,
    Message,
    Note,
    Preference,
    Prompt,
    Rejected,
    Score,
    Task,
)

words = st.text(max_size=60)
CODE = "def compute_reward(speed):\n    return speed, {'speed': speed}"  # no newline at the end: kept so


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(model=words, feedback=words, note=words, method=words)
def test_no_text_of_others_becomes_code(
    task: Task, rejected: Callable[[str], Attempt], model: str, feedback: str, note: str, method: str
) -> None:
    blank = rejected("g001-00")
    child = dataclasses.replace(blank, candidate=dataclasses.replace(blank.candidate, code=CODE, model=model))
    parent = dataclasses.replace(blank, feedback=(Feedback(source="curves", text=feedback),))
    people = (Note(text=note, on="", who=model, when="now"),)
    page = candidate_page(child, task=task, method=method, parents=(parent,), people=people)
    assert page.endswith(f"\n\n{CODE}")
    assert ast.dump(ast.parse(page)) == ast.dump(ast.parse(CODE))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Note(text="Lower.\nMuch lower.", on="", who="ada", when="noon"), "note: Lower. Much lower. (ada, noon)"),
        (Note(text="Lower.", on="g001-00", who="ada", when="noon"), "note on g001-00: Lower. (ada, noon)"),
        (Mark(kind="pin", on="g001-00", who="ada", when="noon"), "pin of g001-00 (ada, noon)"),
        (
            Preference(first="a", second="b", p_first=0.0, source="person", who="ada", when="noon"),
            "b is better than a (ada, noon)",
        ),
        (
            Preference(first="a", second="b", p_first=0.5, source="person", who="ada", when="noon"),
            "a and b are equally good (ada, noon)",
        ),
        (
            Preference(first="a", second="b", p_first=None, source="person", who="ada", when="noon"),
            "no preference between a and b (ada, noon)",
        ),
    ],
)
def test_what_a_person_said_is_one_line_with_who_and_when(said: HumanInput, told: str) -> None:
    assert human_words(said) == told


def test_an_outcome_that_was_not_judged_shows_no_fitness(judged: Callable[..., Attempt]) -> None:
    outcome = judged("g001-00", 2.0).outcome
    assert isinstance(outcome, Judged)
    unjudged = (Drafted(), Rejected(stage="probe", reason="Not finite.", hint=""), outcome.trained.verified)
    told = [outcome_words(o, unit="m/s") for o in (*unjudged, outcome.trained) if o is not None]
    assert told == [
        "drafted, not checked yet",
        "rejected at probe: Not finite.",
        "verified, not trained",
        "trained for 100 steps, not judged",
    ]


def test_a_score_shows_its_unit_and_success_where_there_are_any() -> None:
    bare = Score(episodes=(1.0, 2.0), mean=1.5, ci95=0.123456, success_rate=None, success_ci95=None, mean_length=10.0)
    assert score_words(bare, unit="1") == "fitness 1.5 +- 0.1235 over 2 episodes"
    both = dataclasses.replace(bare, success_rate=0.5, success_ci95=(0.1, 0.9))
    assert score_words(both, unit="m") == "fitness 1.5 +- 0.1235 m over 2 episodes, success 50%"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.0123456, "0.01235"), (12.5, "12.5"), (1234.0, "1234"), (1.2e6, "1.2e+06")]
)
def test_numbers_have_four_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_a_prompt_has_one_heading_a_message() -> None:
    messages = (Message(role="system", content="Be brief."), Message(role="user", content="Write a reward."))
    assert prompt_page(Prompt(messages=messages, sha256="")) == ("# system\n\nBe brief.\n\n# user\n\nWrite a reward.\n")
