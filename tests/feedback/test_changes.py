"""What an attempt changed against its parent, by what the programs compute."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import sources
from rewardsmith.feedback.changes import by_values, compared, new_formulas, renumbered
from rewardsmith.graph import RewardGraph
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Judged, Rejected, Task, Trajectory

[CHANGES] = sources(["changes"], FeedbackSettings())
MakeAttempt = Callable[..., Attempt]
Graph = Callable[[str], RewardGraph]

PARENT = """import torch


def compute_reward(hand: torch.Tensor, goal: torch.Tensor, speed: torch.Tensor, action: torch.Tensor):
    near = torch.exp(-torch.norm(hand - goal, dim=-1) / 0.5)
    fast = 0.1 * speed
    effort = -0.01 * action.square().sum(dim=-1)
    return near + fast + effort, {"near": near, "fast": fast, "effort": effort}
"""


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({}, "it computes the same"),
        ({"fast = 0.1": "# a comment\n    fast = 0.1"}, "it computes the same"),
        ({"/ 0.5": "/ 0.2"}, "numbers of `near`: 0.5 -> 0.2; `fast`, `effort` unchanged"),
        ({'"fast": fast': '"pace": fast'}, "`fast` is now called `pace`"),
        ({"0.1 * speed": "torch.tanh(speed / 2.0)"}, "rewrote `fast`; `near`, `effort` unchanged"),
        (
            {"fast = 0.1 * speed": "tall = speed.abs()", '"fast": fast': '"tall": tall', "+ fast": "+ tall"},
            "added `tall`; dropped `fast`; `near`, `effort` unchanged",
        ),
        ({"action.square()": "action.abs()"}, "rewrote `effort`; `near`, `fast` unchanged"),
        ({"hand - goal, dim": "hand[:, :2] - goal[:, :2], dim"}, "rewrote `near`; `fast`, `effort` unchanged"),
        (
            {"return near + fast": "return 5.0 * near + fast"},
            "the total is made of the components in another way; `near`, `fast`, `effort` unchanged",
        ),
        (
            {"return near + fast": "return 5.0 * near + fast", "/ 0.5": "/ 0.2"},
            "numbers of `near`: 0.5 -> 0.2; the total is made of the components in another way; "
            "`fast`, `effort` unchanged",
        ),
        (
            {"return near + fast": "return near - fast", '"fast": fast': '"pace": fast'},
            "`fast` is now called `pace`; the total is made of the components in another way; "
            "`near`, `effort` unchanged",
        ),
        (
            {"return near + fast + effort": "return near + 0.2 * speed + effort"},
            "the total is made of the components in another way; `near`, `fast`, `effort` unchanged",
        ),
    ],
)  # fmt: skip
def test_change_is_told_in_a_line(graph: Graph, edits: dict[str, str], words: str) -> None:
    child = PARENT
    for old, new in edits.items():
        assert old in child
        child = child.replace(old, new)
    assert compared(graph(PARENT), graph(child)).words() == words


def test_a_changed_number_is_told_by_the_name_that_the_code_gives_it(graph: Graph) -> None:
    before = PARENT.replace("    fast = 0.1 * speed", "    weight = 0.1\n    fast = weight * speed")
    assert before != PARENT
    after = before.replace("weight = 0.1", "weight = 0.25").replace("/ 0.5", "/ 0.2")
    told = compared(graph(before), graph(after)).words(renumbered(before, after))
    assert told == "numbers of `near`: 0.5 -> 0.2; numbers of `fast`: `weight` 0.1 -> 0.25; `effort` unchanged"


def test_a_number_that_two_names_stand_for_has_no_name() -> None:
    two = "a = 1.0\nb = 1.0\nc = 3.0\n"
    assert renumbered(two, "a = 2.0\nb = 2.0\nc = 4.0\n") == {(3.0, 4.0): "c"}
    assert renumbered(two, two) == renumbered("(", two) == {}


def test_new_formulas_are_told_as_code_a_line_each() -> None:
    child = PARENT.replace(
        "fast = 0.1 * speed", "limit = 2.0\n    fast = torch.tanh(  # bounded\n        speed / limit)"
    )
    assert new_formulas(PARENT, child) == ["fast = torch.tanh(speed / limit)", "limit = 2.0"]
    entries = PARENT.replace('"fast": fast', '"fast": fast, "tall": 0.5 * hand[:, 2]')
    assert new_formulas(PARENT, entries) == ["'tall': 0.5 * hand[:, 2]"]
    held = (
        entries.replace("return near + fast + effort, ", "total, parts = near + fast, ") + "    return total, parts\n"
    )
    assert new_formulas(PARENT, held) == ["'tall': 0.5 * hand[:, 2]"]
    assert new_formulas(PARENT, PARENT) == []
    both = entries.replace("fast = 0.1 * speed", "fast = torch.tanh(speed)")
    assert new_formulas(PARENT, both) == ["'tall': 0.5 * hand[:, 2]", "fast = torch.tanh(speed)"]  # what pays first


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [
        # intervals of 0.3 and 0.4: the difference has one of 0.5
        (2.6, "Fitness went from 2 to 2.6 m: higher, beyond the judge's noise."),
        (1.4, "Fitness went from 2 to 1.4 m: lower, beyond the judge's noise."),
        (2.4, "Fitness went from 2 to 2.4 m: within the judge's noise."),
    ],
)
def test_what_became_of_it_is_told(judged: MakeAttempt, task: Task, mean: float, verdict: str) -> None:
    parent = judged(code=PARENT, mean=2.0, ci95=0.3, id_="g001-02")
    child = judged(code=PARENT.replace("/ 0.5", "/ 0.2"), mean=mean, ci95=0.4, id_="g002-00", parents=("g001-02",))
    feedback = CHANGES.comment(child, Scene(task=task, turns=(parent,)))
    assert feedback is not None
    what = "numbers of `near`: 0.5 -> 0.2; `fast`, `effort` unchanged"
    assert feedback.text == f"Against its parent g001-02: {what}. {verdict}"
    assert json.loads(json.dumps(feedback.data)) == {"parent": "g001-02", "what": what, "lines": []}


def test_a_child_that_was_stopped_sooner_is_not_called_worse(judged: MakeAttempt, task: Task) -> None:
    parent = judged(code=PARENT, mean=2.0, ci95=0.3, id_="g001-02")
    child = judged(code=PARENT.replace("/ 0.5", "/ 0.2"), mean=0.1, ci95=0.1, id_="g002-00", parents=("g001-02",))
    assert isinstance(child.outcome, Judged)
    steps = child.outcome.trained.env_steps
    stopped = replace(child.outcome, trained=replace(child.outcome.trained, env_steps=steps // 4))
    feedback = CHANGES.comment(replace(child, outcome=stopped), Scene(task=task, turns=(parent,)))
    assert feedback is not None
    told = f"Fitness went from 2 to 0.1 m: after {steps // 4} env steps, the parent's after {steps}."
    assert feedback.text.endswith(told)


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        (
            {"0.1 * speed": "speed / 20.0 + 0.05 * speed"},
            "rewrote `fast` to the same effect; `near`, `effort` unchanged",
        ),
        ({"0.1 * speed": "(speed + speed) / 10.0"}, "`fast` is 2 times what it was; `near`, `effort` unchanged"),
        ({"0.1 * speed": "-(speed + speed)"}, "`fast` is -20 times what it was; `near`, `effort` unchanged"),
        ({"0.1 * speed": "0.1 * speed.abs()"}, "rewrote `fast`; `near`, `effort` unchanged"),
        ({"action.square()": "(2.0 * action * action)"}, "rewrote `effort`; `near`, `fast` unchanged"),  # all at rest
    ],
)
def test_a_formula_that_gives_the_same_on_known_episodes_is_not_called_rewritten(
    graph: Graph, episode: Callable[..., Trajectory], task: Task, edits: dict[str, str], words: str
) -> None:
    child = PARENT
    for old, new in edits.items():
        child = child.replace(old, new)
    known = [episode([0.0, 0.5, 0.9], speed=[-1.0, 0.5, 3.0]), episode([0.0, 0.1, 0.2], speed=[2.0, -2.0, 0.25])]
    before, after = graph(PARENT), graph(child)
    assert by_values(compared(before, after), before, after, known, task).words() == words
    if "unchanged" in words:
        assert by_values(compared(before, after), before, after, [], task) == compared(before, after)


@pytest.mark.parametrize(
    ("total", "told"),
    [
        ("effort + (fast + near)", False),
        ("sum({'a': near, 'b': fast, 'c': effort}.values())", False),
        ("torch.stack([near, fast, effort]).sum(dim=0)", False),
        ("near + 2.0 * fast + effort", True),
        ("near * fast + effort", True),
    ],
)
@pytest.mark.parametrize("edited", [False, True])
def test_a_sum_that_is_written_in_another_way_is_the_same_sum(
    graph: Graph, episode: Callable[..., Trajectory], task: Task, total: str, told: bool, edited: bool
) -> None:
    known = [episode([0.0, 0.5, 0.9], speed=[-1.0, 0.5, 3.0]), episode([0.0, 0.1, 0.2], speed=[2.0, -2.0, 0.25])]
    child = PARENT.replace("return near + fast + effort,", f"return {total},")
    child = child.replace("/ 0.5", "/ 0.2") if edited else child
    assert child != PARENT
    before, after = graph(PARENT), graph(child)
    found = by_values(compared(before, after), before, after, known, task)
    assert found.total == told
    assert ("another way" in found.words()) == told


def test_the_run_s_known_episodes_are_asked(
    judged: MakeAttempt, episode: Callable[..., Trajectory], task: Task
) -> None:
    parent = judged(code=PARENT, id_="g001-02")
    child = judged(code=PARENT.replace("0.1 * speed", "speed / 5.0 - 0.1 * speed"), id_="g002-00", parents=("g001-02",))
    known = tuple(episode([0.0, 0.5, 0.9], speed=[i, i + 0.5, 3.0 * i]) for i in range(40))
    told = CHANGES.comment(child, Scene(task=task, turns=(parent,), trajectories=known))
    assert told is not None
    assert told.data["what"] == "rewrote `fast` to the same effect; `near`, `effort` unchanged"
    without = CHANGES.comment(child, Scene(task=task, turns=(parent,)))
    assert without is not None
    assert without.data["what"] == "rewrote `fast`; `near`, `effort` unchanged"


def test_a_number_of_a_helper_is_told_once_however_often_it_is_called(graph: Graph) -> None:
    code = """
import torch
def near(a, b):
    return torch.exp(-torch.norm(a - b, dim=-1) / 0.5)
def compute_reward(hand, goal):
    closer = near(hand, goal) - near(goal, hand + 1.0)
    return closer, {"closer": closer}
"""
    assert compared(graph(code), graph(code.replace("0.5", "0.2"))).words() == "numbers of `closer`: 0.5 -> 0.2"


def test_a_refit_of_an_earlier_best_is_compared_with_that_one(judged: MakeAttempt, task: Task) -> None:
    earlier = judged(code=PARENT, mean=1.0, id_="g001-00")
    latest = judged(code=PARENT.replace("0.1 * speed", "torch.tanh(speed)"), mean=2.0, id_="g003-00")
    refit = judged(code=PARENT.replace("/ 0.5", "/ 0.2"), mean=1.5, id_="g004-02", parents=("g001-00",))
    feedback = CHANGES.comment(refit, Scene(task=task, turns=(earlier, latest)))
    assert feedback is not None
    what = "numbers of `near`: 0.5 -> 0.2; `fast`, `effort` unchanged"
    assert feedback.text.startswith(f"Against its parent g001-00: {what}. Fitness went from 1 to 1.5 m: higher")
    assert CHANGES.comment(refit, Scene(task=task, turns=(latest,))) is None


def test_nothing_is_said_where_there_is_nothing_to_compare_with(judged: MakeAttempt, task: Task) -> None:
    child = judged(code=PARENT, parents=("g000-00",))
    assert CHANGES.comment(child, Scene(task=task)) is None
    failed = Attempt(candidate=judged(id_="g000-00").candidate, outcome=Rejected(stage="screen", reason="r", hint="h"))
    assert CHANGES.comment(child, Scene(task=task, turns=(failed,))) is None
    assert CHANGES.comment(judged(code=PARENT), Scene(task=task, turns=(judged(id_="g000-00"),))) is None
