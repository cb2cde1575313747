"""Tests of reward graphs on the benign corpus: equal to plain Python on any numbers, the same text with the same torch.

A torch version without a folder of golden graphs is skipped; UPDATE_GOLDEN=1 makes one.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith.graph import RewardGraph
from rewardsmith.sandbox import gate, tracing

CORPUS = Path(__file__).parent / "corpus" / "benign"
VERSION = ".".join(torch.__version__.split(".")[:2])
GOLDEN = Path(__file__).parent / "golden" / "graphs" / f"torch-{VERSION}"

SIGNALS: dict[str, tuple[int, ...]] = {
    "torso_height": (),
    "x_velocity": (),
    "torso_quat": (4,),
    "hand_pos": (3,),
    "goal_pos": (3,),
    "hand_to_goal_dist": (),
    "joint_vel": (6,),
    "foot_pos": (4, 3),
    "action": (6,),
}
SIGNALS |= {f"prev_{name}": shape for name, shape in SIGNALS.items()} | {"episode_progress": ()}
NUMBERS = {"dt": 0.02, "cruise_speed": 1.5, "legs": 4.0}

Rows = dict[str, Tensor]
EAGER_NEEDS_TWO_ROWS = {"one_row_safe_squeeze"}  # plain Python squeezes a single row away; the graph does not
IN_GOLD = (
    "column_writes_and_guards",
    "eureka_style",
    "fancy_columns",
    "feet_and_stacks",
    "geometry",
    "helpers_and_lambda",
    "masked_writes",
    "nearest_foot",
    "nested_helper_and_potential",
    "plain_terms",
    "rotation_matrix",
    "smooth_losses",
)

PROGRAMS = [
    pytest.param(path.stem, marks=[] if path.stem in IN_GOLD else [pytest.mark.slow])
    for path in sorted(CORPUS.glob("*.py"))
]


@cache
def _text(code: str) -> str:
    """What tracing makes of a program of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of itself
        found = tracing.trace(code, SIGNALS, NUMBERS)
    assert isinstance(found, str), found
    return found


def _traced(code: str) -> RewardGraph:
    return RewardGraph.from_json(_text(code), signals=SIGNALS)


@cache
def _program(name: str) -> tuple[RewardGraph, Callable[[Rows], tuple[Tensor, dict[str, Tensor]]]]:
    """A program of the corpus as a graph and as plain Python."""
    code = (CORPUS / f"{name}.py").read_text()
    gated = gate.check(code)
    scope: dict[str, Any] = {"__name__": "corpus"}
    plain = code.replace("@torch.jit.script\n", "").replace(" /,", "")  # called by name
    exec(compile(plain, "<corpus>", "exec"), scope)
    numbers = {a.name: int(NUMBERS[a.name]) if a.kind == "int" else NUMBERS.get(a.name) for a in gated.arguments}

    def eager(rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        offered: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None} | rows
        given = {a.name: offered[a.name] for a in gated.arguments if a.name in offered}
        with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            total, components = scope[gated.function](**given)
        return total, components

    return _traced(code), eager


def _rows(count: int, *, seed: int, sizes: tuple[float, ...] = (1.0,), share: float = 0.0, value: float = 0.0) -> Rows:
    """Normal numbers of several sizes, a share of them replaced by one value."""
    generator = torch.Generator().manual_seed(seed)
    rows = {}
    for k, (name, shape) in enumerate(SIGNALS.items()):
        drawn = sizes[k % len(sizes)] * torch.randn((count, *shape), generator=generator)
        rows[name] = torch.where(torch.rand(drawn.shape, generator=generator) < share, value, drawn)
    return rows


def _assert_equal(name: str, rows: Rows, *, device: str = "cpu", near: float = 0.0) -> None:
    """`near`: how far results may differ, relative to one another; where one is not a number, both are not."""
    graph, eager = _program(name)
    total, components = graph({name: value.to(device) for name, value in rows.items()})
    expected, parts = eager({name: value.clone() for name, value in rows.items()})
    assert list(components) == list(parts)
    for found, plain in ((total, expected), *((components[part], parts[part]) for part in parts)):
        assert torch.allclose(found.cpu(), plain.float(), rtol=near, atol=near, equal_nan=True)


_SIZES = st.lists(st.sampled_from([0.0, 1e-38, 1e-6, 1.0, 1e3, 1e20, 3e38]), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize("name", PROGRAMS)
@given(
    count=st.sampled_from([1, 7, 64, 4096]),
    seed=st.integers(0, 2**16),
    sizes=_SIZES,
    share=st.sampled_from([0.0, 0.3, 1.0]),
    value=st.sampled_from([0.0, -0.0, 1.0, 1e30, float("inf"), float("nan")]),
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_graph_gives_what_plain_python_gives(
    name: str, count: int, seed: int, sizes: tuple[float, ...], share: float, value: float
) -> None:
    if count == 1 and name in EAGER_NEEDS_TWO_ROWS:
        count = 2
    _assert_equal(name, _rows(count, seed=seed, sizes=sizes, share=share, value=value))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_row_alone_gives_what_it_gives_among_others(name: str) -> None:
    graph, _ = _program(name)
    rows = _rows(7, seed=1)
    total, _ = graph(rows)
    alone, _ = graph({name: value[3:4] for name, value in rows.items()})
    assert torch.allclose(alone, total[3:4], atol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_blocks_of_rows_give_the_very_bits_of_all_rows_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, _ = _program(name)
    rows = _rows(1001, seed=3)
    total, components = graph(rows)
    monkeypatch.setattr(graph, "_block", 64)
    again, parts = graph(rows)
    found = zip((total, *components.values()), (again, *parts.values()), strict=True)
    assert all(torch.equal(one.nan_to_num(), other.nan_to_num()) for one, other in found)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_graph_takes_inputs_in_any_memory_layout(name: str) -> None:
    graph, _ = _program(name)
    rows = _rows(7, seed=2)
    strided = {name: torch.stack([value, value], dim=-1)[..., 0] for name, value in rows.items()}
    assert torch.allclose(
        graph(strided)[0], graph(rows)[0], atol=1e-3
    )  # kernels for gaps round otherwise; acos shows it


@pytest.mark.parametrize("name", IN_GOLD)
def test_tracing_gives_the_golden_graph_of_this_torch(name: str) -> None:
    golden = GOLDEN / f"{name}.json"
    text = _text((CORPUS / f"{name}.py").read_text())
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text + "\n")
    if not golden.parent.exists():
        pytest.skip(f"no golden graphs of torch {VERSION}; to make them: UPDATE_GOLDEN=1 pytest {Path(__file__).name}")
    assert text == golden.read_text().rstrip("\n"), "if the new graph is right: UPDATE_GOLDEN=1 pytest ..."


@pytest.mark.parametrize(
    "path", sorted(GOLDEN.parent.glob("*/*.json")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_golden_graph_of_any_torch_runs_on_this_one(path: Path) -> None:
    graph = RewardGraph.from_json(path.read_text(), signals=SIGNALS)
    total, _ = graph(_rows(5, seed=0))
    assert total.isfinite().all()


# --- equal programs hash equal ----------------------------------------------------------------------------------------

PLAIN = """
import torch
def compute_reward(x_velocity, hand_pos, goal_pos):
    near = torch.exp(-torch.norm(hand_pos - goal_pos, dim=-1) / 0.5)
    run = 2.0 * x_velocity
    return near + run, {"near": near, "run": run}
"""

REWRITTEN = {
    "renamed variables": PLAIN.replace("near =", "closeness =")
    .replace("near + run", "closeness + run")
    .replace('"near": near', '"near": closeness'),
    "comments": PLAIN.replace("    run", "    # how fast it runs\n    run", 1).replace("0.5)", "0.5)  # metres"),
    "arguments in another order": PLAIN.replace("x_velocity, hand_pos, goal_pos", "goal_pos, x_velocity, hand_pos"),
    "a line nobody needs": PLAIN.replace("    run =", "    idle = torch.tanh(x_velocity) * 3\n    run ="),
    "typed arguments": PLAIN.replace(
        "x_velocity, hand_pos, goal_pos):",
        "x_velocity: torch.Tensor, hand_pos: torch.Tensor, goal_pos: torch.Tensor)"
        " -> tuple[torch.Tensor, dict[str, torch.Tensor]]:",
    ),
    "another function name": PLAIN.replace("compute_reward", "compute_reward_v2"),
    "a helper": PLAIN.replace("def compute", "def twice(v):\n    return 2.0 * v\n\n\ndef compute").replace(
        "2.0 * x_velocity", "twice(x_velocity)"
    ),
    "clones and empty moves": PLAIN.replace(
        "2.0 * x_velocity", "2.0 * x_velocity.clone().view(-1).to(torch.float32)[:].expand(x_velocity.shape[0])"
    ),
    "components in another order": PLAIN.replace('{"near": near, "run": run}', '{"run": run, "near": near}'),
    "lines in another order": PLAIN.replace("    run = 2.0 * x_velocity\n", "").replace(
        "    near =", "    run = 2.0 * x_velocity\n    near ="
    ),
}
CHANGED = {
    "a constant": PLAIN.replace("0.5", "0.25"),
    "a sign": PLAIN.replace("near + run", "near - run"),
    "an input": PLAIN.replace("hand_pos - goal_pos", "goal_pos - prev_hand_pos").replace(
        ", hand_pos", ", prev_hand_pos"
    ),
    "a component's name": PLAIN.replace('"near"', '"close"'),
    "a component less": PLAIN.replace(', "run": run', ""),
    "an order of subtraction": PLAIN.replace("hand_pos - goal_pos", "goal_pos - hand_pos"),
}


@pytest.mark.parametrize("code", REWRITTEN.values(), ids=REWRITTEN.keys())
def test_what_changes_no_result_does_not_change_the_hash(code: str) -> None:
    assert code != PLAIN
    assert _traced(code).sha256 == _traced(PLAIN).sha256


@pytest.mark.parametrize("code", CHANGED.values(), ids=CHANGED.keys())
def test_what_changes_a_result_changes_the_hash(code: str) -> None:
    assert _traced(code).sha256 != _traced(PLAIN).sha256


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_graph_read_back_from_its_own_text_is_the_same_text(name: str) -> None:
    graph, _ = _program(name)
    again = RewardGraph.from_json(graph.to_json(), signals=SIGNALS)
    assert (again.sha256, again.to_json()) == (graph.sha256, graph.to_json())


# --- idioms that once were refused or gave another result -------------------------------------------------------------

IDIOMS = {
    "reshape of what was permuted": "foot_pos.permute(0, 2, 1).reshape(foot_pos.shape[0], 12)[:, 0]",
    "view of what was made contiguous": "foot_pos.transpose(1, 2).contiguous().view(-1, 12)[:, 5]",
    "columns counted from the end": "joint_vel[:, [-1, -2]].sum(dim=-1)",
}


@pytest.mark.parametrize("expression", IDIOMS.values(), ids=IDIOMS.keys())
def test_an_idiom_gives_what_plain_python_gives(expression: str) -> None:
    names = [name for name in ("foot_pos", "joint_vel") if name in expression]
    graph = _traced(f"import torch\ndef compute_reward({', '.join(names)}):\n    return {expression}, {{}}")
    for count in (1, 3, 7):
        rows = _rows(count, seed=count)
        expected = eval(expression, {"torch": torch} | rows)
        assert torch.equal(graph(rows)[0], expected)


# --- machine code, and a GPU ------------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_gpu_gives_what_plain_python_gives(name: str) -> None:
    for count in (7, 4096):
        _assert_equal(name, _rows(count, seed=count), device="cuda", near=1e-5)
