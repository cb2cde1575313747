"""Tests of `rewardsmith.graph_check`: shapes for any number of rows, and what is refused before it can harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from rewardsmith import graph_check, graph_ops, graph_program
from rewardsmith.graph import GraphError, RewardGraph
from rewardsmith.graph_check import Kind, Size
from rewardsmith.graph_program import Ref

SIGNALS: dict[str, tuple[int, ...]] = {"speed": (), "hand": (3,), "foot": (4, 3)}
ROWS = {"rows": 1}
INT64, FLOAT32 = {"dtype": "int64"}, {"dtype": "float32"}

Json = dict[str, Any]


def _t(index: int, out: int | None = None) -> Json:
    return {"t": index} if out is None else {"t": index, "out": out}


def _node(op: str, *args: object, **kwargs: object) -> Json:
    return {"op": op, "args": list(args), "kwargs": kwargs}


def _text(*nodes: Json, total: Json | None = None, constants: tuple[Json, ...] = ()) -> str:
    """A graph whose inputs are v0 speed (N,), v1 hand (N, 3), v2 foot (N, 4, 3); then constants, then nodes."""
    return json.dumps(
        {
            "version": 1,
            "inputs": list(SIGNALS),
            "unused": [],
            "constants": constants,
            "nodes": nodes,
            "total": total or _t(0),
            "components": [],
        }
    )


def _kinds(*nodes: Json, constants: tuple[Json, ...] = ()) -> list[Kind]:
    """The kinds of all nodes' results, live or not."""
    program = graph_program.read(_text(*nodes, constants=constants))
    kinds = graph_check.kinds_of(program, SIGNALS)
    return [kind for ref, kind in kinds.items() if ref.index >= 3 + len(constants)]


INDICES = ({"dtype": "int64", "shape": [2], "values": [0, 1]},)
MASK = ({"dtype": "bool", "shape": [3], "values": [1, 0, 1]},)
BYTES = ({"dtype": "uint8", "shape": [3], "values": [1, 0, 1]},)

_WHOLE = _node("_to_copy", _t(1), dtype=INT64)  # v3: hand as whole numbers

REFUSED: dict[str, tuple[str, tuple[Json, ...], tuple[Json, ...]]] = {
    "whole numbers by whole numbers": ("divides whole", (_WHOLE, _node("remainder.Tensor", _t(3), _t(3))), ()),
    "whole numbers rounded down": ("divides whole", (_WHOLE, _node("floor_divide", _t(3), _t(3))), ()),
    "whole numbers by zero": ("ZeroDivisionError", (_WHOLE, _node("fmod.Scalar", _t(3), 0)), ()),
    "the smallest by minus one": ("divides whole", (_WHOLE, _node("remainder.Scalar", _t(3), -1)), ()),
    "whole numbers by mode": (
        "divides whole",
        (_WHOLE, _node("div.Tensor_mode", _t(3), _t(3), rounding_mode="trunc")),
        (),
    ),
    "matrices of whole numbers": ("multiplies whole", (_WHOLE, _node("t", _t(3)), _node("mm", _t(4), _t(3))), ()),
    "a mask that picks": ("picks by a mask", (_node("index_put", _t(1), [None, _t(3)], _t(0)),), MASK),
    "bytes that pick": ("index.Tensor", (_node("index.Tensor", _t(1), [None, _t(3)]),), BYTES),
    "no index at all": ("at least one index", (_node("index.Tensor", _t(1), []),), ()),
    "more indices than dimensions": ("too many indices", (_node("index.Tensor", _t(0), [_t(3), _t(3)]),), INDICES),
    "an index into nothing": (
        "where there are none",
        (_WHOLE, _node("slice.Tensor", _t(1), 1, 3, 3), _node("gather", _t(4), 1, _t(3))),
        (),
    ),
    "some rows": ("picks environments", (_node("slice.Tensor", _t(0), 0, 0, 5000),), ()),
    "a row written": ("environments by number", (_node("select_scatter", _t(1), _t(3), 0, 0),), MASK),
    "a slice that does not fit": ("does not fit", (_node("slice_scatter", _t(1), _t(0), 1, 0, 1),), ()),
    "a step without end": ("step must be", (_node("slice.Tensor", _t(1), 1, 0, 3, 2**31),), ()),
    "counting by fractions of rows": ("must start at 0", (_node("arange.start_step", 0, ROWS, 1.0001),), ()),
    "rows and more": ("does not grow", (_node("constant_pad_nd", _t(0), [0, 1]),), ()),
    "a loss over all rows": ("mse_loss brings environments", (_node("mse_loss", _t(0), _t(0)),), ()),
    "a loss summed over all rows": ("huber_loss brings", (_node("huber_loss", _t(0), _t(0), 2),), ()),
    "a loss with the rows second": ("smooth_l1_loss brings", (_node("smooth_l1_loss", _t(3), _t(1)),), MASK),
    "a sum over all rows": ("sum brings environments", (_node("sum", _t(1)),), ()),
    "a mean over the rows": ("mean.dim brings", (_node("mean.dim", _t(2), [-3]),), ()),
    "rows turned around": ("flip brings environments", (_node("flip", _t(1), [-2]),), ()),
    "rows shifted": ("roll brings environments", (_node("roll", _t(0), [1]),), ()),
    "rows picked": ("index_select brings", (_node("index_select", _t(1), 0, _t(3)),), INDICES),
    "a product over the rows": ("mm brings environments", (_node("t", _t(1)), _node("mm", _t(3), _t(1))), ()),
    "rows times rows": ("brings environments together", (_node("diag_embed", _t(0)),), ()),
    "a result for each row": ("unbind.int gives", (_node("unbind.int", _t(0), 0),), ()),
    "the number of rows as a dimension": ("expected a whole number", (_node("sum.dim_IntList", _t(1), [ROWS]),), ()),
    "four billion values": ("more than 4096", (_node("full", [65536, 65536], 1.0),), ()),
    "sizes whose product wraps around": ("expand", (_node("expand", _t(0), [2**31, 2**31, 4, ROWS]),), ()),
    "counting to a billion": ("more than 4096", (_node("arange", 1_000_000_000),), ()),
    "a large unit matrix": ("more than 4096", (_node("eye", 4096),), ()),
    "many repetitions": ("more than 4096", (_node("repeat", _t(1), [1, 2000]),), ()),
    "nine dimensions": ("more than 4096", (_node("view", _t(0), [ROWS, 1, 1, 1, 1, 1, 1, 1, 1]),), ()),
    "a billion differences": ("order 1 to 8", (_node("diff", _t(1), 2**30, 1),), ()),
    "a cross product over what fits": ("over which dimension", (_node("cross", _t(1), _t(1)),), ()),
    "a device": ("expected arguments", (_node("ones", [ROWS], device="cuda"),), ()),
    "pinned memory": ("expected arguments", (_node("_to_copy", _t(0), pin_memory=True),), ()),
    "shapes that clash": (r"\(N, 3\) and \(N, 4, 3\)|their shapes", (_node("add.Tensor", _t(1), _t(2)),), ()),
    "scratch memory": ("not there", (_node("log_sigmoid_forward", _t(0)), _node("exp", _t(3, 1))), ()),
}


@pytest.mark.parametrize(("words", "nodes", "constants"), REFUSED.values(), ids=REFUSED.keys())
def test_what_could_fail_or_run_away_is_refused(
    words: str, nodes: tuple[Json, ...], constants: tuple[Json, ...]
) -> None:
    with pytest.raises(GraphError, match=words):
        _kinds(*nodes, constants=constants)


def test_all_work_together_is_bounded() -> None:
    # a column (1 value a row), 4096 copies of it, 14 tensors of 4096 each: 61441 values; two more are above 65536
    wide = [_node("unsqueeze", _t(0), 1), _node("expand", _t(3), [ROWS, 4096])]
    wide += [_node("exp", _t(4 + k)) for k in range(14)]
    assert len(_kinds(*wide)) == 16
    with pytest.raises(GraphError, match="more than 65536 values per environment in all"):
        _kinds(*wide, _node("exp", _t(4)), _node("abs", _t(4)))


def test_a_loss_of_each_element_is_no_loss_over_the_rows() -> None:
    (kind,) = _kinds(_node("mse_loss", _t(1), _t(1), 0))
    assert str(kind) == "(N, 3) float32"


@pytest.mark.parametrize("divisor", [10, 3, -2])
def test_whole_numbers_may_be_divided_by_a_number_that_is_safe(divisor: int) -> None:
    assert _kinds(_WHOLE, _node("remainder.Scalar", _t(3), divisor))[1].dtype == torch.int64


def test_sizes_are_fixed_or_grow_with_the_rows() -> None:
    # foot (N, 4, 3) -> (N, 12) -> (12 * N,) -> (4 * N, 3), and a fixed matrix beside it
    flat, flatter, wide, fixed = _kinds(
        _node("view", _t(2), [ROWS, 12]),
        _node("view", _t(3), [-1]),
        _node("view", _t(4), [-1, 3]),
        _node("eye", 3),
    )
    assert flat.shape == (Size(1, per_row=True), Size(12))
    assert flatter.shape == (Size(12, per_row=True),)
    assert wide.at(5) == (20, 3)
    assert fixed.at(5) == (3, 3)
    assert str(wide) == "(4*N, 3) float32"


@pytest.mark.parametrize(
    ("op", "args", "expected"),
    [
        ("mul.Tensor", [_t(0), 2], torch.float32),
        ("gt.Scalar", [_t(0), 2], torch.bool),
        ("mul.Tensor", [_t(3), 2], torch.int64),
        ("mul.Tensor", [_t(3), 0.5], torch.float32),
        ("div.Tensor", [_t(3), 2], torch.float32),
        ("where.self", [_t(4), _t(3), _t(0)], torch.float32),
    ],
)
def test_types_are_torchs_own(op: str, args: list[object], expected: torch.dtype) -> None:
    before = (_node("_to_copy", _t(0), dtype=INT64), _node("gt.Scalar", _t(0), 0))
    kind = _kinds(*before, _node(op, *args))[-1]
    assert kind == Kind(expected, (Size(1, per_row=True),))


@pytest.mark.parametrize("name", sorted(graph_ops.POINTWISE - {"_to_copy"}))
def test_an_elementwise_operation_has_the_shape_torch_gives_it(name: str) -> None:
    """Shapes of elementwise operations are ours; here they are held against torch's."""
    takes = graph_program._takes(name)
    tensors = sum("Tensor" in kind for kind in takes.positional)
    shapes = ([2, 1, 3], [4, 1], [3])[:tensors]
    boolean = name.startswith(("where", "bitwise", "logical"))
    given: list[Any] = [torch.ones(shape, dtype=torch.bool if boolean else torch.float32) for shape in shapes]
    if name.startswith("masked_fill"):
        given = [torch.ones(2, 1, 3), torch.ones(4, 1, dtype=torch.bool), torch.tensor(1.0)][:tensors]
    kinds = iter(takes.positional[: max(takes.required, 2 if name.startswith("clamp") else 0)])
    tensor = iter(given)
    args = [next(tensor) if kind.endswith("Tensor") or kind.endswith("Tensor]") else 1 for kind in kinds]
    kwargs = {"rounding_mode": "floor"} if "mode" in name else {"decimals": 1} if name == "round.decimals" else {}
    result = graph_ops.overload(name)(*args, **kwargs)
    used = [value for value in args if isinstance(value, torch.Tensor)]
    assert result.shape == torch.broadcast_shapes(*(value.shape for value in used))


def test_the_total_must_be_one_float_a_row() -> None:
    with pytest.raises(GraphError, match=r"the total is \(N, 3\) float32 for N environments; expected \(N,\) float32"):
        RewardGraph.from_json(_text(total=_t(1)), signals=SIGNALS)


def test_every_reference_has_a_kind() -> None:
    program = graph_program.read(_text(_node("max.dim", _t(1), 1)))
    kinds = graph_check.kinds_of(program, SIGNALS)
    assert [kinds[Ref(3, 0)].dtype, kinds[Ref(3, 1)].dtype] == [torch.float32, torch.int64]
