"""Taking prose apart."""

from __future__ import annotations

import pytest

from rewardsmith.propose.goals import asked, words


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("A cart carries a pole. Keep it up!", "Keep it up!"),
        ("The door is shut.\nOpen the door; then wait.", "Open the door; then wait."),
        ("Theodora runs. The end.", "Theodora runs."),
        ("The robot stands.", "The robot stands."),
        ("", ""),
    ],
)
def test_only_what_is_asked_for_is_kept(goal: str, expected: str) -> None:
    assert asked(goal) == expected


def test_names_fall_into_their_words() -> None:
    assert words("x_velocity, in m/s (Forward)") == {"x", "velocity", "in", "m", "s", "forward"}
