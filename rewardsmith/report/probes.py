"""How the finalists did in worlds that differ from the task's: one row a world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rewardsmith.judge import mean_ci95
from rewardsmith.quoting import one_line
from rewardsmith.report.tables import Table
from rewardsmith.store.pages import number
from rewardsmith.types import Disturbance, Final, Measured, Rejected, Score

WORDS = {
    "reset_noise": "starts spread {} times as wide",
    "mass": "every mass times {}",
    "friction": "every friction times {}",
    "horizon": "episodes {} times as long",
}


def probe_table(final: Final) -> Table | None:
    """Mean fitness and worst episode of each finalist, undisturbed and in each world; None where nothing was probed.

    Undisturbed over the seeds that the worlds were played on, the first of all: of more episodes the worst is worse.
    """
    if not final.probes or not final.finalists:
        return None
    probed = [len(m.score.episodes) for p in final.probes for m in p.scores if isinstance(m.score, Score)]
    rows = [("as it is", *(_with_worst(_over_first(m, min(probed, default=None))) for m in final.finalists))]
    rows += [(world(p.disturbance), *map(_with_worst, p.scores)) for p in final.probes if p.scores]
    names = tuple(m.id for m in final.finalists)
    return Table(heading=("world", *names), rows=rows, right=frozenset(names))


def ahead(final: Final) -> list[str]:
    """A line for each finalist that did better than the winner where both were measured again."""
    better = [m for m in final.finalists if isinstance(m.score, Score) and m.score.mean > final.score.mean]
    return [
        f"{m.id} did better than the winner on these seeds, which it was not chosen by: {_fitness(m)} against "
        f"{number(final.score.mean)} ± {number(final.score.ci95)}."
        for m in better
    ]


def refusals(final: Final) -> list[str]:
    """The worlds that the simulator cannot make, with its reason."""
    return [f"Not tried: {world(p.disturbance)}. {one_line(p.refused)}" for p in final.probes if p.refused]


def broken(final: Final) -> list[str]:
    """A line for each world in which the winner did clearly worse than at home.

    A longer episode is left out: where fitness adds up over steps, it is another measure.
    """
    home = final.score
    found: Sequence[tuple[Disturbance, Measured]] = [
        (p.disturbance, m) for p in final.probes for m in p.scores if m.id == final.winner
    ]
    lines = []
    for disturbance, measured in found:
        if disturbance.kind == "horizon":
            continue
        if isinstance(measured.score, Rejected):
            lines.append(f"{final.winner} breaks the simulation with {world(disturbance)}.")
        elif measured.score.mean + measured.score.ci95 < home.mean - home.ci95:
            lines.append(
                f"{final.winner} falls from {number(home.mean)} to {number(measured.score.mean)} with "
                f"{world(disturbance)}: it fits one world closely."
            )
    return lines


def world(disturbance: Disturbance) -> str:
    """`every mass times 1.3`."""
    return WORDS[disturbance.kind].format(number(disturbance.factor))


def _over_first(measured: Measured, episodes: int | None) -> Measured:
    """What was measured over the first so many episodes; over all where there are no more."""
    score = measured.score
    if isinstance(score, Rejected) or episodes is None or len(score.episodes) <= episodes:
        return measured
    first = np.array(score.episodes[:episodes])
    part = replace(score, episodes=score.episodes[:episodes], mean=float(first.mean()), ci95=mean_ci95(first))
    return replace(measured, score=part)


def _fitness(measured: Measured) -> str:
    score = measured.score
    if isinstance(score, Rejected):
        return "not finite"
    return f"{number(score.mean)} ± {number(score.ci95)}"


def _with_worst(measured: Measured) -> str:
    """The mean, and the worst episode beside it, which a mean may hide."""
    score = measured.score
    return _fitness(measured) if isinstance(score, Rejected) else f"{_fitness(measured)}; {number(min(score.episodes))}"
