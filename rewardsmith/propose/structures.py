"""First guesses: which of a task's ideas go together into one reward, each guess different from those before it.

A generation without a parent should look in many directions, so guesses are laid out in a fixed order of structures,
likeliest first, instead of drawn independently. Improving on a guess is for `moves.py`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from rewardsmith.propose.priors import Idea
from rewardsmith.propose.terms import COSTS, FLIPPABLE, WITH_TEMPERATURE, Key, Term, rounded, sound

STRONG = 0.7  # of the best aim's plausibility: belongs into the first guess
FAINT = 0.1  # plausibility below which an aim is left to chance


def fresh(ideas: Sequence[Idea], index: int, seen: Collection[frozenset[Key]] = ()) -> tuple[Term, ...]:
    """The `index`-th structure that differs in its keys from those before it and from `seen`; 0 is the likeliest.

    Where a task is too small for so many structures, one comes again.
    """
    met = set(seen)
    distinct: list[tuple[Term, ...]] = []
    for terms in _structures(ideas):
        keys = frozenset(t.key for t in terms)
        if keys not in met:
            met.add(keys)
            distinct.append(terms)
        if len(distinct) > index:
            break
    everything = distinct or list(_structures(ideas))[:1]
    return everything[index % len(everything)]


def _structures(ideas: Sequence[Idea]) -> Iterator[tuple[Term, ...]]:
    """A fixed walk through structures for one task: the systematic ones, then ever wilder random ones."""
    aims, supports = _aims(ideas), [i for i in ideas if i.role == "support"]
    strong = [a for a in aims if a.plausibility >= STRONG * aims[0].plausibility][:3]
    likely = [s for s in supports if s.plausibility >= 0.5][:3]
    costs = [s for s in likely if s.forms[0].kind in COSTS]
    yield from filter(sound, (
        _take(strong, 0) + _take(likely, 0),
        _take(strong, 1) + _take(likely, 0),
        _take(strong, 0) + _take(strong, 1),
        _take(aims[: len(strong) + 1], 0) + _take(likely, 0),
        _take(strong, 0),
        _take(strong, 2) + _take(likely, 0),
        _take(aims[:1], 0) + _take(costs, 0),
        _take([a for a in aims[1:3] if a.plausibility >= FAINT], 0) + _take(likely, 0),
    ))  # fmt: skip
    rng = random.Random(repr([i.forms[0].key for i in ideas]))
    for _ in range(400):
        terms = _wild(aims, supports, rng)
        if sound(terms):
            yield terms


def _aims(ideas: Sequence[Idea]) -> list[Idea]:
    """The aims; where the words gave none, whatever could serve as one."""
    named = [i for i in ideas if i.role == "aim"]
    return named or [i for i in ideas if sound(i.forms[:1])]


def _take(ideas: Sequence[Idea], form: int) -> tuple[Term, ...]:
    return tuple(i.forms[min(form, len(i.forms) - 1)] for i in ideas)


def _wild(aims: Sequence[Idea], supports: Sequence[Idea], rng: random.Random) -> tuple[Term, ...]:
    chosen = [*_draw(aims, rng, rng.randint(1, 3)), *_draw(supports, rng, rng.randint(0, 3))]
    terms = {t.key: t for t in (doubted(rng.choice(idea.forms), idea, rng) for idea in chosen)}
    return tuple(terms.values())


def _draw(ideas: Sequence[Idea], rng: random.Random, count: int) -> list[Idea]:
    pool, drawn = list(ideas), []
    for _ in range(min(count, len(pool))):
        drawn.append(rng.choices(pool, weights=[math.sqrt(i.plausibility) for i in pool])[0])
        pool.remove(drawn[-1])
    return drawn


def doubted(form: Term, idea: Idea, rng: random.Random) -> Term:
    """The form as it is, or now and then turned round where the idea is not sure of itself."""
    turned = form.kind in FLIPPABLE and idea.plausibility < 0.5 and rng.random() < 0.4
    return replace(form, weight=-form.weight) if turned else form


def jittered(terms: tuple[Term, ...], rng: random.Random) -> tuple[Term, ...]:
    """The same structure with its numbers moved a little, so that equal structures still differ."""
    return tuple(
        replace(
            t,
            weight=rounded(t.weight * 2 ** rng.uniform(-1, 1)),
            temperature=rounded(t.temperature * 2 ** rng.uniform(-1, 1))
            if t.kind in WITH_TEMPERATURE
            else t.temperature,
        )
        for t in terms
    )
