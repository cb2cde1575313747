"""A review of drafts before they are trained: a model reads the code against the goal, and the coder may revise it.

The idea is Auto MC-Reward's critic (Li et al. 2023, arXiv:2312.09238). What the checks of `verify` find is not asked
again. A critic rejects nothing: a revision that fails the checks is dropped and the version before it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rewardsmith import prompting, views
from rewardsmith.advice import answers
from rewardsmith.interfaces import Ask, Brief, Question
from rewardsmith.quoting import fenced, numbered, one_line
from rewardsmith.types import Attempt, Feedback, Rejected, Reply, Spend, Verified

NAME = "critic"

Wanted = tuple[Attempt, tuple[str, ...]]
"""A draft to be revised, and the findings on it."""

Revise = Callable[[Sequence[Wanted], int], Sequence[Attempt]]
"""Has drafts revised and checked: one attempt each, in order, with its own cost alone. Rounds count from 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """What a critic said of one draft; there are findings with "revise" alone, the most harmful first."""

    verdict: Literal["fine", "revise", "no answer"]
    findings: tuple[str, ...] = ()


def reviewed(batch: Sequence[Attempt], brief: Brief, ask: Ask, *, rounds: int, revise: Revise) -> tuple[Attempt, ...]:
    """The same attempts in the same order, each that passed the checks after at most `rounds` reviews.

    A review of "fine", an unreadable one, a revision that fails the checks and one that changes nothing end it.
    """
    files = {a.id: _File(attempt=a) for a in batch if isinstance(a.outcome, Verified)}
    for number in range(1, rounds + 1):
        waiting = [f for f in files.values() if f.open]
        if not waiting:
            break
        files |= {f.attempt.id: f for f in _round(waiting, brief, ask, revise, number)}
    return tuple(files[a.id].closed() if a.id in files and files[a.id].rounds else a for a in batch)


def read(reply: Reply) -> Review:
    """The review in a reply. "revise" without a finding is no answer, and so is whatever is not of the form."""
    found = answers.answer(reply, "VERDICT")
    if found is None or found.value not in ("fine", "revise"):
        return Review(verdict="no answer")
    if found.value == "fine":
        return Review(verdict="fine")
    findings = answers.numbered(reply)
    return Review(verdict="revise", findings=findings) if findings else Review(verdict="no answer")


def question(attempt: Attempt, brief: Brief, *, number: int) -> Question:
    """What a critic is asked: the goal, the signals, and the code as it stands, marked as material to judge."""
    task = views.task_view(brief.task, env_source=False, ranges=brief.ranges)
    prompt = prompting.question("critic.j2", task=task, code=fenced(attempt.candidate.code), findings=answers.LINES)
    return Question(purpose="critic", about=attempt.id, index=number, prompt=prompt)


# --- a draft and its reviews ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Round:
    """A review and what came of it: nothing to do, a new version, the same one, or why the revision was dropped."""

    review: Review
    came: str = ""

    def plain(self) -> dict[str, object]:
        return {"verdict": self.review.verdict, "findings": list(self.review.findings), "came": self.came}


_REVISED = "revised"


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """A draft's last version that passed the checks, its reviews so far, and what they and the revisions cost."""

    attempt: Attempt
    rounds: tuple[_Round, ...] = ()
    spend: Spend = Spend()  # noqa: RUF009 - frozen

    @property
    def open(self) -> bool:
        """Whether there is a version that was not reviewed yet."""
        return not self.rounds or self.rounds[-1].came == _REVISED

    def after(self, review: Review, cost: Spend, revision: Attempt | None) -> _File:
        """One review later. `revision` is None where none was asked for."""
        came = _came(self.attempt, revision)
        return _File(
            attempt=_replaced(self.attempt, revision) if revision and came == _REVISED else self.attempt,
            rounds=(*self.rounds, _Round(review=review, came=came)),
            spend=self.spend + cost + (revision.spend if revision else Spend()),
        )

    def closed(self) -> Attempt:
        """The attempt with what was said of it, charged; the prompt hears of findings that nothing came of."""
        last = self.rounds[-1]
        left = last.review.findings if last.came != _REVISED else ()
        said = Feedback(
            source=NAME,
            text=f"A reviewer (a model) said of this code before training; it may be wrong:\n{numbered(left)}"
            if left
            else "",
            data={"rounds": [r.plain() for r in self.rounds]},
            spend=self.spend,
        )
        return replace(self.attempt, feedback=(*self.attempt.feedback, said), spend=self.attempt.spend + self.spend)


def _round(files: Sequence[_File], brief: Brief, ask: Ask, revise: Revise, number: int) -> list[_File]:
    """Every draft reviewed once more, and revised where that was the verdict."""
    replies = ask([question(f.attempt, brief, number=number) for f in files])
    reviews = [read(reply) for reply in replies]
    wanted = [(f.attempt, r.findings) for f, r in zip(files, reviews, strict=True) if r.verdict == "revise"]
    revisions = {a.id: a for a in (revise(wanted, number) if wanted else ())}
    return [
        f.after(review, answers.cost([reply]), revisions.get(f.attempt.id))
        for f, review, reply in zip(files, reviews, replies, strict=True)
    ]


def _came(before: Attempt, revision: Attempt | None) -> str:
    if revision is None:
        return ""
    if isinstance(revision.outcome, Rejected):
        return f"dropped at {revision.outcome.stage}: {one_line(revision.outcome.reason)}"
    return "unchanged" if revision.candidate.sha256 == before.candidate.sha256 else _REVISED


def _replaced(before: Attempt, revision: Attempt) -> Attempt:
    """The new version in the old one's place: its code and program, with the draft's own history."""
    return replace(before, candidate=revision.candidate, outcome=revision.outcome)
