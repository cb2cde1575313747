"""The population: what has been tried, and which attempts the next generation is bred from.

Greedy, as in Eureka: the parent is the best attempt so far, so it never gets worse; a chain that restarts begins from
nothing (or from the person's seed). People's words come first: a pin chooses the parent, a veto bars one, and a
preference overrules fitness between the two it names. A dialogue, as in CARD, goes on from the last attempt instead,
or from a pinned one. With `search.rank_by: llm` the score that a model gave takes the place of fitness, which decides
among equal scores and among attempts without one, and its preferences count where no person has spoken of the two.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Literal

from rewardsmith.config import SearchSettings
from rewardsmith.types import Attempt, Generation, HumanInput, Judged, Mark, Preference


class Archive:
    """Every finished generation of a run, in order."""

    def __init__(self, settings: SearchSettings) -> None:
        self._settings = settings
        self._generations: list[Generation] = []
        self._people: list[HumanInput] = []
        self._judge: list[Preference] = []

    @classmethod
    def replay(cls, history: Sequence[Generation], settings: SearchSettings) -> Archive:
        """The archive as it stood after `history`."""
        archive = cls(settings)
        for generation in history:
            archive.hear(generation.people)
            archive.add(generation)
        return archive

    def hear(self, people: Sequence[HumanInput]) -> None:
        """Take in what persons have said since the last generation."""
        self._people.extend(people)

    def add(self, generation: Generation) -> None:
        """Append a finished generation; where a model ranks, its preferences are taken in."""
        self._generations.append(generation)
        if self._settings.rank_by == "llm":
            self._judge.extend(p for a in generation.attempts for f in a.feedback for p in f.preferences)

    @property
    def next_index(self) -> int:
        """The index of the generation to come; 0 is for seeded rewards."""
        return len(self._generations)

    def chain_of(self, index: int) -> int:
        """Which restart a generation belongs to; the seeded generation 0 belongs to all."""
        return max(0, index - 1) // self._settings.generations

    @property
    def complete(self) -> bool:
        """Whether every generation of every chain has been bred."""
        return self.next_index > self._settings.generations * self._settings.restarts

    def attempts(self) -> tuple[Attempt, ...]:
        """Every attempt, oldest first."""
        return tuple(a for g in self._generations for a in g.attempts)

    def best(self) -> Attempt | None:
        """The attempt that won the run so far, over all chains; None while nothing has been judged."""
        return self._preferred(list(self.attempts()))

    def finalists(self, count: int) -> tuple[Attempt, ...]:
        """The winner first, then the next by rank, `count` at most; empty while nothing has been judged."""
        winner = self.best()
        if winner is None:
            return ()
        others = [a for a in _judged(self.attempts(), self._vetoed()) if a.id != winner.id]
        return (winner, *sorted(others, key=self._rank, reverse=True))[:count]

    def lineage(self, chain: int) -> tuple[Attempt, ...]:
        """The chain's successive bests, oldest first, the parent of the next generation last.

        At most `history_turns` of them; empty while the chain has no judged attempt. In a dialogue every generation
        has its turn, whatever became of it, unless a person vetoed all of it.
        """
        if self._settings.strategy == "dialogue":
            return self._dialogue(chain)[-self._settings.history_turns :]
        pool: list[Attempt] = []
        records: list[Attempt] = []
        for generation in self._of(chain):
            pool.extend(generation.attempts)
            best = max(_judged(pool, self._vetoed()), key=self._rank, default=None)
            if best is not None and (not records or records[-1].id != best.id):
                records.append(best)
        parent = self._preferred(pool)
        if parent is None:
            return ()
        earlier = [a for a in records if a.id != parent.id]
        return (*earlier, parent)[-self._settings.history_turns :]

    def siblings(self, chain: int) -> tuple[Attempt, ...]:
        """The attempts of the chain's last generation, without the parent-to-be."""
        generations = self._of(chain)
        parents = {a.id for a in self.lineage(chain)}
        return tuple(a for a in generations[-1].attempts if a.id not in parents) if generations else ()

    def earlier(self, chain: int) -> tuple[Attempt, ...]:
        """The judged attempts of the chain's generations before its last, without the lineage; oldest first."""
        parents = {a.id for a in self.lineage(chain)}
        pool = [a for g in self._of(chain)[:-1] for a in g.attempts]
        return tuple(a for a in pool if a.fitness is not None and a.id not in parents)

    def people(self, chain: int) -> tuple[HumanInput, ...]:
        """What persons have said so far, of the run or of attempts of this chain."""
        ids = {a.id for g in self._of(chain) for a in g.attempts}
        return tuple(p for p in self._people if _mentions(p) <= ids)

    def _dialogue(self, chain: int) -> tuple[Attempt, ...]:
        """The first by rank of each generation, or its first attempt where none was judged; a pinned one last.

        What is vetoed has no turn.
        """
        vetoed = self._vetoed()
        pools = [[a for a in g.attempts if a.id not in vetoed] for g in self._of(chain)]
        turns = [self._preferred(pool) or pool[0] for pool in pools if pool]
        pinned = self._pinned(turns)
        return tuple(sorted(turns, key=lambda turn: turn is pinned))

    def _of(self, chain: int) -> list[Generation]:
        return [g for g in self._generations if g.attempts and (g.index == 0 or g.chain == chain)]

    def _vetoed(self) -> frozenset[str]:
        return frozenset(p.on for p in self._people if isinstance(p, Mark) and p.kind == "veto")

    def _rank(self, attempt: Attempt) -> tuple[bool, float, float]:
        return rank(attempt, by=self._settings.rank_by)

    def _pinned(self, pool: Sequence[Attempt]) -> Attempt | None:
        """The judged attempt of `pool` that was pinned last, unless it is vetoed."""
        allowed = {a.id: a for a in _judged(pool, self._vetoed())}
        pins = [p.on for p in self._people if isinstance(p, Mark) and p.kind == "pin" and p.on in allowed]
        return allowed[pins[-1]] if pins else None

    def _preferred(self, pool: Sequence[Attempt]) -> Attempt | None:
        """The pinned attempt, else the first by rank, moved along preferences, persons' before the judge's.

        Of preferences in a circle those of persons hold; where these go in a circle, it ends where it was entered.
        """
        pinned = self._pinned(pool)
        if pinned is not None:
            return pinned
        allowed = {a.id: a for a in _judged(pool, self._vetoed())}
        best = max(allowed.values(), key=self._rank, default=None)
        if best is None:
            return None
        persons = [p for p in self._people if isinstance(p, Preference)]
        walked: list[str] = []
        name = best.id
        while name not in walked:
            walked.append(name)
            name = _preferred_to(name, [*self._judge, *persons], allowed) or name
        circle = walked[walked.index(name) :]  # of one, where the walk came to an end
        name = next((one for one in circle if _preferred_to(one, persons, circle) is None), name)
        return allowed[name]


def rank(attempt: Attempt, *, by: Literal["fitness", "llm"]) -> tuple[bool, float, float]:
    """What the best of judged attempts has most of: a model's score, where that ranks, and then fitness."""
    assert isinstance(attempt.outcome, Judged)
    score = attempt.model_score if by == "llm" else None
    return score is not None, score or 0.0, attempt.outcome.score.mean


def _preferred_to(loser: str, said: Sequence[Preference], allowed: Container[str]) -> str | None:
    """Whom of the `allowed` somebody prefers to `loser`; of each pair, what was said last counts."""
    told: set[str] = set()
    for p in reversed(said):
        if p.p_first is None or loser not in (p.first, p.second):
            continue
        other, p_loser = (p.second, p.p_first) if p.first == loser else (p.first, 1 - p.p_first)
        if p_loser < 0.5 and other not in told and other in allowed:
            return other
        told.add(other)
    return None


def _judged(pool: Sequence[Attempt], vetoed: frozenset[str]) -> list[Attempt]:
    return [a for a in pool if isinstance(a.outcome, Judged) and a.id not in vetoed]


def _mentions(said: HumanInput) -> set[str]:
    if isinstance(said, Preference):
        return {said.first, said.second}
    return {said.on} if said.on else set()
