"""Tests of `sandbox.tracing`: named numbers end as numbers, and a fault inside the geometry module is the candidate's.

Only programs written here are traced in this process.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping

import pytest
import torch

from rewardsmith.graph import GraphError, RewardGraph
from rewardsmith.sandbox import faults, tracing
from rewardsmith.types import Rejected

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")

SHAPES = {"speed": (), "quat": (4,), "hand": (3,), "feet": (4, 3)}
NUMBERS = {"dt": 0.02, "legs": 4.0}


def _traced(body: str, *, arguments: str = "speed, quat, hand, feet", numbers: Mapping[str, float] = NUMBERS) -> str:
    code = f"import torch\nfrom rewardsmith.geometry import *\ndef compute_reward({arguments}):\n{body}"
    traced = tracing.trace(code, SHAPES, numbers)
    assert isinstance(traced, str), faults.rejection(traced, stage="compile")
    return traced


def _rejected(expression: str) -> Rejected:
    code = (
        "from rewardsmith.geometry import *\n\ndef helper(x): return x\n\n"
        "def compute_reward(speed, quat, hand, feet):\n"
        f"    r = helper(\n        {expression}\n    )\n    return r, {{}}"
    )
    traced = tracing.trace(code, SHAPES, NUMBERS)
    assert not isinstance(traced, str)
    return faults.rejection(traced, stage="compile")


# --- named numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("annotation", ["", ": float", ": torch.Tensor"])
def test_a_number_asked_for_by_name_ends_as_a_number_in_the_graph(annotation: str) -> None:
    text = _traced("    return speed / dt, {}", arguments=f"speed, dt{annotation}")
    assert json.loads(text)["inputs"] == ["speed"]
    graph = RewardGraph.from_json(text, signals=SHAPES)
    total, _ = graph({"speed": torch.tensor([1.0, 3.0])})
    assert torch.allclose(total, torch.tensor([50.0, 150.0]))


def test_the_task_decides_a_number_whatever_the_default_says() -> None:
    assert _traced("    return speed / dt, {}", arguments="speed, dt: float = 0.5") == _traced(
        "    return speed / dt, {}", arguments="speed, dt: float"
    )


def test_a_whole_number_annotated_so_can_be_counted_to() -> None:
    body = "    return sum(feet[:, leg, 2] for leg in range(legs)) + speed, {}"
    graph = RewardGraph.from_json(_traced(body, arguments="speed, feet, legs: int"), signals=SHAPES)
    rows = {"speed": torch.zeros(2), "feet": torch.ones(2, 4, 3)}
    assert graph(rows)[0].tolist() == [4.0, 4.0]


def test_a_reward_of_numbers_alone_reads_nothing() -> None:
    fault = tracing.trace("def compute_reward(dt):\n    return dt, {}", SHAPES, NUMBERS)
    assert isinstance(fault, faults.Fault)
    assert fault.kind == "reads_nothing"


def test_another_number_is_another_graph() -> None:
    one, two = (_traced("    return speed / dt, {}", arguments="speed, dt", numbers={"dt": dt}) for dt in (0.1, 0.2))
    assert RewardGraph.from_json(one, signals=SHAPES) != RewardGraph.from_json(two, signals=SHAPES)


# --- the geometry module --------------------------------------------------------------------------------------------

EXPRESSIONS = (
    "quat_mul(quat, quat)[:, 0]",
    "quat_conjugate(quat)[:, 1]",
    "quat_apply(quat, hand)[:, 0]",
    "quat_apply_inverse(quat, torch.tensor([0, 0, -1]))[:, 2]",
    "quat_error(quat, quat_from_euler(speed, 0.1, 0.2))",
    "quat_error_vector(quat, quat_from_axis_angle(hand, speed)).sum(dim=-1)",
    "sum(quat_to_euler(quat))",
    "quat_to_matrix(quat)[:, 2, 0]",
    "up_axis(quat)[:, 2] + tilt(quat) + heading(quat)",
    "distance(hand, feet[:, 0]) + planar_distance(hand, feet[:, 1]) + normalize(hand)[:, 0]",
    "rotate_2d(hand[:, :2], speed)[:, 1]",
    "wrap_to_pi(3.0 * speed) + angle_difference(speed, 2.0)",
    "tolerance(speed, bounds=(0.5, float('inf')), margin=0.5, sigmoid='hyperbolic')",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_geometry_functions_become_small_graphs_equal_to_plain_python(expression: str) -> None:
    body = f"    r = {expression}\n    return r, {{'r': r}}"
    text = _traced(body)
    assert len(json.loads(text)["nodes"]) <= 100
    generator = torch.Generator().manual_seed(0)
    rows = {name: torch.randn((7, *shape), generator=generator) for name, shape in SHAPES.items()}
    rows["quat"] = rows["quat"] / rows["quat"].norm(dim=-1, keepdim=True)
    scope: dict[str, object] = {}
    exec("import torch\nfrom rewardsmith.geometry import *", scope)
    expected = eval(expression, scope, dict(rows))  # our own expressions above
    total, _ = RewardGraph.from_json(text, signals=SHAPES)(rows)
    assert torch.allclose(total, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("tilt(hand)", "tilt expects q of shape (..., 4); got (N, 3)."),
        ("heading(speed)", "heading expects q of shape (..., 4); got (N,)."),
        ("quat_apply(quat, [0.0, 0.0, 1.0])", "quat_apply expects v to be a tensor of shape (..., 3)."),
        ("quat_apply(quat, feet)", "Tensors of shapes (N, 4, 3) and (N, 3) do not fit together (N environments)."),
        ("tolerance(speed, (0.0, 1.0), 1.0, 'bell')", "tolerance knows no sigmoid 'bell'; it knows gaussian, "),
        ("tolerance(speed, bound=1.0)", "The code fails with TypeError: tolerance() got an unexpected keyword"),
        ("distance(hand, quat)", "Tensors of sizes 3 and 4 do not fit together in dimension 1 (N environments)."),
        ("speed if tilt(quat) > 1 else -speed", "The code branches on the values of a tensor."),
    ],
)
def test_a_fault_inside_the_geometry_module_stands_on_the_line_that_called_it(expression: str, reason: str) -> None:
    rejected = _rejected(expression)
    assert rejected.reason.startswith(reason)
    assert rejected.line == 7
    assert "geometry.py" not in f"{rejected.reason} {rejected.hint}"


# --- idioms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "r = torch.zeros_like(speed)\n    same = r\n    r[speed > 0] = 1.0\n    r = same * 2.0",
        "r = speed.clone()\n    def add(m, v):\n        r[m] += v\n    add(speed > 0, 1.0)",
        "v = hand.clone()\n    m = speed > 0\n    v[m, 2] += hand[m, 1] * speed[m]\n    r = v.sum(dim=-1)",
        "v = hand.clone()\n    v[:, 2][speed > 0] = 0.0\n    r = v.sum(dim=-1)",
        "v = feet.clone()\n    v[feet[..., 0] > 0] *= 0.5\n    r = v.sum(dim=(1, 2))",
        "m, r = speed > 0, 9 * speed\n    r[m] = torch.norm(hand[m] - 0.5, dim=-1) - feet[m, 1].norm(dim=1)",
        "m, v = speed > 0, hand.clone()\n    v[m] = torch.nn.functional.normalize(hand[m])\n    r = v.sum(-1)",
        "m, v, r = speed > 0, hand.clone(), 1 * speed\n    r[m] = v[m].mul_(2).sum(-1)\n    r = r + v.sum(-1)",
        "m, v = feet > 0, feet.clone()\n    v[m] = torch.exp(-v[m]).clamp(0.1) + abs(v[m])\n    r = v.sum((1, 2))",
        "m, v = feet[..., 0] > 0, feet.clone()\n    v[m] = torch.nn.functional.normalize(v[m])\n    r = v.sum((1, 2))",
        "m, v = feet[..., 0] > 0, feet.clone()\n    v[m] -= v[m].mean(dim=-1, keepdim=True)\n    r = v.sum((1, 2))",
        "m, v = feet[..., 0] > 0, 0 * feet[..., 0]\n    v[m] = feet[m, 2] + feet[m][:, 0]\n    r = v.sum(-1)",
        "m, v = feet[..., 0] > 0, 0 * feet[..., 1]\n    v[m] = feet[m].norm(dim=1) - feet[m, 0]\n    r = v.T[0]",
        "m, w = torch.arange(3) < 2, torch.arange(3.0)\n    w[m] *= 2.0\n    r = hand @ w",
        "m, v = feet[..., 0] > 0, feet.clone()\n    v[m] -= v[m] * torch.arange(3.0)\n    r = v.sum((1, 2))",
        "m, v = speed > 0, hand.clone()\n    for i in (0, 1):\n        v[m, i] = -hand[m, i]\n    r = v.sum(1)",
        "m, v = speed > 0, hand.clone()\n    for i in range(2):\n        v[m, i] += 2 * hand[m, i]\n    r = v.sum(-1)",
        "b = torch.arange(3.0)\n    r = torch.bucketize(input=speed, boundaries=b) + 0.0",
        "b = torch.arange(3.0)\n    r = torch.searchsorted(sorted_sequence=b, input=speed, right=True) + 0.0",
        "p = {'a': speed.clone()}\n    p['a'][speed > 0] -= speed[speed > 0]\n    r = p['a']",
        "k, p = ['a', 'b'], {}\n    p[k.pop()] = speed\n    p[k.pop()] = hand[:, 0]\n    r = p['b'] - 2.0 * p['a']",
        "n = 2.0\n    r = speed * (n if isinstance(n, (int, float)) else 0.0)",
        "r = torch.cdist(hand.unsqueeze(1), feet).squeeze(1).min(dim=-1).values",
        "name = '{}_{:.1f}'.format('a', 1.0)\n    r = {name: speed}['a_1.0']",
        "r = torch.nn.functional.mse_loss(hand, 2.0 * hand, reduction='none').sum(dim=-1) + speed",
        "r = (hand.flip(-1) @ torch.ones(3, 2)).sum(dim=-1) + (torch.ones(2, 3) @ hand.T)[0]",
        "r = (1e9 * speed).clamp(max=10**10).where(speed < 10**12, 10**11) * 10**10 / 2**40 + (speed > 10**12)",
        "r = torch.empty_like(speed)\n    r[:] = torch.tanh(speed)",
        "r = speed * float(3) + int(2.5) + torch.ones(2, dtype=float).sum().float()",
        "r = feet.median(dim=1).values.quantile(0.5, dim=-1) + hand.unbind(-1)[0] + sum(hand.T) + feet[0:, 1, 2]",
    ],
)
def test_an_idiom_means_in_a_graph_what_it_means_in_python(body: str) -> None:
    text = _traced(f"    {body}\n    return r, {{'r': r}}", arguments="speed, hand, feet")
    generator = torch.Generator().manual_seed(2)
    rows = {name: torch.randn((64, *shape), generator=generator) for name, shape in SHAPES.items()}
    scope: dict[str, object] = {"torch": torch}
    exec(f"def compute_reward(speed, hand, feet):\n    {body}\n    return r", scope)  # our own programs above
    reward = scope["compute_reward"]
    assert callable(reward)
    expected = reward(rows["speed"].clone(), rows["hand"].clone(), rows["feet"].clone())
    total, _ = RewardGraph.from_json(text, signals=SHAPES)(rows)
    assert torch.allclose(total, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("math.exp(speed)", "math.exp() takes a Python number, and was given a tensor."),
        ("speed * torch.exp(-dt)", "exp() takes tensors, and was given a Python number."),
        ("torch.minimum(speed, 1.0)", "minimum() takes tensors, and was given a Python number."),
        ("speed * (not (speed > 0))", "The code branches on the values of a tensor."),
        ("torch.cdist(hand, hand).sum(dim=-1)", "torch.cdist measures between rows"),
        ("speed[torch.where(speed > 0)]", "The code selects rows by a mask"),
        ("torch.stack([speed[i] for i in range(speed.shape[0])])", "The code takes single rows of a tensor"),
        ("torch.zeros_like(speed) + sum(speed)", "The code takes single rows of a tensor"),
        ("speed + speed.unbind()[0]", "The code takes single rows of a tensor"),
        ("speed + hand[0, 1]", "The code takes single rows of a tensor"),
        ("speed + hand[[0, 1]].sum()", "The code takes single rows of a tensor"),
        ("torch.cat([speed[:1], speed[1:] - speed[:-1]])", "The code takes single rows of a tensor"),
        ("speed - speed.median()", "The code mixes environments: 'median' runs over the rows."),
        ("speed - speed.quantile(0.8)", "The code mixes environments: 'quantile' runs over the rows."),
        ("hand.median(dim=0).values[0] + speed", "The code mixes environments: 'median' runs over the rows."),
        ("speed * mse_loss(speed, 2.0 * speed)", "The code mixes environments: 'mse_loss' runs over the rows."),
        ("speed * smooth_l1_loss(dt * speed, speed)", "The code mixes environments: 'smooth_l1_loss' runs over the"),
        ("speed + huber_loss(speed, dt * speed, reduction='sum')", "The code mixes environments: 'huber_loss' runs"),
        ("speed + l1_loss(speed, dt * speed)", "The code mixes environments: 'mean' runs over the rows."),
        ("speed.where(speed < 6, speed.flip(0))", "The code mixes environments: 'flip' runs over the rows."),
        ("torch.roll(speed, 1)", "The code mixes environments: 'roll' runs over the rows."),
        ("speed.index_select(0, (0 * speed).long())", "The code mixes environments: 'index_select' runs over the"),
        ("speed.gather(0, (0 * speed).long())", "The code mixes environments: 'gather' runs over the rows."),
        ("speed * torch.dot(speed, speed)", "The code mixes environments: 'sum' runs over the rows."),
        ("hand @ (hand.T @ hand).sum(dim=-1)", "The code mixes environments: 'mm' runs over the rows."),
        ("speed * (hand.argmax(dim=-1) * 10**10)", "The code computes in whole numbers with one beyond 2147483648."),
        ("speed * (1 - (speed > 0))", "The code subtracts truth values"),
        ("speed * -(speed > 0)", "The code subtracts truth values"),
        ("hand.reshape(64, 3).sum(dim=-1)", "The code works only for one number of environments."),
        ("0.1 * hand.max(dim=-1)", "torch.max over one axis gives (values, indices)"),
        ("speed - hand.abs().sort(dim=-1)", "torch.sort over one axis gives (values, indices)"),
        ("torch.cross(hand[:, :2], hand[:, :2])[:, 0]", "torch refuses the operation: "),
    ],
)
def test_an_idiom_that_cannot_be_is_named_with_its_line(expression: str, reason: str) -> None:
    imports = "import math, torch\nfrom torch.nn.functional import huber_loss, l1_loss, mse_loss, smooth_l1_loss"
    code = f"{imports}\ndef compute_reward(speed, hand, dt):\n    r = {expression}\n    return r, {{}}"
    fault = tracing.trace(code, SHAPES, NUMBERS)
    assert isinstance(fault, faults.Fault)
    rejected = faults.rejection(fault, stage="compile")
    assert rejected.reason.startswith(reason)
    assert rejected.line == 4


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("m, v = feet > 0, feet.clone()\n    v[m] = v[m] / v[m].sum()\n    r = v.sum((1, 2))", "couples"),
        ("m, v = speed > 0, 1 * speed\n    v[m] = v[m].softmax(-1)\n    r = v", "couples"),
        ("m, v = hand > 0, 1 * hand\n    v[m] -= v[m].mean()\n    r = v.sum(-1)", "couples"),
        ("m, w = torch.arange(3) < 2, torch.arange(3.0)\n    w[m] = w[m] / w[m].sum()\n    r = hand @ w", "mask"),
        ("m, w = torch.arange(3) < 2, torch.arange(3.0)\n    w[m] = torch.eye(3)[m, 0]\n    r = hand @ w", "mask"),
        ("m, w = torch.arange(3) < 2, torch.arange(3.0)\n    w[m] = w[m].flip(0)\n    r = hand @ w", "mask"),
    ],
)
def test_what_a_mask_picks_is_refused_where_its_number_or_order_would_count(body: str, kind: str) -> None:
    code = f"import torch\ndef compute_reward(speed, hand, feet):\n    {body}\n    return r, {{}}"
    fault = tracing.trace(code, SHAPES, NUMBERS)
    assert isinstance(fault, faults.Fault)
    assert (fault.kind, fault.line) == (kind, 4)


@pytest.mark.parametrize("mask", ["speed.unsqueeze(-1) > 0", "hand[:, :2] > 0", "feet > 0"])
def test_a_mask_that_plain_python_refuses_is_refused(mask: str) -> None:
    code = (
        f"def compute_reward(speed, hand, feet):\n    v = hand.clone()\n    v[{mask}] = 0.0\n    return v[:, 0], {{}}"
    )
    fault = tracing.trace(code, SHAPES)
    assert isinstance(fault, faults.Fault)
    assert (fault.kind, fault.line) == ("shapes", 3)
    assert fault.words["second"] == "(N, 3)"


@pytest.mark.parametrize("call", ["torch.cross(hand, 2.0 * spin)", "hand.cross(2.0 * spin)"])
def test_a_cross_product_without_an_axis_is_of_the_vectors_in_each_row(call: str) -> None:
    text = _traced(f"    spin = feet[:, 1]\n    r = {call}[:, 1]\n    return r, {{}}")
    rows = {name: torch.randn((7, *shape)) for name, shape in SHAPES.items()}
    total, _ = RewardGraph.from_json(text, signals=SHAPES)(rows)
    assert torch.allclose(total, torch.linalg.cross(rows["hand"], 2.0 * rows["feet"][:, 1])[:, 1], atol=1e-6)


def test_a_cross_product_without_an_axis_takes_the_one_plain_python_takes() -> None:
    shapes = {"frames": (3, 3), "others": (3, 3)}
    code = "def compute_reward(frames, others):\n    return frames.cross(others)[:, 0, 2], {}"
    text = tracing.trace(code, shapes)
    assert isinstance(text, str)
    rows = {name: torch.randn(5, 3, 3) for name in shapes}
    total, _ = RewardGraph.from_json(text, signals=shapes)(rows)
    with warnings.catch_warnings(action="ignore"):  # torch advises to name an axis
        expected = torch.cross(rows["frames"], rows["others"])[:, 0, 2]
    assert torch.allclose(total, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("code", "kind", "line"),
    [
        ("H = []\ndef compute_reward(speed):\n    H.append(speed)\n    return sum(H), {}", "kept", 3),
        (
            "def compute_reward(speed, h={}):\n    last = h.get('s', speed)\n    h['s'] = speed\n"
            "    return speed - last, {}",
            "kept",
            3,
        ),
        ("def compute_reward(speed, *, n=[0]):\n    n[0] += 1\n    return speed * n[0], {}", "impure", 2),
        (
            "calls = [0]\ndef compute_reward(speed):\n    calls[0] += 1\n    w = 1.0 if calls[0] < 1000 else 0.1\n"
            "    return speed * w, {}",
            "impure",
            3,
        ),
        (
            "h = []\ndef compute_reward(speed):\n    h.append(1)\n    return speed * (2.0 if len(h) > 10 else 1.0), {}",
            "impure",
            3,
        ),
        (
            "def compute_reward(speed, log=[]):\n    log.append(1.0)\n    return speed * (len(log) < 99), {}",
            "impure",
            2,
        ),
        (
            "def compute_reward(speed, *, n={'k': 0}):\n    n['k'] += 1\n    return speed * (n['k'] < 99), {}",
            "impure",
            2,
        ),
        (
            "def make():\n    n = 0\n    def step(x):\n        nonlocal n\n        n += 1\n"
            "        return x * (n < 99)\n    return step\nstep = make()\n"
            "def compute_reward(speed):\n    return step(speed), {}",
            "impure",
            4,
        ),
        (
            "import torch\nW = torch.tensor([0.0])\ndef compute_reward(speed):\n    W[0] += 0.01\n"
            "    return speed * W, {}",
            "kept",
            4,
        ),
        ("def compute_reward(speed):\n    n = len(speed)\n    return speed if n > 4 else -speed, {}", "fixed_rows", 3),
        (
            "def compute_reward(speed, hand):\n    if hand.shape[1] > 2: hand = hand * 2\n    n, d = hand.shape\n"
            "    if n > 4: speed = -speed\n    return speed, {}",
            "fixed_rows",
            4,
        ),
    ],
)
def test_state_and_branches_on_the_number_of_rows_have_their_line(code: str, kind: str, line: int) -> None:
    fault = tracing.trace(code, SHAPES)
    assert isinstance(fault, faults.Fault)
    assert (fault.kind, fault.line) == (kind, line)


@pytest.mark.parametrize("name", ["import", "None", "__class__", "__", "", "ä", "a" * 49])
def test_a_component_is_refused_by_the_same_rule_as_in_a_graph(name: str) -> None:
    fault = tracing.trace(f"def compute_reward(speed):\n    return speed, {{{name!r}: speed}}", SHAPES)
    assert isinstance(fault, faults.Fault)
    assert (fault.kind, fault.line) == ("component_name", 2)
    text = _traced("    return speed, {'placeholder': speed}").replace("placeholder", name)
    with pytest.raises(GraphError, match="components"):
        RewardGraph.from_json(text, signals=SHAPES)


# --- what stands in for functions that look at values ---------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "torch.bucketize(hand, torch.tensor([-0.5, 0.0, 0.5])).sum(dim=-1)",
        "torch.bucketize(hand, torch.tensor([-0.5, 0.0, 0.5]), right=True).sum(dim=-1)",
        "torch.searchsorted(torch.tensor([-0.5, 0.0, 0.5]), speed)",
        "torch.searchsorted(torch.tensor([-0.5, 0.0, 0.5]), 0.5 * speed.round(), side='right')",
        "torch.searchsorted(torch.tensor([-0.5, 0.0, 0.5]), 0.5 * speed.round(), side='left', out_int32=True)",
        "torch.bucketize(0.5 * hand.round(), torch.tensor([-0.5, 0.5]), out_int32=True, right=True).sum(dim=-1)",
        "torch.searchsorted(hand.cumsum(dim=-1).cummax(dim=-1).values, feet[:, 0].contiguous()).sum(dim=-1)",
        "torch.nn.functional.one_hot(hand.argmax(dim=-1), 3)[:, 1]",
    ],
)
def test_stand_ins_find_what_torch_finds(expression: str) -> None:
    text = _traced(f"    r = ({expression}).float() + speed\n    return r, {{'r': r}}", arguments="speed, hand, feet")
    generator = torch.Generator().manual_seed(1)
    rows = {name: torch.randn((64, *shape), generator=generator) for name, shape in SHAPES.items()}
    expected = eval(expression, {"torch": torch}, dict(rows)).float() + rows["speed"]  # our own expressions above
    total, _ = RewardGraph.from_json(text, signals=SHAPES)(rows)
    assert torch.equal(total, expected)


def test_what_a_part_of_torch_lacks_is_named() -> None:
    code = "import torch.nn.functional as F\ndef compute_reward(speed):\n    return F.trace(speed), {}"
    fault = tracing.trace(code, SHAPES)
    assert isinstance(fault, faults.Fault)
    assert (fault.kind, fault.line, fault.words["name"]) == ("torch_name", 3, "trace")
