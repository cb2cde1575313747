"""The proposer without a language model: a rule-based search over reward terms.

It is what runs when no model is configured, and the baseline that a model must beat. It reads what a model is told
(goal, signals, earlier attempts with their curves, people's notes) and nothing else; it understands none of it. Every
offspring is a function of (brief, seed, index), so nothing is stored and a resumed run repeats itself.
"""

from __future__ import annotations

import itertools
import random
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rewardsmith.errors import ProposerError
from rewardsmith.interfaces import ReplyStore, Request
from rewardsmith.propose.diagnosis import Diagnosis, diagnose
from rewardsmith.propose.goals import words
from rewardsmith.propose.graft import graft
from rewardsmith.propose.moves import Change, Situation, Terms, Wish, mend, order
from rewardsmith.propose.priors import Idea, ideas
from rewardsmith.propose.rendering import read, render
from rewardsmith.propose.structures import fresh, jittered
from rewardsmith.propose.terms import Genome, Key, component_names, sound, usable
from rewardsmith.types import Attempt, HumanInput, Note, Rejected, Reply, Task

OPENING = "This is a rule-based search without a language model."
RESTART = 8  # one offspring in so many starts from the priors again ...
RESTART_DEPTH = 16  # ... from one of so many structures not met lately
TRIES = 24  # moves tried until one gives something new
GOLDEN = 0.6180339887  # multiples of it, modulo 1, spread any number of offspring evenly

_MORE = words("faster greater higher increase increased larger longer more raise")
_LESS = words("decrease fewer less lower penalise penalize reduce shorter slower smaller stop")
_ASK = words("encourage reward")  # more, unless another word says of what
_NOT = words("never no not without")
_AVOID = _NOT | {"avoid"}
_LITTLE = words("few little low rarely seldom short slow small weak")
_CLAUSES = re.compile(r"[.,;:!?]|\b(?:and|but|or|so|then|because|while|when)\b")


class OfflineProposer:
    """Answers each request with a reward built from terms over the task's signals."""

    name = "offline"
    origin: Literal["offline"] = "offline"

    def propose(self, requests: Sequence[Request], *, store: ReplyStore) -> list[Reply]:
        """One reply a request, in order.

        Raises: ProposerError: the task declares no signal that a reward could be built from.
        """
        del store  # a reply costs nothing and comes out the same again, so none is kept
        return [_reply(request) for request in requests]


def _reply(request: Request) -> Reply:
    genome, why = _answer(request)
    text = f"{OPENING} {why}\n\n```python\n{render(genome, request.brief.task)}```\n"
    return Reply(text=text, finish="stop", model=OfflineProposer.name)


def _answer(request: Request) -> tuple[Genome, str]:
    search, brief = _Search(request), request.brief
    draft = read(brief.draft, brief.task)
    if brief.rejected is not None and draft is not None:
        return search.simplified(draft, brief.rejected)
    return search.offspring()


@dataclass(frozen=True, slots=True)
class _Known:
    """An earlier attempt with the genome read back from its code; None for code by someone else."""

    attempt: Attempt
    genome: Genome | None


class _Search:
    """What one request is answered from: the ideas for its task and what became of earlier rewards."""

    def __init__(self, request: Request) -> None:
        brief = request.brief
        self.task, self.index = brief.task, request.index
        self.rng = random.Random(f"{request.seed}/{request.index}")
        self.ideas = _ideas(brief.task)
        self.turns = [_known(a, brief.task) for a in brief.turns]
        self.siblings = [_known(a, brief.task) for a in brief.siblings]
        self.wishes = tuple(_wishes(brief.people, brief.task))
        self.seen = [k.genome for k in (*self.turns, *self.siblings) if k.genome is not None]

    def offspring(self) -> tuple[Genome, str]:
        """A first guess where there is no parent (and now and then where there is one), else the parent's offspring."""
        restart = self.index % RESTART == RESTART - 1
        if not self.turns or (restart and self.seen):
            return self.anew("It starts from what the goal's words and the signals' names and units suggest.")
        parent, genome = self.turns[-1].attempt, self.turns[-1].genome
        if genome is None:
            return self.built_on(parent)
        if isinstance(parent.outcome, Rejected):
            return self.simplified(genome, parent.outcome)
        return self.improved(parent, genome)

    def anew(self, why: str) -> tuple[Genome, str]:
        """A structure from the priors; offspring 0 of a first generation is the likeliest one, as it stands."""
        first = not self.seen
        position = self.index if first else self.rng.randrange(RESTART_DEPTH)
        terms = fresh(self.ideas, position, [g.keys for g in self.seen])
        change = mend(terms, Situation(task=self.task, ideas=self.ideas, rng=self.rng, wishes=self.wishes))
        terms, granted = change if change is not None else (terms, "")
        genome = Genome(terms=terms if first and self.index == 0 else jittered(terms, self.rng))
        return genome, _sentences(why, granted, f"Its components are {_listed(genome)}.")

    def built_on(self, parent: Attempt) -> tuple[Genome, str]:
        """Someone else's reward with one term of ours on top; a fresh start where that cannot be done."""
        failed = isinstance(parent.outcome, Rejected)
        base = None if failed else graft(parent.candidate.code, self.task)
        if base is None:
            fault = "was rejected" if failed else "cannot be built on safely by its syntax alone"
            return self.anew(
                f"The reward of {parent.id} was not written by this search and {fault}, so it starts anew."
            )
        likeliest = [i.forms[0] for i in self.ideas]
        terms = (likeliest[self.index % len(likeliest)],)
        genome = Genome(terms=jittered(terms, self.rng) if self.index else terms, base=base)
        return genome, f"It keeps the reward of {parent.id} as it stands and adds {_listed(genome)}."

    def improved(self, parent: Attempt, genome: Genome) -> tuple[Genome, str]:
        """The parent changed by what its curves call for (offspring 0), by a move of this offspring's, or by both."""
        diagnosis = diagnose(parent, genome, self.task)
        flat = "Fitness hardly rose, so a larger step is taken." if diagnosis.fitness_flat else ""
        for terms, why in self._changes(genome.terms, diagnosis):
            child = genome.with_terms(terms)
            if (sound(terms) or genome.base is not None) and child not in self.seen:
                return child, _sentences(f"It starts from {parent.id}.", flat, why)
        child = genome.with_terms(jittered(genome.terms, self.rng))
        return child, f"It keeps the terms of {parent.id} and moves their numbers a little."

    def _changes(self, terms: Terms, diagnosis: Diagnosis) -> Iterator[Change]:
        situation = self._situation(diagnosis)
        mended = mend(terms, situation)
        if mended is not None and self.index == 0:
            yield mended
        own = itertools.cycle(order(self.index, large=diagnosis.fitness_flat))
        for turn, move in enumerate(itertools.islice(own, TRIES), start=self.index):
            start = mended if mended is not None and turn % 2 == 0 else (terms, "")
            moved = move(start[0], situation)
            if moved is not None:
                yield moved[0], _sentences(start[1], moved[1])

    def simplified(self, genome: Genome, rejected: Rejected) -> tuple[Genome, str]:
        """A rejected reward without the term that the rejection names, or without its last one, or another one."""
        names = component_names(genome)
        blamed = [n for n in range(len(names)) if f"'{names[n]}'" in rejected.reason] or [len(names) - 1]
        rest = tuple(t for n, t in enumerate(genome.terms) if n != blamed[0])
        if sound(rest):
            return genome.with_terms(rest), f"It was rejected, so its component '{names[blamed[0]]}' is left out."
        single = [i.forms[0] for i in self.ideas if sound(i.forms[:1]) and i.forms[0].key not in genome.keys]
        terms = (single[self.index % len(single)],) if single else genome.terms[:1]
        return Genome(terms=jittered(terms, self.rng)), "It was rejected, so one plain term takes its place."

    def _situation(self, diagnosis: Diagnosis) -> Situation:
        return Situation(
            task=self.task,
            ideas=self.ideas,
            rng=self.rng,
            place=self.index * GOLDEN % 1.0,
            diagnosis=diagnosis,
            mate=_mate(self.siblings),
            credit=_credit([*self.turns, *self.siblings]),
            wishes=self.wishes,
        )


def _ideas(task: Task) -> Sequence[Idea]:
    found = ideas(task)
    if not any(sound(i.forms[:1]) for i in found):
        declared = ", ".join(f"{s.name} {s.shape}" for s in task.signals) or "none"
        raise ProposerError(
            f"The offline proposer needs a signal besides the action to build a reward from; task '{task.name}' "
            f"declares: {declared}. Declare one under 'signals', or choose a language model with --model."
        )
    return found


def _known(attempt: Attempt, task: Task) -> _Known:
    return _Known(attempt, read(attempt.candidate.code, task))


def _then(first: Change, second: Change | None) -> Change | None:
    return None if second is None else (second[0], _sentences(first[1], second[1]))


def _mate(siblings: Iterable[_Known]) -> tuple[str, Terms] | None:
    """The fittest of the last generation's others whose genome can be read."""
    judged = [
        (k.attempt.fitness, k.attempt.id, k.genome) for k in siblings if k.attempt.fitness is not None and k.genome
    ]
    best = max(judged, key=lambda j: (j[0], j[1]), default=None)
    return None if best is None else (best[1], best[2].terms)


def _credit(known: Iterable[_Known]) -> Mapping[Key, float]:
    """For each key: how many standard deviations the fitness of attempts with it lies above the mean of all."""
    scored = [(k.genome.keys, k.attempt.fitness) for k in known if k.genome and k.attempt.fitness is not None]
    fitness = [f for _, f in scored]
    spread = statistics.pstdev(fitness) if len(fitness) > 1 else 0.0
    if spread == 0.0:
        return {}
    mean = statistics.fmean(fitness)
    keys = sorted({key for having, _ in scored for key in having}, key=repr)
    return {k: (statistics.fmean([f for having, f in scored if k in having]) - mean) / spread for k in keys}


def _wishes(people: Iterable[HumanInput], task: Task) -> Iterator[Wish]:
    """What notes ask for that name a signal and say more or less of it; the latest note on a signal wins."""
    latest: dict[str, Wish] = {}
    for note in people:
        if isinstance(note, Note):
            latest.update((w.signal, w) for w in _asked(note.text, task))
    yield from latest.values()


def _asked(text: str, task: Task) -> Iterator[Wish]:
    """The wishes in a note; a name within a longer one that stands there, like `height` in `torso height`, is none."""
    spoken = " ".join(text.replace("_", " ").lower().split())
    for name in sorted(usable(task), key=len, reverse=True):
        spoken, count = re.subn(rf"\b{re.escape(name.replace('_', ' ').lower())}\b", " ", spoken)
        if count and (sign := _sign(spoken)):
            yield Wish(signal=name, sign=sign, words=_quoted(text))


def _sign(text: str) -> int:
    """1 where every clause that says so asks for more, -1 where for less; 0 where none does or they disagree."""
    plain = text.replace("\u2019", "'").replace("n't", " not")
    said = {sign for clause in _CLAUSES.split(plain) for sign in _signs(re.findall(r"[a-z]+", clause))}
    return said.pop() if len(said) == 1 else 0


def _signs(clause: Sequence[str]) -> set[int]:
    """What a clause asks for; 0 where that cannot be told."""
    said: set[int] = set()
    for n, word in enumerate(clause):
        before, following = clause[:n], clause[n + 1 : n + 2]
        if word == "too" and following:
            said.add(0 if _NOT & {*before} else 1 if following[0] in _LITTLE else -1)
        elif word == "enough" and _NOT & {*before}:
            said.add(-1 if _LITTLE & {*before} else 1)
        elif word in _MORE:
            said.add(_turn(before))
        elif word in _LESS:
            said.add(-_turn(before))
    said = said or {_turn(clause[:n]) for n, word in enumerate(clause) if word in _ASK}
    return said or ({-1} if "avoid" in clause else set())


def _turn(before: Sequence[str]) -> int:
    """-1 right after a `not`, as in `do not stop`; 0 where one stands further off, 1 where none does."""
    return -1 if _AVOID & {*before[-2:]} else 0 if _AVOID & {*before} else 1


def _quoted(text: str) -> str:
    line = " ".join(text.replace("`", "'").split())
    return line if len(line) <= 80 else line[:77] + "..."


def _listed(genome: Genome) -> str:
    return ", ".join(f"'{n}'" for n in component_names(genome))


def _sentences(*parts: str) -> str:
    return " ".join(p for p in parts if p)
