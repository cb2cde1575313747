"""The grammar: what is well formed, and what terms and components are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rewardsmith.propose.terms import Genome, Term, component_names, describe, rounded, sound, usable, well_formed
from rewardsmith.types import EnvSpec, Measure, References, Signal, Task


def signal(name: str, shape: tuple[int, ...] = ()) -> Signal:
    return Signal(name=name, shape=shape, unit="m", doc="", source="obs")


TASK = Task(
    name="made_up",
    goal="Bring a to b.",
    env=EnvSpec(backend="envpool", id="MadeUp-v1"),
    signals=(
        signal("a", (3,)),
        signal("b", (3,)),
        signal("x"),
        signal("y"),
        signal("action", (2,)),
        signal("m", (2, 3)),
    ),
    fitness=Measure(source="x", reduce="mean"),
    success=None,
    references=References(),
    episode_steps=100,
    control_dt_s=0.05,
)


def test_component_names_never_meet_a_signal() -> None:
    signals = (signal("x"), signal("more_x"), signal("prev_x"))
    both = Genome(terms=tuple(Term(kind="linear", signals=(s,), weight=1.0) for s in ("x", "more_x")))
    assert component_names(both) == ("more_x_2", "more_more_x")
    assert set(usable(replace(TASK, signals=signals))) >= {"x", "more_x"}


@pytest.mark.parametrize(("value", "expected"), [(1.23456, 1.23), (-0.0498765, -0.0499), (0.0, 1e-4), (1e9, 1e4)])
def test_numbers_are_kept_short_and_away_from_zero(value: float, expected: float) -> None:
    assert rounded(value) == expected


def test_a_term_is_described_by_what_it_reads() -> None:
    length = Term(kind="near", signals=("a",), weight=1.0, temperature=0.2)
    assert describe(length, TASK) == "rewards the length of a being small, fading over 0.2"
    entry = Term(kind="linear", signals=("a",), index=2, weight=-1.0)
    assert describe(entry, TASK) == "penalises a[2]"
    gain = Term(kind="progress", signals=("x",), weight=-3.0)
    assert describe(gain, TASK) == "penalises the decrease of x since the step before and rewards its increase"


def test_costs_and_a_constant_alone_are_not_sound() -> None:
    cost = Term(kind="effort", signals=("action",), weight=-0.1)
    forward = Term(kind="linear", signals=("x",), weight=1.0)
    alive = Term(kind="alive", signals=("x",), weight=1.0)
    assert not sound((cost, alive))
    assert not sound(())
    assert not sound((forward, forward))
    assert sound((forward, cost, alive))


@pytest.mark.parametrize(
    ("term", "right"),
    [
        (Term(kind="linear", signals=("a",), index=2, weight=1.0), True),
        (Term(kind="linear", signals=("a",), index=3, weight=1.0), False),
        (Term(kind="linear", signals=("x",), index=0, weight=1.0), False),
        (Term(kind="linear", signals=("a", "b"), index=0, weight=1.0), False),
        (Term(kind="linear", signals=("a", "x"), weight=1.0), False),
        (Term(kind="linear", signals=("a", "a"), weight=1.0), False),
        (Term(kind="effort", signals=("a", "b"), weight=1.0), False),
        (Term(kind="near", signals=("a", "b"), weight=1.0, temperature=-1.0), False),
        (Term(kind="near", signals=("nowhere",), weight=1.0), False),
    ],
)
def test_signals_must_exist_and_fit_each_other_and_the_kind(term: Term, right: bool) -> None:
    assert well_formed(term, usable(TASK)) is right
