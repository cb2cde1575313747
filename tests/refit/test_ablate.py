"""Taking a component out: it leaves the dict and the total, what served it alone goes, everything else stays."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rewardsmith.codetext import entry, parsed
from rewardsmith.interfaces import Sandbox
from rewardsmith.refit import Stuck, without
from rewardsmith.refit.variants import Tracer
from rewardsmith.sim.point import point_task

BENIGN = sorted((Path(__file__).parents[1] / "corpus" / "benign").glob("*.py"))
HEAD = "import torch\n\n\ndef compute_reward(distance: torch.Tensor, offset: torch.Tensor, action: torch.Tensor):\n"
NEAR, PULL = "    near = torch.exp(-distance)\n", "    pull = -offset.square()\n"
EFFORT = "    effort = -0.1 * action.square().sum(dim=-1)\n"
ALL = NEAR + PULL + EFFORT
DICT = "{'near': near, 'pull': pull, 'effort': effort}"

SHAPES = {
    "a sum of variables": f"total = near + pull + effort\nreturn total, {DICT}",
    "a sum returned": f"return (near + pull) + effort, {DICT}",
    "a difference": f"return near - (-pull) + effort, {DICT}",
    "over lines": f"total = (\n    near\n    + pull  # towards it\n    + effort\n)\nreturn total, {DICT}",
    "added up": f"total = 0.0 * offset\ntotal += near\ntotal = total + pull\ntotal += effort\nreturn total, {DICT}",
    "by key": f"c = {DICT}\nreturn c['near'] + c['pull'] + c['effort'], c",
    "the dict summed": f"c = {DICT}\nreturn sum(c.values()), c",
    "the dict stacked": f"c = {DICT}\nreturn torch.stack(list(c.values())).sum(dim=0), c",
    "the dict gone through": (
        f"c = {DICT}\ntotal = 0.0 * offset\nfor v in c.values():\n    total = total + v\nreturn total, c"
    ),
    "the dict summed by key": f"c = {DICT}\nreturn sum(1.0 * c[k] for k in c), c",
    "a list in a variable": f"terms = [near, pull, effort]\ns = torch.stack(terms)\nreturn torch.sum(s, dim=0), {DICT}",
    "gated by a signal": f"gate = (offset > -9.0).float()\nreturn gate * (near + pull + effort), {DICT}",
    "a list of terms": f"return torch.stack([near, pull, effort]).sum(dim=0), {DICT}",
    "a dict made by a call": "return near + pull + effort, dict(near=near, pull=pull, effort=(effort))",
    "parentheses in the dict": "return near + pull + effort, {'near': (near), 'pull': ((pull)), 'effort': (effort)}",
    "entry by entry": (
        "c = {}\nc['near'] = near\nc['pull'] = pull\nc['effort'] = effort\nreturn near + pull + effort, c"
    ),
    "clamped": f"total = torch.clamp(near + pull + effort, -10.0, 10.0)\nreturn total, {DICT}",
    "scaled": f"total = 0.5 * (near + pull + effort)\nreturn total, {DICT}",
    "each on a line": (
        "return near + pull + effort, {\n    'near': near,\n    'pull': pull,  # towards it\n    'effort': effort,\n}"
    ),
    "written out": (
        "return torch.exp(-distance) - offset.square() - 0.1 * action.square().sum(dim=-1), {\n"
        "    'near': torch.exp(-distance), 'pull': -offset.square(), 'effort': -0.1 * action.square().sum(dim=-1)}"
    ),
    "weighted in the total": f"near_weight = 1.0\nreturn near_weight * near + pull + 1.0 * effort, {DICT}",
}


@pytest.fixture(scope="module")
def tracer(sandbox: Sandbox) -> Tracer:
    return Tracer(sandbox, point_task())


@pytest.mark.parametrize(
    "component", ["pull", pytest.param("near", marks=pytest.mark.slow), pytest.param("effort", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_left_computes_what_it_did(
    tracer: Tracer, point_states: Mapping[str, Tensor], shape: str, component: str
) -> None:
    code = HEAD + ALL + textwrap.indent(SHAPES[shape], "    ") + "\n"
    shorter = without(code, component)
    assert isinstance(shorter, str), shorter
    before, after = tracer.graphs([code, shorter])
    assert before is not None
    assert after is not None
    old, parts = before(point_states)
    new, left = after(point_states)
    assert left.keys() == parts.keys() - {component}
    assert all(torch.equal(left[name], parts[name]) for name in left)
    share = 0.5 if shape == "scaled" else 1.0
    assert new == pytest.approx(old - share * parts[component], abs=1e-6)


def test_what_served_the_component_alone_goes_with_its_comment_and_the_rest_keeps_its_own() -> None:
    code = '''import torch

NEAR_WEIGHT = 2.0  # above all


def _near(x: torch.Tensor, temperature: float) -> torch.Tensor:
    return torch.exp(-x / temperature)


def compute_reward(
    distance: torch.Tensor,  # m
    offset: torch.Tensor,
    action: torch.Tensor,
):
    """Go there."""
    # 1. be near
    near_temperature = 0.5
    near = NEAR_WEIGHT * _near(distance, near_temperature)

    # 2. move gently
    effort = -0.1 * action.square().sum(dim=-1)

    # 3. come from the right
    side = offset
    total = near + effort + side  # all of it
    return total, {"near": near, "effort": effort, "side": side}
'''
    assert (
        without(code, "near")
        == '''import torch


def compute_reward(
    offset: torch.Tensor,
    action: torch.Tensor,
):
    """Go there."""

    # 2. move gently
    effort = -0.1 * action.square().sum(dim=-1)

    # 3. come from the right
    side = offset
    total = effort + side  # all of it
    return total, {"effort": effort, "side": side}
'''
    )


def test_what_another_component_reads_stays() -> None:
    code = (
        HEAD
        + NEAR
        + "    slow = near * torch.exp(-action.abs().sum(-1))\n    return near + slow, {'near': near, 'slow': slow}\n"
    )
    shorter = without(code, "near")
    assert isinstance(shorter, str)
    assert NEAR in shorter
    assert "return slow, {'slow': slow}" in shorter


TWINS = """    near = -distance
    alive = torch.ones_like(distance)
    cost = -0.1 * torch.ones_like(distance)
"""


@pytest.mark.parametrize(("component", "total"), [("alive", "near + 2.0 * cost"), ("cost", "near + alive")])
def test_a_component_that_differs_from_another_by_a_number_goes_alone(component: str, total: str) -> None:
    names = "{'near': near, 'alive': alive, 'cost': cost}"
    shorter = without(f"{HEAD}{TWINS}    return near + alive + 2.0 * cost, {names}\n", component)
    assert isinstance(shorter, str)
    assert f"return {total}, {{" in shorter


@pytest.mark.parametrize("name", ["a", "b"])
def test_of_two_that_differ_by_a_number_and_have_no_names_nothing_is_changed(name: str) -> None:
    parts = "{'near': -distance, 'a': torch.exp(distance), 'b': 0.5 * torch.exp(distance)}"
    found = without(f"{HEAD}    return -distance + torch.exp(distance) + 0.5 * torch.exp(distance), {parts}\n", name)
    assert isinstance(found, Stuck)
    assert "does not name it as a term" in found.why


NO_SUMS = (
    "total = torch.stack([near, pull, effort]).mean(dim=0)",
    "total = torch.stack([near, pull]).prod(dim=0) + effort",
    "total = torch.stack([near, pull, effort]).amin(dim=0)",
    "total = (torch.stack([near, pull], dim=-1) * torch.tensor([2.0, 0.5])).sum(dim=-1)",
    "total = sum(w * x for w, x in zip([2.0, 0.5], [near, pull]))",
    "total = torch.exp(near + pull) + effort",
    "total = (near + pull) ** 2",
    "total = effort / (near + pull)",
    "total = (near + pull) * (near + effort)",
    "total = torch.where(near + pull > 0.0, near + pull, 3.0 * pull)",
    "total = near + (near - 0.5 > 0).float() * pull",
    "gate = (near - 0.5 > 0).float()\n    total = near + gate * pull",
    "half = near + pull\n    total = half + torch.exp(half)",
    "total = 1.0 + pull\n    total *= near",
    "total = torch.clamp(near + pull, max=near)",
)
NO_SUMS_OF_A_DICT = (
    "total = torch.stack(list(c.values())).prod(dim=0)",
    "total = torch.stack(list(c.values())).mean(dim=0)",
    "total = sum(c.values()) / len(c)",
    "total = sum(w * x for w, x in zip([2.0, 0.5, 1.0], c.values()))",
    "total = 1.0 + offset\n    for v in c.values():\n        total = total * v",
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("    return distance, {'near': distance}\n", "only component"),
        (f"{ALL}    return near * pull + effort, {DICT}\n", "term of a sum"),
        (f"{ALL}    total = near\n    total = total + pull\n    return total, {DICT}\n", "term of a sum"),
        *[(f"{ALL}    {total}\n    return total, {DICT}\n", "term of a sum") for total in NO_SUMS],
        *[(f"{ALL}    c = {DICT}\n    {total}\n    return total, c\n", "term of a sum") for total in NO_SUMS_OF_A_DICT],
        (f"{ALL}    c = {{}}\n    for n in ['near']:\n        c[n] = near\n    return near, c\n", "not written out"),
        (f"{ALL}    if True:\n        return near, {DICT}\n    return near, {DICT}\n", "one place"),
        ("    return (\n", "no single reward function"),
    ],
)  # fmt: skip
def test_where_the_text_does_not_say_plainly_nothing_is_changed(body: str, why: str) -> None:
    found = without(HEAD + body, "near")
    assert isinstance(found, Stuck)
    assert why in found.why


@pytest.mark.parametrize("file", BENIGN, ids=lambda file: file.stem)
def test_code_of_any_shape_stays_python_without_the_component(file: Path) -> None:
    code = file.read_text(encoding="utf-8")
    tree = parsed(code)
    function = None if tree is None else entry(tree)
    assert tree is not None
    assert function is not None
    words = {n.value for n in ast.walk(function) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    for word in sorted(words):
        shorter = without(code, word)
        if isinstance(shorter, str):
            left = parsed(shorter)
            assert left is not None
            assert function.name in {f.name for f in left.body if isinstance(f, ast.FunctionDef)}
            assert len(shorter) < len(code)
