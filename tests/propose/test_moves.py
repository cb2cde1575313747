"""Moves map sound terms to sound terms, say what they did, and leave what they were given alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.propose.moves import LARGE, SMALL, Move, Situation, Wish, mend
from rewardsmith.propose.priors import ideas
from rewardsmith.propose.rendering import read, render
from rewardsmith.propose.structures import fresh
from rewardsmith.propose.terms import Genome, Term, sound, usable, well_formed
from rewardsmith.types import EnvSpec, Measure, References, Signal, Task


def signal(name: str, shape: tuple[int, ...] = (), unit: str = "1") -> Signal:
    return Signal(name=name, shape=shape, unit=unit, doc="", source="obs")


TASK = Task(
    name="made_up",
    goal="Run forward to the goal without falling.",
    env=EnvSpec(backend="envpool", id="MadeUp-v1"),
    signals=(
        signal("x_velocity", (), "m/s"),
        signal("torso_pitch", (), "rad"),
        signal("ball_position", (3,), "m"),
        signal("goal_position", (3,), "m"),
        signal("action", (6,)),
    ),
    fitness=Measure(source="obs", reduce="mean"),
    success=None,
    references=References(),
    episode_steps=100,
    control_dt_s=0.05,
)
IDEAS = ideas(TASK)


def situation(seed: int, wishes: tuple[Wish, ...] = ()) -> Situation:
    mate = ("g001-07", fresh(IDEAS, 7))
    return Situation(task=TASK, ideas=IDEAS, rng=random.Random(seed), mate=mate, wishes=wishes)


@pytest.mark.parametrize("move", tuple(dict.fromkeys((*SMALL, *LARGE))))
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), index=st.integers(0, 30))
def test_a_move_gives_well_formed_terms_that_read_back(move: Move, seed: int, index: int) -> None:
    before = fresh(IDEAS, index)
    change = move(before, situation(seed))
    if change is None:
        return
    terms, why = change
    assert terms != before
    assert why.endswith(".")
    assert all(well_formed(t, usable(TASK)) for t in terms)
    if sound(terms):
        assert read(render(Genome(terms=terms), TASK), TASK) == Genome(terms=terms)


COST = Term(kind="effort", signals=("action",), weight=-0.01)
FORWARD = Term(kind="linear", signals=("x_velocity",), weight=1.0)
GAIN = Term(kind="progress", signals=("ball_position",), index=0, weight=-30.0)


@pytest.mark.parametrize(
    ("terms", "wish", "expected"),
    [
        ((FORWARD,), ("x_velocity", 1), 2.0),
        ((FORWARD,), ("x_velocity", -1), -1.0),
        ((FORWARD, COST), ("action", -1), -0.02),
        ((FORWARD, COST), ("action", 1), -0.005),
        ((GAIN,), ("ball_position", 1), -60.0),
        ((GAIN,), ("ball_position", -1), 30.0),
    ],
)
def test_a_wish_pulls_a_term_its_way(terms: tuple[Term, ...], wish: tuple[str, int], expected: float) -> None:
    change = mend(terms, situation(0, (Wish(signal=wish[0], sign=wish[1], words="so"),)))
    assert change is not None
    assert change[0][-1].weight == expected


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("term", [FORWARD, COST, GAIN])
def test_a_wish_that_comes_again_with_every_parent_is_granted_once(term: Term, sign: int) -> None:
    wish = Wish(signal=term.signals[0], sign=sign, words="so")
    before = (FORWARD,) if term is FORWARD else (FORWARD, term)
    change = mend(before, situation(0, (wish,)))
    assert change is not None
    assert mend(change[0], situation(1, (wish,))) is None


def test_nothing_to_mend_is_no_change() -> None:
    assert mend((FORWARD,), situation(0)) is None
