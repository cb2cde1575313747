"""What one test of the screen says of a reward: it passed, it failed, or it cannot be told.

A sum type, so that no test needs a number to say "I do not know". Only `Failed` keeps a candidate from training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Test = Literal["duplicate", "preference", "demonstration"]
Numbers = Mapping[str, float | str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """The reward may be trained as far as this test goes. `words` is one sentence, `numbers` what was measured."""

    test: Test
    words: str
    numbers: Numbers = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Undecided:
    """Too little is known to test anything; `words` says what is missing. It counts as passed."""

    test: Test
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """The reward is not worth training: `reason` and `hint` become its rejection, `text` is the longer feedback.

    `proven` is False where a training could show the test wrong, so that an audit learns from one.
    """

    test: Test
    reason: str
    hint: str
    text: str = ""
    numbers: Numbers = field(default_factory=dict)
    proven: bool = False


Verdict = Passed | Undecided | Failed
