"""What words make plausible: a handful of tasks whose first idea any person would share."""

from __future__ import annotations

import pytest

from rewardsmith.propose.priors import Idea, ideas
from rewardsmith.types import EnvSpec, Measure, References, Signal, Task


def first_aim(goal: str, *signals: tuple[str, tuple[int, ...], str]) -> Idea:
    return next(i for i in every(goal, *signals) if i.role == "aim")


def every(goal: str, *signals: tuple[str, tuple[int, ...], str]) -> tuple[Idea, ...]:
    declared = tuple(Signal(name=n, shape=s, unit=u, doc="", source="obs") for n, s, u in signals)
    task = Task(
        name="made_up",
        goal=goal,
        env=EnvSpec(backend="envpool", id="MadeUp-v1"),
        signals=declared,
        fitness=Measure(source="x", reduce="mean"),
        success=None,
        references=References(),
        episode_steps=100,
        control_dt_s=0.05,
    )
    return ideas(task)


SPEEDS = (("y_velocity", (), "m/s"), ("x_velocity", (), "m/s"), ("action", (6,), "1"))
ARM = (
    ("action", (4,), "1"),
    ("goal_position", (3,), "m"),
    ("handle_position", (3,), "m"),
    ("hand_position", (3,), "m"),
)


@pytest.mark.parametrize(("goal", "sign"), [("Run forward as fast as you can.", 1.0), ("Walk backwards.", -1.0)])
def test_running_is_about_forward_speed_and_its_sense(goal: str, sign: float) -> None:
    aim = first_aim(goal, *SPEEDS)
    assert aim.subject == (("x_velocity",), None)
    assert (aim.forms[0].kind, aim.forms[0].weight) == ("linear", sign)


def test_manipulating_is_about_hand_to_object_and_object_to_goal() -> None:
    aims = [i for i in every("Pull the door open.", *ARM) if i.role == "aim"]
    assert [i.forms[0].signals for i in aims[:2]] == [
        ("handle_position", "goal_position"),
        ("hand_position", "handle_position"),
    ]


def test_reaching_without_an_object_is_about_hand_to_goal() -> None:
    aim = first_aim("Reach the target.", ("target_position", (2,), "m"), ("fingertip_position", (2,), "m"))
    assert aim.forms[0].signals == ("fingertip_position", "target_position")


def test_balancing_is_about_the_angle_and_about_lasting() -> None:
    found = every("Balance the pole.", ("pole_angle", (1,), "rad"), ("cart_position", (), "m"))
    assert (found[0].forms[0].kind, found[0].forms[0].index) == ("near", 0)
    assert any(i.forms[0].kind == "alive" and i.plausibility > 0.5 for i in found)


@pytest.mark.parametrize(("goal", "sign"), [("Open the drawer.", 1.0), ("Close the drawer.", -1.0)])
def test_an_opening_is_opened_or_closed(goal: str, sign: float) -> None:
    assert first_aim(goal, ("drawer_opening", (), "m")).forms[0].weight == sign


def test_an_action_is_a_cost_and_never_an_aim() -> None:
    found = every("Run.", ("action", (6,), "1"))
    assert {i.forms[0].kind for i in found if i.forms[0].weight < 0} == {"effort", "smooth"}
    assert all(i.role == "support" for i in found)


def test_no_term_comes_twice() -> None:
    keys = [f.key for i in every("Open the door and spin fast.", *SPEEDS, *ARM[1:]) for f in i.forms]
    assert len(keys) == len(set(keys))
