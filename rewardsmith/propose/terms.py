"""The grammar of the rewards that the offline proposer writes: what a term is, means and is called.

A genome is a handful of terms, perhaps on top of a reward that somebody else wrote (`graft.py`). How it reads as code
is `rendering.py`'s business; which terms are a good idea is for `priors.py`, `structures.py` and `moves.py`.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from rewardsmith.propose.graft import Base
from rewardsmith.types import Signal, Task

Kind = Literal["linear", "near", "bell", "tanh", "progress", "effort", "smooth", "alive"]
Key = tuple[str, tuple[str, ...], int | None]

KINDS: tuple[Kind, ...] = get_args(Kind)
WITH_TEMPERATURE = frozenset({"near", "bell", "tanh"})
WITH_TARGET = frozenset({"near", "bell"})
COSTS = frozenset({"effort", "smooth"})
FLIPPABLE = frozenset({"linear", "tanh", "progress"})
MAX_TERMS = 8
NAME_LENGTH = 40

RESERVED = frozenset({"torch", "math", "compute_reward", "total"})
_SUFFIXES = ("_position", "_pos", "_xyz")


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One component: `weight` times a shape (`kind`) of one value read from `signals`.

    The value x is a scalar signal, entry `index` of a vector, a vector's length, or the distance between two signals.
    linear: x. near: exp(-|x - target| / temperature). bell: exp(-((x - target) / temperature)^2).
    tanh: tanh(x / temperature). progress: previous x - x. effort: sum of squares. smooth: the same of the change.
    alive: 1 at every step. `temperature` and `target` have the signal's unit.
    """

    kind: Kind
    signals: tuple[str, ...]
    weight: float
    index: int | None = None
    temperature: float = 1.0
    target: float = 0.0

    @property
    def key(self) -> Key:
        """What the term is, its numbers aside; a genome holds each key once."""
        return (self.kind, self.signals, self.index)


@dataclass(frozen=True, kw_only=True, slots=True)
class Genome:
    """What a reward of ours is made of; `base` is the reward by someone else that the terms are added to.

    `names` are what its code calls the terms, where that code is older than their weights' signs.
    """

    terms: tuple[Term, ...]
    base: Base | None = None
    names: tuple[str, ...] = field(default=(), compare=False)

    def with_terms(self, terms: tuple[Term, ...]) -> Genome:
        """Other terms on the same base, called by what they are."""
        return Genome(terms=terms, base=self.base)

    @property
    def keys(self) -> frozenset[Key]:
        return frozenset(t.key for t in self.terms)


def usable(task: Task) -> dict[str, Signal]:
    """The task's signals that code can name and that hold at least one number, by name."""
    return {s.name: s for s in task.signals if _nameable(s.name) and math.prod(s.shape) > 0}


def rounded(value: float) -> float:
    """`value` at three significant digits, kept away from 0 and from overflow: how numbers stand in the code."""
    size = min(max(abs(value), 1e-4), 1e4)
    return math.copysign(float(f"{size:.3g}"), value)


def _nameable(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and name not in RESERVED


# --- names and words ------------------------------------------------------------------------------------------------


def subject(term: Term) -> str:
    """What the term is about, as a piece of a name: `hand_to_handle`, `x_velocity`, `joint_angles_2`."""
    if len(term.signals) == 2:
        return "_to_".join(_short(s) for s in term.signals)
    return term.signals[0] if term.index is None else f"{term.signals[0]}_{term.index}"


def _short(name: str) -> str:
    suffix = next((s for s in _SUFFIXES if name.endswith(s) and len(name) > len(s)), "")
    return name.removesuffix(suffix)


def _label(term: Term) -> str:
    if term.kind == "alive":
        return "alive"
    rises = term.weight > 0
    words = {
        "linear": "more" if rises else "less",
        "near": "near",
        "bell": "precise",
        "tanh": "enough" if rises else "little",
        "progress": "approach" if rises else "gain",
        "effort": "effort",
        "smooth": "jerk",
    }
    return f"{words[term.kind]}_{subject(term)}"[:NAME_LENGTH]


def component_names(genome: Genome) -> tuple[str, ...]:
    """The component each term of the genome is logged under, in order."""
    if genome.names:
        return genome.names
    taken = {a for t in genome.terms for s in t.signals for a in (s, f"prev_{s}")}
    if genome.base is not None:
        taken |= genome.base.words | {*genome.base.arguments, genome.base.function}
    names: list[str] = []
    for term in genome.terms:
        names.append(free_name(_label(term), taken | set(names) | RESERVED))
    return tuple(names)


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name itself, or the first of `name_2`, `name_3`, ... that is not taken."""
    taken = set(taken)
    tries = (name if n == 1 else f"{name}_{n}" for n in range(1, len(taken) + 2))
    return next(t for t in tries if t not in taken)


def describe(term: Term, task: Task) -> str:
    """The term in words, for the docstring and for the reply."""
    what = _what(term, task)
    good, bad = ("rewards", "penalises") if term.weight > 0 else ("penalises", "rewards")
    target = f"being near {term.target:g}" if term.target or not what.startswith("the ") else "being small"
    words = {
        "linear": f"{good} {what}",
        "near": f"{good} {what} {target}, fading over {term.temperature:g}",
        "bell": f"{good} {what} {target}, within about {term.temperature:g}",
        "tanh": f"{good} {what}, levelling off beyond {term.temperature:g}",
        "progress": f"{good} the decrease of {what} since the step before and {bad} its increase",
        "effort": f"{good} large {what}",
        "smooth": f"{good} sudden changes of {what}",
        "alive": f"{good} every step that the episode lasts",
    }
    return words[term.kind]


def _what(term: Term, task: Task) -> str:
    name = term.signals[0]
    if len(term.signals) == 2:
        return f"the distance from {name} to {term.signals[1]}"
    if term.index is not None:
        return f"{name}[{term.index}]"
    is_length = usable(task)[name].shape != () and term.kind not in COSTS
    return f"the length of {name}" if is_length else name


# --- what is well formed ---------------------------------------------------------------------------------------------


def well_formed(term: Term, signals: Mapping[str, Signal]) -> bool:
    """Whether the term's signals exist, fit each other and its kind, and its numbers are sane."""
    known = [signals[s].shape for s in term.signals if s in signals]
    if len(known) != len(term.signals) or len(set(known)) != 1 or len(set(term.signals)) != len(term.signals):
        return False
    numbers = (term.weight, term.temperature, term.target)
    if not all(math.isfinite(n) and abs(n) <= 1e6 for n in numbers) or term.temperature <= 0:
        return False
    if term.index is not None:
        return len(known) == 1 and term.kind not in COSTS and 0 <= term.index < math.prod(known[0]) and known[0] != ()
    return len(known) == 1 or (len(known) == 2 and term.kind not in COSTS)


def sound(terms: tuple[Term, ...]) -> bool:
    """Whether the terms make a reward: something beyond costs and a constant, each key once, not too many."""
    speaks = any(t.kind not in COSTS and t.kind != "alive" for t in terms)
    return speaks and len({t.key for t in terms}) == len(terms) <= MAX_TERMS
