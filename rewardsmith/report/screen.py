"""What the screen saved a run, and how often it was wrong: counted from what it said of every attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rewardsmith.judge import wilson95
from rewardsmith.screen import Record, records
from rewardsmith.types import Attempt, Judged, Rejected

WHY = {
    "duplicate": "equal to a reward tried before",
    "preference": "ranked known episodes wrongly",
    "demonstration": "did not prefer the expert",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """Skipped rewards that were trained all the same: `wrong` of the `trained` should not have been skipped."""

    trained: int
    wrong: int
    best: int
    interval: tuple[float, float]


def screened(attempts: Sequence[Attempt], *, env_steps: int) -> list[str]:
    """Lines for the summary; none where the screen said nothing. `env_steps` is what one candidate takes at most."""
    asked = [a for a in attempts if records(a)]
    if not asked:
        return []
    skipped = [a for a in asked if isinstance(a.outcome, Rejected) and a.outcome.stage == "screen"]
    trainings = "1 training" if len(skipped) == 1 else f"{len(skipped)} trainings"
    lines = [f"{trainings} skipped, which saved up to {len(skipped) * env_steps} env steps"]
    lines += [f"{count} {WHY[test]}" for test, count in Counter(_failed(a).test for a in skipped).most_common()]
    undecided = _undecided(asked)
    lines += [f"{len(said)} undecided by the {test} test; the last: {said[-1]}" for test, said in undecided.items()]
    audit = audited(attempts)
    return lines if audit is None else [*lines, _audit_words(audit)]


def audited(attempts: Sequence[Attempt]) -> Audit | None:
    """How the audited rewards did; None where none was.

    One that was taken for a duplicate was skipped wrongly where it beats its twin by more than both intervals, or the
    twin came to no score; any other, where it beats the median of those that the screen let through. A training that
    failed was skipped rightly.
    """
    tried = [a for a in attempts if any(r.audited for r in records(a))]
    tried = [a for a in tried if isinstance(a.outcome, Judged | Rejected)]
    if not tried:
        return None
    wrong = sum(_wrongly_skipped(a, attempts) for a in tried)
    return Audit(
        trained=len(tried),
        wrong=wrong,
        best=sum(_best(a, attempts) for a in tried),
        interval=wilson95(wrong / len(tried), len(tried)),
    )


def _wrongly_skipped(attempt: Attempt, attempts: Sequence[Attempt]) -> bool:
    if not isinstance(attempt.outcome, Judged):
        return False
    twin = _failed(attempt).numbers.get("twin")
    mine = attempt.outcome.score
    if twin is not None:
        other = next((a.outcome.score for a in attempts if a.id == twin and isinstance(a.outcome, Judged)), None)
        return other is None or mine.mean - mine.ci95 > other.mean + other.ci95
    through = [a.fitness for a in _let_through(attempts) if a.fitness is not None]
    return not through or mine.mean > median(through)


def _best(attempt: Attempt, attempts: Sequence[Attempt]) -> bool:
    """Whether it is fitter than all that the screen let through."""
    through = [a.fitness for a in _let_through(attempts) if a.fitness is not None]
    return attempt.fitness is not None and all(attempt.fitness > fitness for fitness in through)


def _let_through(attempts: Sequence[Attempt]) -> list[Attempt]:
    return [a for a in attempts if not any(r.audited for r in records(a))]


def _failed(attempt: Attempt) -> Record:
    return next(r for r in records(attempt) if r.verdict == "failed")


def _undecided(attempts: Sequence[Attempt]) -> dict[str, list[str]]:
    """Why nothing was decided, by test: each attempt's words in order, whose numbers grow with what is known."""
    found: dict[str, list[str]] = {}
    for record in (r for a in attempts for r in records(a) if r.verdict == "undecided"):
        found.setdefault(record.test, []).append(record.words)
    return found


def _audit_words(audit: Audit) -> str:
    low, high = audit.interval
    return (
        f"audit: of {audit.trained} that it would have skipped and that were trained, {audit.wrong} did better than it "
        f"expected ({low:.0%} to {high:.0%} of all skipped but the same programs, at 95%); {audit.best} would have "
        "been the best"
    )
