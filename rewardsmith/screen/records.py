"""What the screen said of an attempt, as it stands in the attempt's feedback: written here, read back here.

The report counts from these records, so that a resumed run, or one read from its folder years later, counts the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from rewardsmith.screen.verdicts import Failed, Numbers, Passed, Test, Undecided, Verdict
from rewardsmith.types import Attempt, Feedback

KEY = "screen"
VERDICTS: Mapping[type[Verdict], Literal["passed", "failed", "undecided"]] = {
    Passed: "passed",
    Failed: "failed",
    Undecided: "undecided",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One test's verdict on an attempt. `audited`: it failed, and the attempt was trained all the same."""

    test: Test
    verdict: Literal["passed", "failed", "undecided"]
    words: str
    audited: bool
    numbers: Numbers


def feedback(verdicts: Sequence[Verdict], *, audited: bool) -> Feedback:
    """The verdicts as feedback: only a failure has a text for the prompt; the ledger keeps all of them."""
    failed = next((v for v in verdicts if isinstance(v, Failed)), None)
    return Feedback(
        source="preference" if failed is not None and failed.text else "screen",
        text=_text(failed, audited=audited),
        data={KEY: [plain(verdict) for verdict in verdicts], "audited": audited},
    )


def records(attempt: Attempt) -> list[Record]:
    """What the screen said of `attempt`, in order; empty where it was never screened."""
    return [
        Record(**one, audited=bool(said.data.get("audited")))
        for said in attempt.feedback
        for one in cast("Sequence[dict[str, Any]]", said.data.get(KEY, ()))
    ]


def _text(failed: Failed | None, *, audited: bool) -> str:
    if failed is None:
        return ""
    if audited:
        return f"The screen would have skipped this reward; it was trained to check the screen. {failed.reason}"
    return failed.text


def plain(verdict: Verdict) -> dict[str, object]:
    """A verdict as plain JSON."""
    words = verdict.reason if isinstance(verdict, Failed) else verdict.words
    numbers = {} if isinstance(verdict, Undecided) else dict(verdict.numbers)
    return {"test": verdict.test, "verdict": VERDICTS[type(verdict)], "words": words, "numbers": numbers}
