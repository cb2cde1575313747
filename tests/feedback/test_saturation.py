"""Finding flat exponentials in a program, and the temperature that would wake them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rewardsmith import graph_program
from rewardsmith.feedback.saturation import saturated, squashes
from rewardsmith.graph import RewardGraph
from rewardsmith.types import Task, Trajectory

Graph = Callable[[str], RewardGraph]
MakeEpisode = Callable[..., Trajectory]


def code(*expressions: str) -> str:
    """A reward of these components, `c0`, `c1`, ...; `d` is how far the hand is from the goal, at x = 1."""
    lines = [f"    c{i} = {e} + 0.0 * (speed + d + action.sum(dim=-1))" for i, e in enumerate(expressions)]
    names = [f"c{i}" for i in range(len(expressions))]
    named = ", ".join(f'"{name}": {name}' for name in names)
    return "\n".join(
        [
            "import torch\n\n\ndef compute_reward(hand: torch.Tensor, goal: torch.Tensor, speed: torch.Tensor, "
            "action: torch.Tensor):",
            "    d = torch.norm(hand - goal, dim=-1)",
            *lines,
            f"    return {' + '.join(names)}, {{{named}}}\n",
        ]
    )


# distances 0.9, 0.8, ..., 0.5 after each of five steps: the median is 0.7
APPROACH = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]

READ: list[tuple[str, str, float | None, float]] = [
    ("torch.exp(-d / 0.05)", "exp", 0.05, 1),
    ("2.0 * torch.exp(-20.0 * d)", "exp", 0.05, 1),
    ("torch.exp(-d / 0.1 * 2.0)", "exp", 0.05, 1),
    ("torch.exp(-(d / 0.05) ** 2)", "exp", 0.05, 2),
    ("torch.exp(-(d ** 2) / 0.0025)", "exp", 0.05, 2),  # sqrt(0.0025)
    ("torch.exp(-2.0 * (d / 0.1) ** 2)", "exp", 0.1 / 2**0.5, 2),
    ("torch.tanh(speed / 0.3)", "tanh", 0.3, 1),
    ("1.0 - torch.tanh(d / 0.3)", "tanh", 0.3, 1),
    ("torch.sigmoid((speed - 1.0) * 5.0)", "sigmoid", 0.2, 1),
    ("torch.exp(-d)", "exp", None, 1),
    ("torch.exp(-1.0 / (d + 0.1))", "exp", None, 1),  # a number over d is no temperature
]


def test_function_and_its_temperature_are_read_from_the_program(graph: Graph) -> None:
    program = graph_program.read(graph(code(*(expression for expression, *_ in READ))).to_json())
    for (name, ref), (expression, shape, scale, power) in zip(program.components, READ, strict=True):
        [found] = squashes(program, name, ref)
        assert (found.component, found.shape, found.power) == (name, shape, power), expression
        assert found.scale == (None if scale is None else pytest.approx(scale)), expression


FLAT = [
    # arguments -18, -16, ..., -10: exp is under 0.02 below -4; 0.05 * 14 = 0.7, the median distance
    ("torch.exp(-d / 0.05)", "faded", -14.0, 0.7),
    ("torch.exp(-(d / 0.05) ** 2)", "faded", -196.0, 0.7),  # 0.05 * sqrt(196)
    ("torch.exp(-d / 100.0)", "full", -0.007, 0.7),  # -0.009, ..., -0.005
    ("torch.tanh(d / 0.1)", "full", 7.0, 0.7),
    ("torch.sigmoid((d - 2.0) * 5.0)", "faded", -6.5, 1.3),  # 0.2 * 6.5: x is d - 2
    ("torch.exp(-40.0 * d)", "faded", -28.0, 0.7),
]


def test_flat_function_is_found_with_what_would_wake_it(graph: Graph, episode: MakeEpisode, task: Task) -> None:
    found = saturated(graph(code(*(expression for expression, *_ in FLAT))), [episode(APPROACH)], [], task)
    assert [s.squash.component for s in found] == [f"c{i}" for i in range(len(FLAT))]
    for one, (_, state, median, better) in zip(found, FLAT, strict=True):
        assert (one.state, one.flat) == (state, 1.0)
        assert (one.median, one.better) == (pytest.approx(median, rel=1e-4), pytest.approx(better, rel=1e-4))


def test_function_with_a_slope_is_left_alone(graph: Graph, episode: MakeEpisode, task: Task) -> None:
    sound = code(
        "torch.exp(-d / 0.5)",
        "torch.exp(-d / 0.2)",  # -4.5, -4, ..., -2.5: faint at first, but there is a slope
        "torch.tanh(speed / 0.3)",  # at 0, where it is steepest
        "torch.tanh(d)",
        "torch.exp(-torch.relu(d - 2.0) / 0.1)",  # a condition that holds: exactly 0
        "d",
    )
    assert saturated(graph(sound), [episode(APPROACH)], [], task) == []


def test_exponential_that_the_policy_has_left_or_reached_was_of_use(
    graph: Graph, episode: MakeEpisode, task: Task
) -> None:
    far, near = episode([-5.0] * 6), episode([0.8, 0.9, 0.9, 0.95, 1.0, 1.0])
    faint = graph(code("torch.exp(-d / 0.5)"))
    assert len(saturated(faint, [far], [], task)) == 1
    assert len(saturated(faint, [far], [far], task)) == 1
    assert saturated(faint, [far], [near], task) == []


def test_functions_of_vectors_are_looked_at_number_by_number(graph: Graph, episode: MakeEpisode, task: Task) -> None:
    kept = [episode(APPROACH, action=5.0)]
    [found] = saturated(graph(code("torch.exp(-action.abs() / 0.01).sum(dim=-1)")), kept, [], task)
    assert found.better == pytest.approx(5.0)


def test_one_function_in_two_components_is_told_once(graph: Graph, episode: MakeEpisode, task: Task) -> None:
    text = (
        "import torch\n\n\ndef compute_reward(hand: torch.Tensor, goal: torch.Tensor, speed: torch.Tensor):\n"
        "    near = torch.exp(-torch.norm(hand - goal, dim=-1) / 0.01)\n    both = near * speed\n"
        '    return near + both, {"near": near, "both": both}\n'
    )
    assert [s.squash.component for s in saturated(graph(text), [episode(APPROACH)], [], task)] == ["near"]
