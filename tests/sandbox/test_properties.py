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
