"""Racing: who is clearly behind drops out, nobody else does, and no doubt is turned against a candidate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.config import RaceSettings
from rewardsmith.learn.racing import Leg, Mean, dropped, gained, mean_of, stopped
from rewardsmith.types import Stop

SETTINGS = RaceSettings(keep=0.5, finalists=1, legs=1, doubt=1.0)


def _dropped(
    field: Mapping[str, Sequence[Leg]], settings: RaceSettings = SETTINGS, *, began: int | None = None, left: int = 1
) -> dict[str, Stop]:
    return dropped(field, settings, began=began or len(field), legs_left=left)


def _leg(fitness: float | None, *, error: float = 0.1, own: float = 0.0, steps: int = 100, gained: float = 0.0) -> Leg:
    return Leg(
        env_steps=steps,
        fitness=None if fitness is None else Mean(value=fitness, error=error, count=16),
        own_return=Mean(value=own, error=0.1, count=16),
        gained=gained,
    )


def _stood(fitness: Mean) -> Leg:
    return Leg(env_steps=100, fitness=fitness, own_return=None)


def _field(*fitness: float | None, error: float = 0.1) -> dict[str, list[Leg]]:
    return {f"c{i}": [_leg(f, error=error)] for i, f in enumerate(fitness)}


def test_a_mean_and_its_standard_error_worked_out_by_hand() -> None:
    # 1, 2, 3: mean 2, deviation 1, error 1 / sqrt 3; what is not finite does not count
    assert mean_of([1.0, 2.0, 3.0, math.nan, math.inf]) == Mean(value=2.0, error=1 / math.sqrt(3), count=3)
    assert mean_of([math.nan]) is None
    assert mean_of([5.0]) == Mean(value=5.0, error=math.inf, count=1)


def test_the_worse_half_drops_out() -> None:
    assert set(_dropped(_field(1.0, 4.0, 2.0, 3.0), SETTINGS)) == {"c0", "c2"}


def test_it_is_said_in_which_place_and_by_how_much() -> None:
    stop = _dropped(_field(1.0, 4.0), SETTINGS)["c0"]
    assert (stop.kind, stop.env_steps) == ("raced", 100)
    assert stop.why == (
        "Stopped after 100 env steps in place 2: its fitness in training was 1; at its pace it could no "
        "longer reach the 4 of place 1."
    )


def test_ties_go_on_together() -> None:
    assert not _dropped(_field(0.0, 0.0, 0.0, 0.0), SETTINGS)
    assert not _dropped(_field(0.0, 0.0, 0.0, 0.0, error=0.0), SETTINGS)


def test_doubt_keeps_a_candidate() -> None:
    # 2.9 +- 0.1 against 3.0 +- 0.1 may be the better one, 2.7 +- 0.1 may not
    assert set(_dropped(_field(3.0, 2.9), SETTINGS)) == set()
    assert set(_dropped(_field(3.0, 2.7), SETTINGS)) == {"c1"}


def test_where_success_is_rare_having_seen_none_is_no_certainty() -> None:
    """Two in 64 episodes of the same odds had luck; those that had none are in as much doubt, in fewer more."""
    lucky, none = mean_of([1.0] * 2 + [0.0] * 62), mean_of([0.0] * 64)
    assert lucky is not None
    assert none is not None
    assert none.error == 0.0
    others = {
        "none": _stood(none),
        "worse": _stood(replace(none, value=-0.02)),
        "fewer": _stood(replace(none, value=-0.02, count=16)),
    }
    field = {name: [leg] for name, leg in {"lucky": _stood(lucky), **others}.items()}
    assert set(_dropped(field, RaceSettings(keep=0.1, finalists=1))) == {"worse"}


def test_one_episode_says_nothing() -> None:
    field = {"a": [_leg(5.0)], "b": [Leg(env_steps=9, fitness=mean_of([0.0]), own_return=None)]}
    assert not _dropped(field, SETTINGS)


def test_a_late_starter_is_given_what_it_gained() -> None:
    steady = [_leg(2.0), _leg(2.0)]
    assert "slow" in _dropped({"a": steady, "slow": [_leg(1.0), _leg(1.2)]}, left=2)
    assert not _dropped({"a": steady, "late": [_leg(0.2), _leg(1.2)]}, left=2)
    assert not _dropped({"a": steady, "unknown": [_leg(None), _leg(1.2, gained=0.5)]}, left=2)


def test_in_the_first_leg_it_is_what_its_halves_tell() -> None:
    ahead = [_leg(2.0)]
    assert "slow" in _dropped({"a": ahead, "slow": [_leg(1.2, gained=0.1)]}, left=2)
    assert not _dropped({"a": ahead, "late": [_leg(1.2, gained=0.5)]}, left=2)


@pytest.mark.parametrize(("left", "over"), [(1, True), (2, True), (3, True), (4, False), (5, False)])
def test_a_pace_that_shrinks_to_nothing_must_reach_those_kept(left: int, over: bool) -> None:
    # 0.25 a half leg is 0.5 a leg; over 4 legs, shrinking evenly, that comes to 1
    field = {"ahead": [_leg(2.0, error=0.0)], "behind": [_leg(1.0, error=0.0, gained=0.25)]}
    assert ("behind" in _dropped(field, left=left)) is over


def test_those_kept_are_a_share_of_all_that_began() -> None:
    field = _field(1.0, 2.0, 3.0, 4.0)
    quarter = SETTINGS.model_copy(update={"keep": 0.25})
    assert set(_dropped(field, quarter)) == {"c0", "c1", "c2"}
    assert set(_dropped(field, quarter, began=8)) == {"c0", "c1"}


def test_what_was_gained_is_never_less_than_nothing() -> None:
    low, high = Mean(value=1.0, error=0.1, count=4), Mean(value=3.5, error=0.1, count=4)
    assert gained(low, high) == 2.5
    assert gained(high, low) == gained(None, high) == gained(low, None) == 0.0


def test_nobody_drops_out_before_everybody_had_their_legs_or_has_fitness() -> None:
    assert not _dropped(_field(1.0, 9.0), SETTINGS.model_copy(update={"legs": 2}))
    assert not _dropped(_field(1.0, 9.0, None), SETTINGS)


def test_finalists_and_a_share_of_one_are_never__dropped() -> None:
    assert not _dropped(_field(1.0, 9.0), SETTINGS.model_copy(update={"finalists": 2}))
    assert not _dropped(_field(1.0, 9.0, 5.0), SETTINGS.model_copy(update={"keep": 1.0}))


values = st.lists(st.floats(-100, 100), min_size=1, max_size=9)


@given(values, st.floats(0, 10), st.floats(0.1, 1.0), st.integers(1, 4))
def test_the_best_go_on_and_order_does_not_matter(
    fitness: list[float], error: float, keep: float, finalists: int
) -> None:
    settings = SETTINGS.model_copy(update={"keep": keep, "finalists": finalists})
    field = _field(*fitness, error=error)
    gone = _dropped(field, settings)
    assert len(field) - len(gone) >= min(len(field), max(finalists, math.ceil(keep * len(field))))
    left = [field[name][-1].fitness for name in field if name not in gone]
    for name in gone:
        assert all(other and other.value > field[name][-1].fitness.value for other in left)  # type: ignore[union-attr]
    assert set(_dropped(dict(reversed(field.items())), settings)) == set(gone)


@given(values, st.floats(0, 10), st.floats(0.1, 10))
def test_units_of_fitness_do_not_matter(fitness: list[float], error: float, unit: float) -> None:
    plain = _dropped(_field(*[round(f, 3) for f in fitness], error=error), SETTINGS)
    scaled = _dropped(
        _field(*[round(f, 3) * 2.0 ** round(unit) for f in fitness], error=error * 2.0 ** round(unit)), SETTINGS
    )
    assert set(plain) == set(scaled)


@pytest.mark.parametrize(("share", "over"), [(0.97, False), (0.98, True), (1.0, True)])
def test_a_candidate_is_solved_at_the_share_asked_for(share: float, over: bool) -> None:
    leg = Leg(env_steps=7, fitness=None, own_return=None, solved=Mean(value=share, error=0.0, count=50))
    stop = stopped([leg], SETTINGS)
    assert (stop is not None) is over
    assert stopped([leg], SETTINGS.model_copy(update={"solved": None})) is None
    if stop:
        assert stop.kind == "solved"
        assert stop.why.startswith("Stopped after 7 env steps: ")


@pytest.mark.parametrize("odds", [0.005, 0.01, 0.02])
def test_of_candidates_that_are_all_alike_rare_success_stops_none(odds: float) -> None:
    draw = np.random.default_rng(0)
    for _ in range(100):
        played = (draw.random((8, 32)) < odds) * draw.random((8, 32))
        halves = [(mean_of(row[:16].tolist()), mean_of(row[16:].tolist()), mean_of(row.tolist())) for row in played]
        field = {
            f"c{i}": [Leg(env_steps=100, fitness=whole, own_return=None, gained=gained(early, late))]
            for i, (early, late, whole) in enumerate(halves)
        }
        assert not _dropped(field, RaceSettings(), left=7)


def test_a_few_lucky_episodes_solve_nothing() -> None:
    few, enough = (replace(_leg(0.0), solved=Mean(value=1.0, error=0.0, count=count)) for count in (7, 8))
    assert stopped([few], RaceSettings()) is None
    assert stopped([enough], RaceSettings()) is not None


def test_own_reward_that_rises_while_fitness_falls_for_long_is_suspected() -> None:
    legs = [_leg(1.0, own=1.0, steps=10), _leg(5.0, own=2.0, steps=20), _leg(3.0, own=4.0, steps=30)]
    assert stopped(legs, SETTINGS) is None  # one leg is not long
    stop = stopped([*legs, _leg(2.0, own=6.0, steps=40)], SETTINGS)
    assert stop is not None
    assert (stop.kind, stop.env_steps) == ("hacking", 20)
    assert stop.why == (
        "Stopped after 40 env steps: since 20 fitness fell from 5 to 2 while the reward's own return rose from 2 to 6."
    )


@pytest.mark.parametrize(
    ("fitness", "own"), [(4.9, 6.0), (2.0, 2.1), (2.0, 1.0), (6.0, 6.0)],
    ids=["fitness hardly fell", "own hardly rose", "both fell", "both rose"],
)  # fmt: skip
def test_what_is_no_hacking_is_not_called_so(fitness: float, own: float) -> None:
    legs = [_leg(5.0, own=2.0), _leg(4.95, own=3.0), _leg(fitness, own=own)]
    assert stopped(legs, SETTINGS) is None
