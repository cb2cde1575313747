"""What persons said reaches the model in words, and who they are does not."""

from __future__ import annotations

import pytest

from rewardsmith.feedback.people import NOTE_LIMIT, sentences
from rewardsmith.types import HumanInput, Mark, Note, Preference

WHO = {"who": "ada", "when": "2026-11-21"}


def preference(p_first: float | None, source: str = "person") -> Preference:
    return Preference(first="a", second="b", p_first=p_first, source=source, **WHO)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (Note(text="Lift the foot.", on="", **WHO), "A person's note:\n> Lift the foot."),
        (Note(text="Good.\nFaster!", on="a", **WHO), "A person's note on attempt a:\n> Good.\n> Faster!"),
        (Note(text="Good.", on="z", **WHO), "A person's note on attempt z (not shown here):\n> Good."),
        (preference(1.0), "Attempt a looks better than attempt b to a person."),
        (preference(0.2), "Attempt b looks better than attempt a to a person."),
        (preference(0.5), "Attempts a and b look equally good to a person."),
        (preference(0.9, "llm"), "Attempt a looks better than attempt b to a model."),
        (Mark(kind="veto", on="b", **WHO), "A person has ruled out attempt b: do not go back to what it does."),
        (Mark(kind="pin", on="a", **WHO), "A person has chosen attempt a as the one to build on."),
    ],
)
def test_each_kind_of_input_has_its_sentence(said: HumanInput, text: str) -> None:
    assert sentences([said], shown=["a", "b"]) == (text,)


def test_preference_without_an_answer_says_nothing() -> None:
    assert sentences([preference(None)]) == ()


def test_order_is_kept_and_no_name_is_told() -> None:
    said = sentences([Note(text="one", on="", **WHO), preference(1.0), Note(text="two", on="", **WHO)])
    assert ["one" in said[0], "better" in said[1], "two" in said[2]] == [True] * 3
    assert "ada" not in "".join(said)


def test_long_note_is_cut() -> None:
    (said,) = sentences([Note(text="x" * 10_000, on="", **WHO)])
    assert len(said) < NOTE_LIMIT + 100
    assert said.endswith("[cut: 8000 more characters]")
