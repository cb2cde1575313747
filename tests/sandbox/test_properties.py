"""Tests of `sandbox.properties`: what is told of results that are not finite. The rest: `verify/test_probe.py`."""

from __future__ import annotations

import pytest
import torch

from rewardsmith.graph import RewardGraph
from rewardsmith.sandbox import properties, tracing
from rewardsmith.sandbox.faults import Fault

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")

ROWS = {"speed": torch.tensor([1.0, 2.0, 3.0]), "gap": torch.tensor([0.5, 0.0, 1.0])}


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("speed / gap", " Cause: division by 'gap' at 0 m."),
        ("1.0 / gap", " Cause: division by 'gap' at 0 m."),
        ("1.0 / (speed - 2.0) + gap", " Cause: division by zero."),
        ("(speed - 2.5) ** 0.3 + torch.tanh(1.0 / gap)", " Cause: a fractional power of a negative number, or"),
        ("torch.exp(200.0 * speed)", " Cause: exp of a large number."),
        ("(1e30 * speed) * (1e30 * speed)", " Usual causes: division by zero"),
    ],
)
def test_the_operation_that_gave_what_is_not_finite_is_named(expression: str, cause: str) -> None:
    shapes: dict[str, tuple[int, ...]] = {"speed": (), "gap": ()}
    traced = tracing.trace(f"import torch\ndef compute_reward(speed, gap):\n    return {expression}, {{}}", shapes)
    assert isinstance(traced, str)
    fault = properties.examine(RewardGraph.from_json(traced, signals=shapes), ROWS, {"gap": "m"})
    assert isinstance(fault, Fault)
    assert fault.kind == "not_finite"
    assert fault.words["cause"].startswith(cause)


def test_a_quaternion_is_not_tried_where_none_can_be() -> None:
    """Entry by entry its greatest values have more than unit length: 1 - 2 * (0.8 ** 2 + 0.8 ** 2) is below -1."""
    shapes: dict[str, tuple[int, ...]] = {"turn": (4,), "speed": ()}
    body = "torch.acos(1.0 - 2.0 * (turn[:, 1].square() + turn[:, 2].square())) + speed"
    traced = tracing.trace(f"import torch\ndef compute_reward(turn, speed):\n    return {body}, {{}}", shapes)
    assert isinstance(traced, str)
    graph = RewardGraph.from_json(traced, signals=shapes)
    turns = torch.tensor([[0.6, 0.8, 0.0, 0.0], [0.6, 0.0, 0.8, 0.0], [1.0, 0.0, 0.0, 0.0]])
    assert properties.examine(graph, {"turn": turns, "speed": ROWS["speed"]}, {}) == ()
    found = properties.examine(graph, {"turn": 0.9 * turns, "speed": ROWS["speed"]}, {})
    assert isinstance(found, Fault)
    assert found.words["where"] == "at the highest values of its inputs"
