"""Tests of `rewardsmith.graph_form`: equal programs take one form, different ones do not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rewardsmith import graph_form, graph_program
from rewardsmith.graph_program import GraphError, Program

SIGNALS: dict[str, tuple[int, ...]] = {"speed": (), "hand": (3,)}
ROWS = {"rows": 1}
TO_THE_END = 2**63 - 1

Json = dict[str, Any]


def _t(index: int) -> Json:
    return {"t": index}


def _node(op: str, *args: object, **kwargs: object) -> Json:
    return {"op": op, "args": list(args), "kwargs": kwargs}


def _number(value: float) -> Json:
    return {"dtype": "float32", "shape": [], "values": [value]}


def _form(*nodes: Json, constants: tuple[Json, ...] = (), total: int | None = None) -> Program:
    """The one form of a program whose inputs are v0 speed (N,) and v1 hand (N, 3); the last node is the total."""
    last = 1 + len(constants) + len(nodes) if total is None else total
    text = {
        "version": 1,
        "inputs": list(SIGNALS),
        "unused": [],
        "constants": constants,
        "nodes": nodes,
        "total": _t(last),
        "components": [],
    }
    program, _ = graph_form.canonical(graph_program.read(json.dumps(text)), SIGNALS)
    return program


EXP = _node("exp", _t(0))

NOTHING: dict[str, Json] = {
    "a clone": _node("clone", _t(2)),
    "an alias": _node("alias", _t(2)),
    "a view of the same shape": _node("view", _t(2), [ROWS]),
    "a view of the same shape, not said": _node("view", _t(2), [-1]),
    "an expansion to the same shape": _node("expand", _t(2), [ROWS]),
    "a copy of the same type": _node("_to_copy", _t(2), dtype={"dtype": "float32"}),
    "a whole slice": _node("slice.Tensor", _t(2), 0, 0, TO_THE_END),
    "a permutation in order": _node("permute", _t(2), [0]),
    "a squeeze of nothing": _node("squeeze.dims", _t(2), []),
    "a copy over something": _node("copy", _t(0), _t(2)),
}


@pytest.mark.parametrize("move", NOTHING.values(), ids=NOTHING.keys())
def test_a_move_that_does_nothing_is_left_out(move: Json) -> None:
    assert _form(EXP, move) == _form(EXP)


SOMETHING: dict[str, Json] = {
    "another type": _node("_to_copy", _t(1), dtype={"dtype": "float64"}),
    "another shape": _node("view", _t(1), [-1]),
    "a part": _node("slice.Tensor", _t(1), 1, 1, TO_THE_END),
    "another order": _node("permute", _t(1), [1, 0]),
    "another order of the same shape": _node("flip", _t(1), [1]),
    "adding zero, which turns -0 into 0": _node("add.Tensor", _t(1), 0),
}


@pytest.mark.parametrize("move", SOMETHING.values(), ids=SOMETHING.keys())
def test_a_move_that_does_something_stays(move: Json) -> None:
    summed = (
        _node("view", _t(2), [{"rows": 1}, -1]),
        _node("sum.dim_IntList", _t(3), [-1]),
        _node("_to_copy", _t(4), dtype={"dtype": "float32"}),
        _node("mul.Tensor", _t(0), _t(5)),
    )
    assert move["op"] in [node.op for node in _form(move, *summed).nodes]


def test_an_operation_in_place_on_a_slice_leaves_one_write() -> None:
    """`x[:, 1:] *= 2` ends with the slice written into itself once more."""
    part = _node("slice.Tensor", _t(1), 1, 1, TO_THE_END)
    twice = _node("mul.Tensor", _t(2), 2)
    write = _node("slice_scatter", _t(1), _t(3), 1, 1, TO_THE_END)
    again = _node("slice.Tensor", _t(4), 1, 1, TO_THE_END)
    copied = _node("copy", _t(5), _t(5))
    rewrite = _node("slice_scatter", _t(4), _t(6), 1, 1, TO_THE_END)
    total = _node("sum.dim_IntList", _t(7), [-1])
    short = _node("sum.dim_IntList", _t(4), [-1])
    assert _form(part, twice, write, again, copied, rewrite, total) == _form(part, twice, write, short)


def test_the_one_form_is_its_own() -> None:
    once = _form(EXP, _node("clone", _t(2)), _node("add.Tensor", _t(3), _t(0)))
    again, _ = graph_form.canonical(once, SIGNALS)
    assert again == once


def test_zero_and_minus_zero_are_two_constants() -> None:
    # 1 / 0 is not 1 / -0
    total = (_node("div.Tensor", _t(0), _t(2)), _node("div.Tensor", _t(4), _t(3)))
    form = _form(*total, constants=(_number(0.0), _number(-0.0)))
    assert [str(constant.values[0]) for constant in form.constants] == ["0.0", "-0.0"]


def test_equal_constants_and_equal_operations_are_one() -> None:
    constants = (_number(2.0), _number(2.0))
    form = _form(
        _node("mul.Tensor", _t(0), _t(2)),
        _node("mul.Tensor", _t(0), _t(3)),
        _node("add.Tensor", _t(4), _t(5)),
        constants=constants,
    )
    assert (len(form.constants), len(form.nodes)) == (1, 2)


def test_a_tangle_of_empty_moves_is_refused_rather_than_chased() -> None:
    """Each round of leaving out may show one more move to be empty; a text may hold hundreds of such rounds."""
    nodes: list[Json] = [_node("mul.Tensor", _t(1), 1.0), _node("mul.Tensor", _t(1), 1.0)]
    left, right = 2, 3
    for _ in range(20):
        at = 2 + len(nodes)
        nodes += [
            _node("slice.Tensor", _t(left), 1, 1, TO_THE_END),
            _node("slice_scatter", _t(right), _t(at), 1, 1, TO_THE_END),
            _node("abs", _t(right)),
            _node("abs", _t(at + 1)),
        ]
        left, right = at + 2, at + 3
    nodes += [_node("add.Tensor", _t(left), _t(right)), _node("sum.dim_IntList", _t(2 + len(nodes)), [-1])]
    with pytest.raises(GraphError, match="tangle"):
        _form(*nodes)
