"""What a goal in words and the names, units and docs of signals make plausible: ideas for terms, ranked.

Rules of thumb, not understanding: a word list cannot read a goal. They rank what to try first; the search decides.
Nothing here reads how a signal or the fitness is computed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from rewardsmith.propose.goals import asked, words
from rewardsmith.propose.terms import Key, Kind, Term, usable
from rewardsmith.types import Signal, Task

Role = Literal["aim", "support"]


FORWARD = words("ahead crawl forward forwards gallop hop jog race run sprint swim trot walk")
BACKWARD = words("backward backwards reverse")
RISE = words("high higher hop jump leap lift pick raise up upward upwards")
UPRIGHT = words("balance balanced balancing fall falling stand standing straight topple upright")
ENDING = words("fall fallen falling falls topple topples")
TURN = words("flip reorient roll rotate somersault spin turn twist")
OPEN = words("open opened opening pull unlock")
CLOSE = words("close closed closing shut")

DIRECTION_X = words("ahead forward forwards x")
DIRECTION_UP = words("altitude height up upward upwards vertical z")
GAP = words("dist distance error gap offset separation")
LENGTHS = words("dist distance separation")  # never negative
COVERED = words("covered travelled traveled")
EFFECTOR = words("effector finger fingers fingertip gripper hand palm tcp tip tool")
GOAL_PLACE = words("desired goal target")
DIFFERENCE = words("delta difference minus offset relative to vector")
DONE = words("contact grasped success touching")
ACTION = words("action actions control ctrl torque torques")


@dataclass(frozen=True, kw_only=True, slots=True)
class Idea:
    """Something to reward, in the forms that are worth trying, best first. `plausibility` in (0, 1]."""

    forms: tuple[Term, ...]
    plausibility: float
    role: Role

    @property
    def subject(self) -> tuple[tuple[str, ...], int | None]:
        return (self.forms[0].signals, self.forms[0].index)


@dataclass(frozen=True, slots=True)
class _About:
    """A signal and the words known of it."""

    signal: Signal
    name: frozenset[str]
    doc: frozenset[str]

    @property
    def either(self) -> frozenset[str]:
        return self.name | self.doc

    @property
    def index(self) -> int | None:
        """0 where a vector holds one number: its length would lose the sign."""
        return 0 if self.signal.shape and math.prod(self.signal.shape) == 1 else None

    @property
    def is_scalar(self) -> bool:
        return math.prod(self.signal.shape) == 1

    @property
    def is_place(self) -> bool:
        return self.signal.shape in ((2,), (3,)) and self.signal.unit == "m" and not self.is_difference

    @property
    def is_difference(self) -> bool:
        return bool(self.name & (DIFFERENCE | GAP))


def ideas(task: Task) -> tuple[Idea, ...]:
    """All ideas for the task, most plausible first; the best idea of each subject alone, so none comes twice."""
    goal = words(asked(task.goal))
    abouts = [_About(s, words(s.name), words(s.doc)) for s in usable(task).values()]
    found = [*_single(abouts, goal), *_pairs(abouts), *_alive(abouts, goal | words(task.goal) & ENDING)]
    ranked = sorted(found, key=lambda i: (-i.plausibility, i.forms[0].key[1], i.forms[0].kind))
    return tuple(_first_of_each(ranked))


def _first_of_each(ranked: Iterable[Idea]) -> Iterator[Idea]:
    seen: set[Key] = set()
    for idea in ranked:
        if idea.forms[0].key not in seen:
            seen.update(f.key for f in idea.forms)
            yield idea


# --- one signal -----------------------------------------------------------------------------------------------------


def _single(abouts: Iterable[_About], goal: frozenset[str]) -> Iterator[Idea]:
    for about in abouts:
        if about.name & ACTION:
            yield from _action(about)
        elif about.is_scalar:
            yield from _scalar(about, goal)
        else:
            yield from _vector(about, goal)


def _action(about: _About) -> Iterator[Idea]:
    yield _idea("support", 0.6, _term("effort", about, -0.01))
    yield _idea("support", 0.3, _term("smooth", about, -0.01))


def _scalar(about: _About, goal: frozenset[str]) -> Iterator[Idea]:
    by_unit = {"m/s": _speed, "rad/s": _turning, "rad": _angle, "m": _length}
    yield from by_unit.get(about.signal.unit, _other)(about, goal)


def _speed(about: _About, goal: frozenset[str]) -> Iterator[Idea]:
    toward_x = bool(about.name & DIRECTION_X) or (not about.name & DIRECTION_UP and "forward" in about.doc)
    if toward_x and goal & (FORWARD | BACKWARD):
        yield _idea("aim", 0.95, *_increasing(about, -1.0 if goal & BACKWARD else 1.0))
    elif about.name & DIRECTION_UP and goal & RISE:
        yield _idea("aim", 0.4, *_increasing(about, 1.0))
    elif "speed" in about.name and goal & FORWARD:
        yield _idea("aim", 0.5, *_increasing(about, 1.0))
    else:
        yield _idea("support", 0.1, *_around_zero(about, 0.3))


def _turning(about: _About, goal: frozenset[str]) -> Iterator[Idea]:
    if goal & TURN:
        yield _idea("aim", 0.7, *_increasing(about, 1.0))
    yield _idea("support", 0.15, *_around_zero(about, 0.2))


def _angle(about: _About, goal: frozenset[str]) -> Iterator[Idea]:
    moved = about.either & goal & (OPEN | CLOSE | TURN) or about.name & _content(goal)
    if moved and not goal & UPRIGHT:
        yield _idea("aim", 0.7, *_increasing(about, _sense(goal)))
    elif about.name & GAP:
        yield _idea(
            "aim",
            0.9,
            *_shrinking(about.signal.unit, (about.signal.name,), about.index, signed=not about.name & LENGTHS),
        )
    else:
        main = bool(goal & UPRIGHT) and not goal & (FORWARD | BACKWARD)
        sure = 0.8 if main else 0.35 if goal & UPRIGHT else 0.12
        yield _idea("aim" if main else "support", sure, *_around_zero(about, 1.0 if main else 0.5))


def _length(about: _About, goal: frozenset[str]) -> Iterator[Idea]:
    if about.name & (OPEN | CLOSE):
        yield _idea("aim", 0.9, *_increasing(about, _sense(goal)))
    elif about.name & COVERED:
        yield _idea("aim", 0.7, *_increasing(about, 1.0))
    elif about.is_difference:
        yield _idea(
            "aim",
            0.95,
            *_shrinking(about.signal.unit, (about.signal.name,), about.index, signed=not about.name & LENGTHS),
        )
    elif about.name & DIRECTION_UP:
        sure = 0.6 if goal & (RISE | UPRIGHT) else 0.1
        yield _idea("support", sure, *_increasing(about, 0.5))
    elif about.name & DIRECTION_X and goal & (FORWARD | BACKWARD):
        gain = _term("progress", about, 30.0 if goal & BACKWARD else -30.0)
        yield _idea("aim", 0.35, gain, *_increasing(about, -0.2 if goal & BACKWARD else 0.2))
    elif goal & UPRIGHT:
        yield _idea("support", 0.4, *_around_zero(about, 0.3))
    else:
        yield from _other(about, goal)


def _sense(goal: frozenset[str]) -> float:
    """-1 where the goal speaks of closing and not of opening."""
    return -1.0 if goal & CLOSE and not goal & OPEN else 1.0


def _other(about: _About, goal: frozenset[str]) -> Iterator[Idea]:
    done, named = bool(about.either & DONE), bool(about.name & _content(goal))
    sure = 0.6 if done else 0.3 if named else 0.06
    sign = _sense(goal) if about.name & (OPEN | CLOSE) else 1.0
    yield _idea(
        "aim" if done or named else "support", sure, *_increasing(about, sign * (1.0 if done or named else 0.1))
    )


def _vector(about: _About, goal: frozenset[str]) -> Iterator[Idea]:
    unit, count = about.signal.unit, math.prod(about.signal.shape)
    if unit == "m" and about.is_difference:
        yield _idea("aim", 0.95, *_shrinking(unit, (about.signal.name,), None))
    elif unit == "m/s" and count in (2, 3) and goal & (FORWARD | BACKWARD):
        yield _idea("aim", 0.6, *_increasing(about, -1.0 if goal & BACKWARD else 1.0, index=0))
    elif unit == "m" and count == 3 and goal & {"lift", "pick", "raise"} and not about.name & GOAL_PLACE:
        sure = 0.2 if about.name & EFFECTOR else 0.6
        yield _idea("aim", sure, _term("linear", about, 3.0, index=2), _term("progress", about, -30.0, index=2))
    elif unit == "m":
        yield from _drifts(about)
    else:
        sure = 0.15 if "/s" in unit else 0.05
        yield _idea("support", sure, _term("linear", about, -0.01), _term("bell", about, 0.2, temperature=2.0))


def _drifts(about: _About) -> Iterator[Idea]:
    """A place that nothing is known of: perhaps it should move along one of its axes, either way."""
    sure = 0.02 if about.name & (GOAL_PLACE | EFFECTOR) else 0.15
    for index in range(math.prod(about.signal.shape)):
        yield _idea("aim", sure, *reversed(_increasing(about, 1.0, index=index)))


# --- two signals ----------------------------------------------------------------------------------------------------


def _pairs(abouts: Iterable[_About]) -> Iterator[Idea]:
    """Distances between two signals; less likely where a difference of such a kind is already declared."""
    places = [a for a in abouts if a.is_place or (a.is_scalar and not a.is_difference)]
    told = {(a.signal.shape, a.signal.unit) for a in abouts if a.is_difference}
    for first, second in itertools.combinations(places, 2):
        if first.signal.shape == second.signal.shape and first.signal.unit == second.signal.unit:
            doubt = 0.3 if (first.signal.shape, first.signal.unit) in told else 1.0
            found = _pair(*sorted((first, second), key=_rank), crowd=places)
            yield from (replace(i, plausibility=doubt * i.plausibility) for i in found)


def _rank(about: _About) -> int:
    """0 what acts, 1 what is acted on, 2 where it should be."""
    return 2 if about.name & GOAL_PLACE else 0 if about.name & EFFECTOR else 1


def _pair(first: _About, second: _About, *, crowd: Iterable[_About]) -> Iterator[Idea]:
    shrinking = _shrinking(first.signal.unit, (first.signal.name, second.signal.name), None)
    if not first.is_place:
        if _rank(second) == 2 and (first.name & second.name):
            yield _idea("aim", 0.8, *shrinking)
        return
    objects = any(a.is_place and _rank(a) == 1 for a in crowd)
    sure = {(0, 1): 0.9, (1, 2): 0.95, (0, 2): 0.15 if objects else 0.95, (1, 1): 0.2}
    plausible = sure.get((_rank(first), _rank(second)), 0.05)
    yield _idea(
        "aim",
        plausible,
        *(replace(t, weight=2.0 * t.weight) if _rank(second) == 2 and objects else t for t in shrinking),
    )


def _alive(abouts: list[_About], goal: frozenset[str]) -> Iterator[Idea]:
    scalars = [a for a in abouts if a.is_scalar] or abouts
    if scalars:
        sure = 0.75 if goal & UPRIGHT else 0.08
        yield _idea("support", sure, _term("alive", scalars[0], 1.0))


# --- forms ----------------------------------------------------------------------------------------------------------


def _idea(role: Role, plausibility: float, *forms: Term) -> Idea:
    return Idea(forms=forms, plausibility=plausibility, role=role)


def _term(kind: Kind, about: _About, weight: float, *, index: int | None = None, temperature: float = 1.0) -> Term:
    takes_index = kind not in ("effort", "smooth")
    where = (about.index if index is None else index) if takes_index else None
    return Term(kind=kind, signals=(about.signal.name,), weight=weight, index=where, temperature=temperature)


def _increasing(about: _About, weight: float, index: int | None = None) -> tuple[Term, ...]:
    unit = about.signal.unit
    temperature = {"m/s": 3.0, "rad/s": 5.0, "m": 0.5, "rad": 0.5}.get(unit, 1.0)
    linear = _term("linear", about, weight, index=index)
    levelling = _term("tanh", about, 2.0 * weight, index=index, temperature=temperature)
    gain = _term("progress", about, -30.0 * weight, index=index)
    return (linear, levelling) if unit.endswith("/s") else (linear, levelling, gain)


def _around_zero(about: _About, weight: float) -> tuple[Term, ...]:
    temperature = {"rad": 0.2, "m": 0.3, "rad/s": 2.0, "m/s": 1.0}.get(about.signal.unit, 1.0)
    return tuple(_term(kind, about, weight, temperature=temperature) for kind in ("near", "bell"))


def _shrinking(unit: str, signals: tuple[str, ...], index: int | None, *, signed: bool = False) -> tuple[Term, ...]:
    scale = {"m": 0.2, "rad": 0.5}.get(unit, 1.0)
    near = Term(kind="near", signals=signals, index=index, weight=1.0, temperature=scale)
    lengthwise = Term(kind="linear", signals=signals, index=index, weight=-1.0)
    approach = Term(kind="progress", signals=signals, index=index, weight=30.0)
    bell = Term(kind="bell", signals=signals, index=index, weight=1.0, temperature=scale / 2)
    return (near, bell) if signed else (near, lengthwise, approach, bell)


def _content(goal: frozenset[str]) -> frozenset[str]:
    """Words of the goal that can name a thing."""
    return frozenset(w for w in goal if len(w) > 3)
