"""Whether rewards were earned without doing the task, as far as a run's ledger and episodes can tell.

Of each candidate: the alarms (`feedback.hacking` says what sounds them), and how its reward and the fitness go together
under random actions, under its own policy, and over all known episodes. Of the run: whether the hidden fitness, where
the task declares one, agrees with the fitness that was shown. All of it is for persons, when the run is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from rewardsmith.errors import RunError
from rewardsmith.feedback.episodes import Episode, graph_of, under
from rewardsmith.feedback.hacking import Hacking
from rewardsmith.interfaces import Scene
from rewardsmith.measures.alignment import alignment
from rewardsmith.measures.correlation import pearson
from rewardsmith.pool import kept
from rewardsmith.report.tables import NOTHING, Table, cell_text
from rewardsmith.store import Run
from rewardsmith.store.pages import number
from rewardsmith.store.sharing import known_to
from rewardsmith.types import Attempt, Judged, Measure, Task, Trajectory

EPISODES = 100
"""Of the run's known episodes, the report looks at so many, spread like the rest."""
HEADING = ("id", "fitness", "hidden", "random", "own policy", "ranking", "verdict")
VERDICTS: Mapping[str, str] = {
    "rose_while_fitness_fell": "its reward rose while fitness fell",
    "earns_without_fitness": "it earns more than chance and does no better",
    "prefers_worse": "it pays its own episodes more than better ones",
    "decorrelated": "reward and fitness part under its own policy",
}
"""What each kind of alarm comes to, in a few words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What there is to say of one judged candidate; None where it cannot be told.

    `random` and `own` are Pearson's correlation of reward and fitness over transitions, `ranking` is Kendall's tau-b of
    returns and fitness over all known episodes. `alarms` are (kind, text) pairs.
    """

    id: str
    fitness: float
    hidden: float | None
    random: float | None
    own: float | None
    ranking: float | None
    alarms: tuple[tuple[str, str], ...] = ()
    seen: bool = True  # whether there was an episode of its own to look at

    @property
    def verdict(self) -> str:
        """In words."""
        if self.alarms:
            return "; ".join(VERDICTS.get(kind, kind) for kind, _ in self.alarms)
        return "nothing found" if self.seen else "cannot be told: none of its episodes was kept"


def hacking(run: Run) -> list[str]:
    """Lines for the summary: who is suspected and why, and what the hidden fitness says."""
    try:
        found = looked(run)
    except RunError as error:
        return [f"It cannot be told whether a reward was hacked: {error}"]
    alarms = [f"{look.id}: {text}" for look in found for _, text in look.alarms]
    return [*alarms, *hidden_words(run.task, found), *_of_winner(run, found)]


def hacking_page(run: Run) -> str:
    """The whole report, for a terminal. Raises: RunError: an episode's file is damaged."""
    found = looked(run)
    if not found:
        return "No candidate has been judged yet.\n"
    lines = [f"{look.id}: {text}" for look in found for _, text in look.alarms]
    told = [*(lines or ["No reward seems to be earned without doing the task."]), *hidden_words(run.task, found)]
    return f"{_table(found).text()}\n{_KEY}\n" + "".join(f"{line}\n" for line in told)


_KEY = """\
random, own policy: correlation of reward and fitness over the transitions of random actions, and of its own policy.
ranking: 1 where it puts all known episodes in the order of their fitness, -1 the opposite order.
"""


def looked(run: Run) -> list[Looked]:
    """Every judged candidate, in order. Raises: RunError: an episode's file is damaged."""
    attempts = [a for g in run.history() for a in g.attempts if isinstance(a.outcome, Judged)]
    known = kept(known_to(run), EPISODES) if attempts else ()
    return [look(attempt, run.task, known) for attempt in attempts]


def look(attempt: Attempt, task: Task, known: Sequence[Trajectory]) -> Looked:
    """One judged candidate, held against the `known` episodes of any policy."""
    judged = attempt.outcome
    assert isinstance(judged, Judged)
    graph = graph_of(attempt)
    own = under(graph, judged.trajectories, task)
    others = under(graph, [t for t in known if t.source != attempt.id], task)
    episodes = [*own, *others]
    said = Hacking().comment(attempt, Scene(task=task, trajectories=tuple(known)))
    alarms = cast("list[dict[str, str]]", said.data["alarms"]) if said else []
    return Looked(
        id=attempt.id,
        fitness=judged.score.mean,
        hidden=judged.score.hidden_mean,
        random=_together([e for e in others if e.played.source == "random"], task.fitness),
        own=_together(own, task.fitness),
        ranking=alignment([e.total for e in episodes], [e.played.fitness for e in episodes]) if episodes else None,
        alarms=tuple((a["kind"], a["text"]) for a in alarms),
        seen=bool(own),
    )


def _together(episodes: Sequence[Episode], fitness: Measure) -> float | None:
    """Pearson's correlation of reward and fitness over all transitions; None where either stands still."""
    if not episodes:
        return None
    pairs = [_per_step(e, fitness) for e in episodes]
    return pearson(torch.cat([reward for reward, _ in pairs]), torch.cat([gain for _, gain in pairs]))


def _per_step(episode: Episode, fitness: Measure) -> tuple[Tensor, Tensor]:
    """The reward of each step and what it did for the fitness: its share of a sum, or how it moved what is reduced."""
    quantity = episode.played.fitness_steps
    if fitness.reduce in ("mean", "sum", "any"):
        return episode.reward, quantity
    return episode.reward[1:], quantity.diff()


# --- the hidden fitness ---------------------------------------------------------------------------------------------


def hidden_words(task: Task, found: Sequence[Looked]) -> list[str]:
    """Whether the fitness that was shown agrees with the hidden one; nothing where the task declares none."""
    measured = [(look.fitness, look.hidden, look.id) for look in found if look.hidden is not None]
    if task.hidden_fitness is None or not measured:
        return []
    agreement = alignment([shown for shown, _, _ in measured], [hidden or 0.0 for _, hidden, _ in measured])
    _, hidden, by_shown = max(measured, key=lambda m: m[0])
    _, most, by_hidden = max(measured, key=lambda m: m[1] or 0.0)
    doc = " ".join(task.hidden_fitness.doc.split())
    how = "cannot be told" if agreement is None else f"{agreement:.2f} (1: they rank candidates alike, -1: opposite)"
    best = (
        f"{by_shown} is the best by both."
        if by_shown == by_hidden
        else f"{by_shown} is the best by what was shown (hidden {number(hidden or 0.0)}), {by_hidden} by the hidden "
        f"one ({number(most or 0.0)})."
    )
    return [f"Hidden fitness against shown ({doc}): agreement {how}. {best}"]


def _of_winner(run: Run, found: Sequence[Looked]) -> list[str]:
    """How reward and fitness go together for the candidate that leads."""
    leader = run.best()
    best = next((look for look in found if leader is not None and look.id == leader.id), None)
    if best is None or (best.random is None and best.own is None and best.ranking is None):
        return []
    verdict = best.verdict[0].upper() + best.verdict[1:]
    return [
        f"{best.id}, which leads: reward and fitness correlate by {_figure(best.random)} over the steps of random "
        f"actions and by {_figure(best.own)} over those of its own policy; its returns rank known episodes as fitness "
        f"does by {_figure(best.ranking)} (1: the same order). {verdict}."
    ]


def _table(found: Sequence[Looked]) -> Table:
    rows = [
        (
            look.id, number(look.fitness), NOTHING if look.hidden is None else number(look.hidden),
            _figure(look.random), _figure(look.own), _figure(look.ranking), cell_text(look.verdict),
        )
        for look in found
    ]  # fmt: skip
    return Table(heading=HEADING, rows=rows, right=frozenset(HEADING[1:-1]))


def _figure(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"
