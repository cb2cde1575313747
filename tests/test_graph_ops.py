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


_FASTER = [name for name, operation in graph_ops.all_overloads() if graph_ops.fastest(name) is not operation]


@pytest.mark.parametrize("name", _FASTER)
def test_the_fast_way_to_call_an_operation_gives_the_same(name: str) -> None:
    operation, fast = graph_ops.overload(name), graph_ops.fastest(name)
    arguments = [a for a in operation._schema.arguments if not a.kwarg_only]
    args = [_argument(a.name, str(a.real_type), name) for a in arguments]
    if name == "permute":
        args[1] = [1, 0]
    if name in ("mm", "bmm"):
        args = [torch.eye(3).expand(2, 3, 3) if name == "bmm" else torch.eye(3)] * 2
    kwargs = {"rounding_mode": "floor"} if name == "div.Tensor_mode" else {}
    needed = sum(not a.has_default_value() for a in arguments) + name.startswith("clamp")
    for given in (args, args[:needed]):
        expected, got = operation(*given, **kwargs), fast(*given, **kwargs)
        pairs = [(expected, got)] if isinstance(expected, torch.Tensor) else list(zip(expected, got, strict=True))
        for one, other in pairs:
            assert one.dtype == other.dtype
            assert torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))
