"""First guesses: all different, all sound, none that was tried before."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.propose.priors import ideas
from rewardsmith.propose.structures import fresh, jittered
from rewardsmith.propose.terms import sound
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


def test_fresh_structures_are_all_different_and_sound() -> None:
    structures = [fresh(IDEAS, i) for i in range(24)]
    assert len({frozenset(t.key for t in s) for s in structures}) == 24
    assert all(sound(s) for s in structures)


def test_fresh_structures_leave_out_those_already_seen() -> None:
    first = frozenset(t.key for t in fresh(IDEAS, 0))
    assert frozenset(t.key for t in fresh(IDEAS, 0, [first])) != first


@given(seed=st.integers(0, 2**32))
def test_jitter_keeps_the_structure_and_the_signs(seed: int) -> None:
    before = fresh(IDEAS, 3)
    after = jittered(before, random.Random(seed))
    assert [t.key for t in after] == [t.key for t in before]
    assert all(a.weight * b.weight > 0 for a, b in zip(after, before, strict=True))
