"""Variants: a graph with other numbers put in is the graph of the code with these numbers, to the bit."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewardsmith.codetext import only_numbers_differ
from rewardsmith.interfaces import Sandbox
from rewardsmith.refit import knobs
from rewardsmith.refit.variants import Retraced, Tracer, Variants, variants
from rewardsmith.sim.point import point_task

CODE = """import torch

PULL = -0.5


def near(x: torch.Tensor, temperature: float = 0.25) -> torch.Tensor:
    return torch.exp(-x / temperature)  # 1 at the target


def compute_reward(distance: torch.Tensor, offset: torch.Tensor, action: torch.Tensor):
    # weights
    near_weight = 2  # a whole number
    scales = torch.tensor([1.0, 0.5])
    reach = near_weight * near(distance)
    total = reach + PULL * offset.square() - 0.1 * action.square().sum(dim=-1) * scales[1]
    return total, {"reach": reach, "pull": PULL * offset.square(), "effort": -0.1 * action.square().sum(dim=-1)}
"""
FOLDED = CODE.replace("-x / temperature", "-x * (1.0 / temperature)")


@pytest.fixture(scope="module")
def tracer(sandbox: Sandbox) -> Tracer:
    return Tracer(sandbox, point_task())


FOUND = knobs.find(CODE)
numbers = st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-3)


@pytest.fixture(scope="module")
def made(tracer: Tracer) -> Variants:
    return variants(CODE, FOUND, tracer)


def test_the_code_below_is_read_as_meant() -> None:
    assert [(k.name, k.value) for k in FOUND] == [
        ("temperature", 0.25),
        ("near_weight", 2),
        ("0.1 * action.square().sum(dim=-1) * scales[1]"[:40], 0.1),
        ("effort", -0.1),
    ]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.tuples(*[numbers] * len(FOUND)))
def test_the_substituted_graph_is_the_traced_one_and_only_numbers_of_the_code_change(
    made: Variants, tracer: Tracer, wanted: tuple[float, ...]
) -> None:
    assert made.exact
    code = knobs.set_to(CODE, FOUND, wanted)
    assert only_numbers_differ(CODE, code)
    assert [line.partition("#")[2] for line in code.split("\n")] == [
        line.partition("#")[2] for line in CODE.split("\n")
    ]
    [traced] = tracer.graphs([code])
    assert traced is not None
    assert made.graph(wanted) == traced


def test_the_present_numbers_give_the_present_graph(made: Variants, tracer: Tracer) -> None:
    [traced] = tracer.graphs([CODE])
    assert made.graph(tuple(k.value for k in FOUND)) == traced


def test_a_number_folded_into_another_is_traced_anew_with_the_same_result(tracer: Tracer) -> None:
    found = knobs.find(FOLDED)
    made = variants(FOLDED, found, tracer)
    assert isinstance(made, Retraced)
    wanted = (0.5, *(k.value for k in found[1:]))
    [traced] = tracer.graphs([FOLDED.replace("= 0.25", "= 0.5")])
    assert traced is not None
    assert made.graph(wanted) == traced


def test_numbers_that_cannot_run_give_no_graph(tracer: Tracer) -> None:
    body = "    weight = 1.0\n    assert weight < 2\n    return weight * distance, {}\n"
    code = f"import torch\n\n\ndef compute_reward(distance):\n{body}"
    found = knobs.find(code)
    assert Retraced(code, found, tracer).graph((3.0,)) is None
