"""Tests of `rewardsmith.graph_code`: what runs gives bit for bit what its operations, called one by one, give."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from rewardsmith import graph_ops
from rewardsmith.graph import CannotCompile, RewardGraph

SIGNALS: dict[str, tuple[int, ...]] = {"speed": (), "hand": (3,)}
ROWS = {"rows": 1}

Json = dict[str, Any]


def _t(index: int, out: int | None = None) -> Json:
    return {"t": index} if out is None else {"t": index, "out": out}


def _node(op: str, *args: object, **kwargs: object) -> Json:
    return {"op": op, "args": list(args), "kwargs": kwargs}


def _graph(*nodes: Json, constants: tuple[Json, ...] = (), components: tuple[object, ...] = ()) -> RewardGraph:
    """A graph whose inputs are v0 speed (N,) and v1 hand (N, 3); the last node is the total."""
    text = {
        "version": 1,
        "inputs": list(SIGNALS),
        "unused": [],
        "constants": constants,
        "nodes": nodes,
        "total": _t(1 + len(constants) + len(nodes)),
        "components": components,
    }
    return RewardGraph.from_json(json.dumps(text), signals=SIGNALS)


def _rows(count: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(count)
    return {name: torch.randn((count, *shape), generator=generator) for name, shape in SIGNALS.items()}


def _bits(value: Tensor) -> Tensor:
    return torch.nan_to_num(value, nan=12345.0).view(torch.int32)


_NUMBERS = st.integers(-(2**31), 2**31) | st.floats(width=64, allow_nan=False, allow_infinity=False)
_VALUES = st.lists(st.floats(width=32), min_size=1, max_size=8)
_AS_TENSORS = sorted(
    f"{name}.{'Tensor' if name in ('add', 'sub', 'mul', 'div') else 'Scalar'}"
    for name in ("add", "sub", "mul", "div", "eq", "ne", "lt", "le", "gt", "ge")
)


@pytest.mark.parametrize("op", _AS_TENSORS)
@given(number=_NUMBERS, values=_VALUES)
@example(number=0.1, values=[0.1, 0.10000000149011612, -0.0])
@example(number=2**24 + 1, values=[2.0**24])
@example(number=1e300, values=[1.0])
@example(number=-0.0, values=[0.0, -0.0])
@settings(max_examples=40, deadline=None)
def test_a_number_that_became_a_tensor_changes_no_bit(op: str, number: float, values: list[float]) -> None:
    speed = torch.tensor(values, dtype=torch.float32)
    try:
        expected = graph_ops.overload(op)(speed, number).float()
    except RuntimeError:  # a comparison with what float32 cannot hold
        return
    graph = _graph(_node(op, _t(0), number), _node("_to_copy", _t(2), dtype={"dtype": "float32"}))
    total, _ = graph({"speed": speed})
    assert torch.equal(_bits(total), _bits(expected))


def test_a_number_beside_a_mask_or_before_a_tensor_stays_what_it_is() -> None:
    rows = _rows(7)
    graph = _graph(
        _node("gt.Scalar", _t(0), 0.1),
        _node("mul.Tensor", _t(2), 0.3),
        _node("sub.Tensor", 1, _t(3)),
        _node("div.Tensor", _t(4), 3),
    )
    assert torch.equal(graph(rows)[0], (1 - (rows["speed"] > 0.1) * 0.3) / 3)


def test_a_square_is_a_square() -> None:
    rows = _rows(64)
    total, _ = _graph(_node("pow.Tensor_Scalar", _t(0), 2))(rows)
    assert torch.equal(total, rows["speed"] ** 2)


def test_what_depends_on_no_input_is_computed_once() -> None:
    graph = _graph(
        _node("arange", 3),
        _node("_to_copy", _t(2), dtype={"dtype": "float32"}),
        _node("mul.Tensor", _t(1), _t(3)),
        _node("sum.dim_IntList", _t(4), [-1]),
    )
    rows = _rows(5)
    assert torch.equal(graph(rows)[0], (rows["hand"] * torch.tensor([0.0, 1.0, 2.0])).sum(-1))
    (kept,) = graph._once[torch.device("cpu")]
    assert kept.tolist() == [0.0, 1.0, 2.0]


def test_what_depends_on_the_number_of_rows_is_not_computed_once() -> None:
    graph = _graph(_node("full", [ROWS], 2.0, dtype={"dtype": "float32"}), _node("add.Tensor", _t(2), _t(0)))
    for count in (3, 5):
        assert torch.equal(graph(_rows(count))[0], 2.0 + _rows(count)["speed"])


def test_a_component_used_on_the_way_is_still_there_at_the_end() -> None:
    graph = _graph(_node("exp", _t(0)), _node("neg", _t(2)), _node("abs", _t(3)), components=(("e", _t(2)),))
    rows = _rows(4)
    total, components = graph(rows)
    assert torch.equal(components["e"], rows["speed"].exp())
    assert torch.equal(total, components["e"])


@pytest.mark.parametrize("dim", [1, -1])
def test_slices_with_and_without_ends(dim: int) -> None:
    rows = _rows(4)
    for start, end, step in ((0, 2, 1), (1, 2**63 - 1, 1), (-2, -1, 1), (0, 3, 2), (None, None, 1)):
        total, _ = _graph(_node("slice.Tensor", _t(1), dim, start, end, step), _node("sum.dim_IntList", _t(2), [-1]))(
            rows
        )
        assert torch.equal(total, rows["hand"][:, slice(start, end, step)].sum(-1))


TABLE = ({"dtype": "float32", "shape": [3], "values": [1.0, 2.0, 3.0]},)

LOOK_UPS: dict[str, tuple[Json, ...]] = {  # v2 is the table, v3 the index of each row
    "gather": (_node("unsqueeze", _t(3), 1), _node("gather", _t(1), 1, _t(4)), _node("squeeze.dims", _t(5), [1])),
    "index_select": (_node("index_select", _t(2), 0, _t(3)),),
    "index.Tensor": (_node("arange", ROWS), _node("index.Tensor", _t(1), [_t(4), _t(3)])),
    "index_put": (
        _node("arange", ROWS),
        _node("index_put", _t(1), [_t(4), _t(3)], _t(0)),
        _node("select.int", _t(5), 1, 1),
    ),
}


@pytest.mark.parametrize("look_up", LOOK_UPS.values(), ids=LOOK_UPS.keys())
@pytest.mark.parametrize("speed", [float("nan"), float("inf"), -1e30, 1e30, -5.0, 7.0])
def test_a_computed_index_stays_inside_whatever_it_is_computed_from(look_up: tuple[Json, ...], speed: float) -> None:
    whole = _node("_to_copy", _t(0), dtype={"dtype": "int64"})
    graph = _graph(whole, *look_up, constants=TABLE)
    for count in (1, 5):
        total, _ = graph({"speed": torch.full((count,), speed), "hand": _rows(count)["hand"]})
        assert total.shape == (count,)


# --- machine code -----------------------------------------------------------------------------------------------------

NEAR = (
    _node("linalg_vector_norm", _t(1), 2, [-1]),
    _node("mul.Tensor", _t(2), -0.5),
    _node("exp", _t(3)),
    _node("add.Tensor", _t(4), _t(0)),
)


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of itself
def test_a_compiled_graph_is_equal_and_serves_any_number_of_rows() -> None:
    graph = _graph(*NEAR, components=(("near", _t(4)),))
    compiled = graph.compiled()
    assert compiled == graph
    assert compiled.to_json() == graph.to_json()
    with torch.compiler.set_stance("fail_on_recompile"):
        for count in (1, 2, 3, 64, 1000):
            total, components = compiled(_rows(count))
            expected, parts = graph(_rows(count))
            assert torch.allclose(total, expected, atol=1e-6)
            assert torch.allclose(components["near"], parts["near"], atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_without_a_compiler_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config as inductor

    monkeypatch.setattr(inductor.cpp, "cxx", ("no-such-compiler",))
    with torch._inductor.utils.fresh_cache(), pytest.raises(CannotCompile, match=r"needs a C\+\+ compiler"):
        _graph(*NEAR, _node("tanh", _t(5))).compiled()
