"""Tests of `rewardsmith.graph_ops`: the list holds only pure operations, and the fast way to call one is the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rewardsmith import graph_ops

_TWO_D = torch.tensor([[0.3, -0.6, 0.9], [0.2, 0.5, -0.1]])
_WHOLE = torch.tensor([[0, 2, 1], [1, 0, 2]])


@pytest.mark.parametrize("name", sorted(graph_ops.NAMES))
def test_an_allowed_operation_writes_nowhere_and_draws_nothing(name: str) -> None:
    operation = graph_ops.overload(name)
    assert graph_ops.name_of(operation) == name
    assert not operation._schema.is_mutable
    assert torch.Tag.nondeterministic_seeded not in operation.tags
    assert torch.Tag.dynamic_output_shape not in operation.tags or name in {"index.Tensor", "index_put"}


def test_what_is_not_listed_does_not_exist() -> None:
    with pytest.raises(KeyError):
        graph_ops.overload("rand")


def _argument(name: str, kind: str, op: str) -> Any:
    if name == "index" and kind == "Tensor":
        return _WHOLE[0] if op == "index_select" else _WHOLE
    if kind == "Tensor" and (
        "bitwise" in op or "logical" in op or op.startswith(("any", "all")) or name == "condition"
    ):
        return _TWO_D > 0
    given = {
        "Tensor": _TWO_D, "number": 2, "int": 1, "List[int]": [1], "List[Tensor]": [_TWO_D, _TWO_D], "bool": True,
        "Optional[List[int]]": [1], "Optional[number]": 0.5, "Optional[float]": 0.5, "Optional[Tensor]": _TWO_D,
    }  # fmt: skip
    return given[kind]


_VECTOR = torch.tensor([0.5, -0.25, 2.0])

_ARGUMENTS: dict[str, list[Any]] = {  # of operations that common ones do not fit
    "_softmax": [_TWO_D, 1, False],
    "_unsafe_view": [_TWO_D, [3, 2]],
    "argmax": [_TWO_D, 1, True],
    "argmin": [_TWO_D, 1, True],
    "bmm": [torch.eye(3).expand(2, 3, 3)] * 2,
    "cosine_similarity": [_TWO_D, _TWO_D.flip(0), 1, 1e-6],
    "cross": [_TWO_D, _TWO_D.flip(0), 1],
    "diagonal": [_TWO_D, 1, 0, 1],
    "diff": [_TWO_D, 1, 1],
    "dot": [_VECTOR, _VECTOR],
    "expand": [_TWO_D[:1], [2, 3]],
    "linalg_cross": [_TWO_D, _TWO_D.flip(0)],
    "masked_fill.Scalar": [_TWO_D, _TWO_D > 0, 2.0],
    "mm": [torch.eye(3)] * 2,
    "mv": [_TWO_D, _VECTOR],
    "permute": [_TWO_D, [1, 0]],
    "select_scatter": [_TWO_D, _VECTOR, 0, 1],
    "slice_scatter": [_TWO_D, _TWO_D.flip(0), 0, 0, 2],
    "split_with_sizes": [_TWO_D, [1, 1], 0],
    "view": [_TWO_D, [3, 2]],
}
_KEYWORDS: dict[str, dict[str, Any]] = {
    "_to_copy": {"dtype": torch.int64},
    "div.Tensor_mode": {"rounding_mode": "floor"},
    "gelu": {"approximate": "tanh"},
    "linalg_cross": {"dim": 1},
    "std.correction": {"correction": 0.5, "keepdim": True},
    "var.correction": {"correction": 0.5, "keepdim": True},
}

_FASTER = [name for name, operation in graph_ops.all_overloads() if graph_ops.fastest(name) is not operation]


@pytest.mark.parametrize("name", _FASTER)
def test_the_fast_way_to_call_an_operation_gives_the_same(name: str) -> None:
    operation, fast = graph_ops.overload(name), graph_ops.fastest(name)
    arguments = [a for a in operation._schema.arguments if not a.kwarg_only]
    args = _ARGUMENTS.get(name) or [_argument(a.name, str(a.real_type), name) for a in arguments]
    kwargs = _KEYWORDS.get(name, {})
    needed = sum(not a.has_default_value() for a in arguments) + name.startswith("clamp")
    for given in (args, args[:needed]):
        expected: Any = operation(*given, **kwargs)
        got: Any = fast(*given, **kwargs)
        pairs = [(expected, got)] if isinstance(expected, torch.Tensor) else list(zip(expected, got, strict=True))
        for one, other in pairs:
            assert one.dtype == other.dtype
            assert torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))
