"""What should make a person doubt a result: luck, code that ran unprotected, files that are damaged.

A warning is one line for a person. None of them changes what the run did. Rewards earned without the task are
`hacking.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.quoting import one_line
from rewardsmith.store import Run
from rewardsmith.store.pages import number
from rewardsmith.store.shelf import trained_of
from rewardsmith.types import Attempt, Final, Judged


def warnings(run: Run, attempts: Sequence[Attempt], final: Final | None) -> tuple[str, ...]:
    """Everything worth doubting about a run, in a fixed order."""
    winner = next((a for a in attempts if final is not None and a.id == final.winner), None)
    unsafe = run.config.verify.sandbox == "unsafe"
    found = ["Generated code ran unprotected, as --sandbox unsafe asked."] if unsafe else []
    if run.config.search.rank_by == "llm":
        found += [line for line in (unscored(attempts),) if line]
    if winner is not None and final is not None:
        found += [line for line in (flattered(winner, final),) if line] + _of_verification(winner)
    if unanswered := run.replies.unanswered():
        found.append(f"Requests that were sent and never answered: {unanswered}. The provider may charge for them.")
    return (*found, *run.damaged())


def unscored(attempts: Sequence[Attempt]) -> str | None:
    """Whether a model that was to rank the attempts gave some no score."""
    judged = [a for a in attempts if isinstance(a.outcome, Judged)]
    scored = sum(a.model_score is not None for a in judged)
    if scored == len(judged):
        return None
    return (
        f"The judge scored {scored} of {len(judged)} attempts (search.rank_by is llm); the others are ranked by "
        f"fitness{', behind those' if scored else ''}."
    )


def flattered(winner: Attempt, final: Final) -> str | None:
    """Whether the winner did clearly worse on fresh seeds than on those that selected it."""
    if not isinstance(winner.outcome, Judged):
        return None
    selected, again = winner.outcome.score, final.score
    if again.mean + again.ci95 >= selected.mean - selected.ci95:
        return None
    return (
        f"{winner.id} was selected at a fitness of {number(selected.mean)} and reached {number(again.mean)} on fresh "
        "seeds: part of its lead was luck. More judge episodes (judge.episodes) make this rarer."
    )


def _of_verification(winner: Attempt) -> list[str]:
    trained = trained_of(winner)
    verified = trained.verified if trained is not None else None
    return [f"{winner.id}: {one_line(words)}" for words in verified.warnings] if verified is not None else []
