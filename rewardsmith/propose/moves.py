"""How one reward becomes the next: repairs by diagnosis and by people's notes, small and large mutations.

Every move maps terms to terms and says in a sentence what it did and why; None where it has nothing to do. Which move
an offspring gets follows from its index, so that a generation tries different things instead of one thing many times.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rewardsmith.propose.diagnosis import Diagnosis, Fault, Finding
from rewardsmith.propose.priors import Idea
from rewardsmith.propose.structures import doubted, jittered
from rewardsmith.propose.terms import (
    COSTS,
    FLIPPABLE,
    MAX_TERMS,
    WITH_TEMPERATURE,
    Key,
    Term,
    describe,
    rounded,
    sound,
    subject,
)
from rewardsmith.types import Task

LIKELY = 0.5  # plausibility from which an aim is not dropped for standing still

Terms = tuple[Term, ...]
Change = tuple[Terms, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a person's note asks for: more (`sign` 1) or less (-1) of a signal."""

    signal: str
    sign: int
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What a move may look at.

    `credit`: how far attempts with a term lie above the mean fitness, in deviations. `place` in [0, 1) is where in
    its generation the offspring stands.
    """

    task: Task
    ideas: Sequence[Idea]
    rng: random.Random
    place: float = 0.0
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    mate: tuple[str, Terms] | None = None
    credit: Mapping[Key, float] = field(default_factory=dict)
    wishes: Sequence[Wish] = ()


Move = Callable[[Terms, Situation], Change | None]


# --- repairs by diagnosis -------------------------------------------------------------------------------------------


def mend(terms: Terms, s: Situation) -> Change | None:
    """Do what the diagnosis and the people's notes call for; None where they call for nothing."""
    steps: list[Move] = [
        *(_mending(f) for f in s.diagnosis.findings),
        *(_granting(w) for w in s.wishes),
        *([_stay_alive] if s.diagnosis.ends_early else []),
    ]
    why: list[str] = []
    for step in steps:
        change = step(terms, s)
        if change is not None and sound(change[0]):
            terms, said = change
            why.append(said)
    return (terms, " ".join(why)) if why else None


def _mending(finding: Finding) -> Move:
    remedy = _REMEDIES[finding.fault]

    def step(terms: Terms, s: Situation) -> Change | None:
        old = next((t for t in terms if t.key == finding.key), None)
        new = None if old is None else remedy(old)
        if old is None or new == old or (new is None and _is_likely(old, s)):
            return None
        return (_replaced(terms, old, new), f"{finding.seen}, so {_difference(old, new)}.")

    return step


def _is_likely(term: Term, s: Situation) -> bool:
    """Whether the goal speaks for the term: one that stands still may just not have been reached yet."""
    return any(term.key == f.key and i.role == "aim" and i.plausibility >= LIKELY for i in s.ideas for f in i.forms)


def _replaced(terms: Terms, old: Term, new: Term | None) -> Terms:
    successor = () if new is None else (new,)
    return tuple(kept for t in terms for kept in (successor if t is old else (t,)))


def _opposed(term: Term) -> Term | None:
    if term.kind == "alive":
        return _heavier(term, 0.5)
    return replace(term, weight=-term.weight) if term.kind in FLIPPABLE else None


_REMEDIES: Mapping[Fault, Callable[[Term], Term | None]] = {
    "faded": lambda t: _warmer(t, 3.0),
    "saturated": lambda t: _warmer(t, 1 / 3 if t.kind != "tanh" else 3.0),
    "constant": lambda _: None,
    "dominates": lambda t: _heavier(t, 0.2),
    "opposes": _opposed,
}


def _difference(old: Term, new: Term | None) -> str:
    what = f"the {old.kind} term on {subject(old)}"
    if new is None:
        return f"{what} was dropped"
    if new.temperature != old.temperature:
        return f"the temperature of {what} went from {old.temperature:g} to {new.temperature:g}"
    turned = "was turned round: its weight" if new.weight * old.weight < 0 else "had its weight changed: it"
    return f"{what} {turned} went from {old.weight:g} to {new.weight:g}"


def _stay_alive(terms: Terms, s: Situation) -> Change | None:
    if any(t.kind == "alive" for t in terms):
        return None
    forms = [i.forms[0] for i in s.ideas if i.forms[0].kind == "alive"]
    return ((*terms, forms[0]), "Episodes ended early, so each step survived is now rewarded.") if forms else None


def _granting(wish: Wish) -> Move:
    def step(terms: Terms, s: Situation) -> Change | None:
        old = next((t for t in terms if wish.signal in t.signals and t.kind in FLIPPABLE | COSTS), None)
        new = _wished(wish, s) if old is None else _pulled(old, wish, s)
        if new is None:
            return None
        kept = (*terms, new) if old is None else _replaced(terms, old, new)
        return (kept, f'A note says "{wish.words}", so the reward now {describe(new, s.task)}.')

    return step


def _wished(wish: Wish, s: Situation) -> Term | None:
    forms = [f for i in s.ideas for f in i.forms if f.signals == (wish.signal,) and f.kind in {"linear", "effort"}]
    fitting = [f for f in forms if f.kind == "linear" or wish.sign < 0]
    return replace(fitting[0], weight=wish.sign * abs(fitting[0].weight)) if fitting else None


def _pulled(term: Term, wish: Wish, s: Situation) -> Term | None:
    """The term, pulled towards the wish: doubled where it agrees, else turned round (a cost is halved).

    Notes come again with every parent: past its first guess a weight is left alone.
    """
    wanted = wish.sign if term.kind != "progress" else -wish.sign
    guess = next((f.weight for i in s.ideas for f in i.forms if f.key == term.key), 0.0)
    if term.weight * wanted > 0:
        return _heavier(term, 2.0) if guess * wanted > 0 and abs(term.weight) <= abs(guess) else None
    if term.kind in COSTS:
        return _heavier(term, 0.5) if 0 < abs(guess) <= abs(term.weight) else None
    return replace(term, weight=-term.weight)


# --- mutations ------------------------------------------------------------------------------------------------------


def boost(terms: Terms, s: Situation) -> Change | None:
    """Give the term that went with fitness most (or any) two to four times its weight."""
    aims = [t for t in terms if t.kind not in COSTS and t.kind != "alive"]
    if len(terms) < 2 or not aims:
        return None
    best = max(aims, key=lambda t: s.diagnosis.agreement.get(t.key, s.rng.random() * 0.1))
    known = best.key in s.diagnosis.agreement
    why = "The term whose curve goes best with fitness counts more" if known else "A term is tried with more weight"
    return _with(terms, best, _heavier(best, 2 ** s.rng.uniform(1, 2)), why)


def reweigh(terms: Terms, s: Situation) -> Change | None:
    """Change one weight by a factor of 1.5 to 4, up or down."""
    if len(terms) < 2:
        return None
    old = s.rng.choice(terms)
    factor = 2 ** (s.rng.choice((-1, 1)) * s.rng.uniform(0.6, 2))
    return _with(terms, old, _heavier(old, factor), "A change of weight is tried")


def retune(terms: Terms, s: Situation) -> Change | None:
    """Change one temperature by a factor of 1.5 to 4, up or down."""
    tunable = [t for t in terms if t.kind in WITH_TEMPERATURE]
    if not tunable:
        return None
    old = s.rng.choice(tunable)
    factor = 2 ** (s.rng.choice((-1, 1)) * s.rng.uniform(0.6, 2))
    return _with(terms, old, _warmer(old, factor), "A change of temperature is tried")


def reform(terms: Terms, s: Situation) -> Change | None:
    """Reward the same thing in another form."""
    idea_of = {f.key: i for i in s.ideas for f in i.forms if len(i.forms) > 1}
    shaped = [t for t in terms if t.key in idea_of]
    if not shaped:
        return None
    old = s.rng.choice(shaped)
    other = [f for f in idea_of[old.key].forms if f.key not in {t.key for t in terms}]
    if not other:
        return None
    new = s.rng.choice(other)
    said = f"Another form is tried on {subject(old)}: {new.kind} in place of {old.kind}."
    return (_replaced(terms, old, new), said)


def add(terms: Terms, s: Situation) -> Change | None:
    """Add a term, best on something the reward does not look at yet; likelier ideas and such as did well before first.

    Offspring draw from different stretches of the same distribution, so that a generation adds different terms.
    """
    present = {t.key for t in terms}
    pool = [(f, i) for i in s.ideas for f in i.forms[:2] if f.key not in present]
    if not pool or len(terms) >= MAX_TERMS:
        return None
    looked_at = {t.signals for t in terms if t.kind not in COSTS and t.kind != "alive"}
    form, idea = _drawn(pool, [_appeal(f, i, s) * (0.2 if f.signals in looked_at else 1.0) for f, i in pool], s)
    new = jittered((doubted(form, idea, s.rng),), s.rng)[0]
    return ((*terms, new), f"A term is added that {describe(new, s.task)}.")


def _appeal(form: Term, idea: Idea, s: Situation) -> float:
    return float(math.sqrt(idea.plausibility) * 3 ** s.credit.get(form.key, 0.0))


def _drawn(pool: Sequence[tuple[Term, Idea]], appeal: Sequence[float], s: Situation) -> tuple[Term, Idea]:
    ends = list(itertools.accumulate(appeal))
    mark = (s.place + s.rng.random() / 8) % 1.0 * ends[-1]
    return pool[min(bisect.bisect_right(ends, mark), len(pool) - 1)]


def drop(terms: Terms, s: Situation) -> Change | None:
    """Leave out the term that goes least with fitness (or any)."""
    if len(terms) < 2:
        return None
    worst = min(terms, key=lambda t: s.diagnosis.agreement.get(t.key, 0.0) + s.rng.random() * 0.1)
    rest = tuple(t for t in terms if t is not worst)
    why = "its curve goes least with fitness" if worst.key in s.diagnosis.agreement else "to see what it is worth"
    return (rest, f"The {worst.kind} term on {subject(worst)} is left out, {why}.")


def flip(terms: Terms, s: Situation) -> Change | None:
    """Turn one term round."""
    turnable = [t for t in terms if t.kind in FLIPPABLE]
    if not turnable:
        return None
    old = min(turnable, key=lambda t: s.diagnosis.agreement.get(t.key, 0.0) + s.rng.random() * 0.1)
    return _with(terms, old, replace(old, weight=-old.weight), "The opposite sign is tried")


def cross(terms: Terms, s: Situation) -> Change | None:
    """Take over terms from the best of the last generation's others."""
    if s.mate is None:
        return None
    name, theirs = s.mate
    new = [t for t in theirs if t.key not in {x.key for x in terms}]
    if not new:
        return None
    taken = s.rng.sample(new, k=min(len(new), s.rng.randint(1, 2)))
    said = f"Taken over from {name}: a term that " + ", and one that ".join(describe(t, s.task) for t in taken) + "."
    return ((*terms, *taken)[:MAX_TERMS], said)


def order(index: int, *, large: bool) -> tuple[Move, ...]:
    """The moves that offspring `index` tries: its own first, then `add`, which never comes out twice the same."""
    moves = LARGE if large else SMALL
    turned = [moves[(index + n) % len(moves)] for n in range(len(moves))]
    return (turned[0], add, *turned[1:])


SMALL: tuple[Move, ...] = (boost, add, reform, cross, retune, drop, reweigh)
LARGE: tuple[Move, ...] = (reform, add, cross, drop, flip, reform, add)


def _with(terms: Terms, old: Term, new: Term, why: str) -> Change | None:
    return (_replaced(terms, old, new), f"{why}: {_difference(old, new)}.") if new != old else None


def _heavier(term: Term, factor: float) -> Term:
    return replace(term, weight=rounded(term.weight * factor))


def _warmer(term: Term, factor: float) -> Term:
    return replace(term, temperature=rounded(term.temperature * factor))
