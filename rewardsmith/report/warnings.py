"""What should make a person doubt a result: rewards that rose while the fitness fell, luck, files that are damaged.

A warning is one line for a person. None of them changes what the run did.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from rewardsmith.quoting import one_line
from rewardsmith.store import Run
from rewardsmith.store.pages import number
from rewardsmith.store.shelf import trained_of
from rewardsmith.types import Attempt, Curve, Final, Judged

PARTS = 5  # a curve is looked at in fifths: single points are noise
FITNESS_FALL = 0.3  # of the fitness's range over training
REWARD_RISE = 0.05  # of the reward's range


def warnings(run: Run, attempts: Sequence[Attempt], final: Final | None) -> tuple[str, ...]:
    """Everything worth doubting about a run, in a fixed order."""
    winner = next((a for a in attempts if final is not None and a.id == final.winner), None)
    unsafe = run.config.verify.sandbox == "unsafe"
    found = ["Generated code ran unprotected, as --sandbox unsafe asked."] if unsafe else []
    found += [line for a in attempts if (line := parted_ways(a))]
    if winner is not None and final is not None:
        found += [line for line in (flattered(winner, final),) if line] + _of_verification(winner)
    if unanswered := run.replies.unanswered():
        found.append(f"Requests that were sent and never answered: {unanswered}. The provider may charge for them.")
    return (*found, *run.damaged())


def parted_ways(attempt: Attempt) -> str | None:
    """Whether the attempt's own reward went on rising while the fitness fell: the mark of a hacked reward.

    Compares the last fifth of training with the fifth of highest fitness.
    """
    trained = trained_of(attempt)
    fitness, reward = (_fifths(trained.curve(name) if trained else None) for name in ("fitness", "reward"))
    if not fitness or not reward:
        return None
    peak = max(range(PARTS), key=lambda i: fitness[i])
    fell = fitness[peak] - fitness[-1] > FITNESS_FALL * (max(fitness) - min(fitness))
    rose = reward[-1] - reward[peak] > REWARD_RISE * (max(reward) - min(reward))
    if not (fell and rose):
        return None
    return (
        f"{attempt.id}: its own reward rose from {number(reward[peak])} to {number(reward[-1])} per step while the "
        f"fitness fell from {number(fitness[peak])} to {number(fitness[-1])}: it may pay for something else than the "
        "goal. Watch its policy before using it."
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


def _fifths(curve: Curve | None) -> list[float] | None:
    """Means over `PARTS` stretches of a curve, None where it has too few points."""
    if curve is None or len(curve.values) < PARTS:
        return None
    edges = [round(i * len(curve.values) / PARTS) for i in range(PARTS + 1)]
    return [fmean(curve.values[start:end]) for start, end in pairwise(edges)]
