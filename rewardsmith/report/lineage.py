"""Where the winner comes from: a tree of text, from it back to the first reward of its line."""

from __future__ import annotations

from collections.abc import Mapping

from rewardsmith.quoting import one_line
from rewardsmith.store import Run
from rewardsmith.store.pages import outcome_words
from rewardsmith.types import Attempt


def lineage(run: Run) -> str:
    """The winner (before the end: the leader) and its ancestors, each under the one bred from it.

    An ancestor of several is told once and pointed at afterwards.
    """
    attempts = {a.id: a for generation in run.history() for a in generation.attempts}
    final, leader = run.final(), run.best()
    first = attempts.get(final.winner) if final is not None else leader
    if first is None:
        return "No candidate has been judged yet.\n"
    return "".join(f"{line}\n" for line in tree(first, attempts, unit=run.task.fitness.unit))


def tree(first: Attempt, attempts: Mapping[str, Attempt], *, unit: str) -> list[str]:
    """Lines of the tree whose root is `first`; `attempts` by id. A parent that is not among them is named as lost."""
    lines: list[str] = []
    told: set[str] = set()
    ahead = [(first.id, 0)]
    while ahead:
        name, depth = ahead.pop()
        indent = "   " * (depth - 1) + "└─ " if depth else ""
        attempt = attempts.get(name)
        if attempt is None or name in told:
            lines.append(f"{indent}{name}  ({'told above' if attempt else 'not in this run'})")
            continue
        told.add(name)
        lines.append(f"{indent}{_line(attempt, unit=unit)}")
        ahead += [(parent, depth + 1) for parent in reversed(attempt.candidate.parents)]
    return lines


def _line(attempt: Attempt, *, unit: str) -> str:
    candidate = attempt.candidate
    model = one_line(candidate.model)
    by = f"{candidate.origin} ({model})" if model not in ("", candidate.origin) else candidate.origin
    return f"{attempt.id}  {outcome_words(attempt.outcome, unit=unit)}, by {by}"
