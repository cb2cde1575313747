"""Turn reward code into a program of tensor operations, or into a fault with its line.

Only a worker imports this: it runs the candidate's Python, on tensors without values. What it returns is believed by
nobody; `RewardGraph.from_json` checks a program from scratch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import CellType, CodeType, FunctionType, MappingProxyType, NoneType
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.export import Dim, ExportedProgram

from rewardsmith import graph_ops
from rewardsmith.graph_program import MAX_COMPONENTS, Program, is_component_name, write
from rewardsmith.sandbox import gate, namespace
from rewardsmith.sandbox.diagnosis import FILE, explain, placed
from rewardsmith.sandbox.faults import Fault, FaultFound
from rewardsmith.sandbox.translation import Translator, check_values_stay, is_low, shape_of
from rewardsmith.sandbox.watching import Watch

_ROWS = 97  # rows of the inputs traced with; a prime, so that no size of a signal is mistaken for it

Shapes = Mapping[str, tuple[int, ...]]
Reward = Callable[..., object]


def trace(code: str, shapes: Shapes, constants: Mapping[str, float] = MappingProxyType({})) -> str | Fault:
    """The program of `code` as JSON text, or why there is none.

    `shapes`: every declared input, per environment. `constants`: the named numbers it may ask for; they are handed to
    it as Python numbers, so they end as numbers in the program.
    """
    gated: gate.Gated | None = None
    try:
        gated = gate.check(code)
        signals, numbers = gate.check_arguments(gated, shapes, constants)
        given = {name: _number(gated, name, constants[name]) for name in numbers}
        return write(_program(gated, {name: shapes[name] for name in signals}, given))
    except FaultFound as found:
        return placed(found, gated)
    except MemoryError:
        return Fault("memory")
    except Exception as error:  # noqa: BLE001  whatever a candidate raises is its fault
        return explain(error, gated)


# --- running the code on tensors without values ----------------------------------------------------------------------


class _Candidate(torch.nn.Module):
    """The reward function as a module of positional tensors; notes the names of the components in `found`."""

    def __init__(self, reward: Reward, names: tuple[str, ...], found: dict[str, None]) -> None:
        super().__init__()
        self._reward, self._names, self._found = reward, names, found

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        with Watch():
            result = self._reward(**dict(zip(self._names, given, strict=True)))
        total, components = _checked(result)
        self._found.update(dict.fromkeys(components))
        return (_single(total), *(_single(component) for component in components.values()))


def _single(value: Tensor) -> Tensor:
    """Numbers, truth values and doubles become float32; the contract asks no more of honest code."""
    return value if value.dtype == torch.float32 else value.to(torch.float32)


def _number(gated: gate.Gated, name: str, value: float) -> float:
    """A constant as the code annotates it: a whole number where it says `int`."""
    whole = any(argument.name == name and argument.kind == "int" for argument in gated.arguments)
    return int(value) if whole and value == int(value) else float(value)


def _program(gated: gate.Gated, shapes: Shapes, numbers: Mapping[str, float]) -> Program:
    if not shapes:
        raise FaultFound("reads_nothing")
    scope = namespace.fresh()
    exec(_as_forward(compile(gated.tree, FILE, "exec")), scope)
    reward = partial(scope[gated.function], **numbers)
    before = _lasting(scope)
    exported, components = _export(reward, shapes)
    again, _ = _export(reward, shapes)
    if _listing(exported) != _listing(again) or _lasting(scope) != before:
        raise FaultFound("impure")
    check_values_stay(exported, tuple(shapes))
    lowered = exported if is_low(exported, _table()) else exported.run_decompositions(_table())
    return Translator(lowered, tuple(shapes)).program(components)


def _lasting(scope: namespace.Scope) -> list[object]:
    """What outlives a call, in the code's containers, defaults and closures: plain values, and ids of all else."""
    found: list[object] = []
    seen: set[int] = set()
    left = [value for name, value in scope.items() if name.isidentifier() and name != "__builtins__"]
    while left:
        value = left.pop()
        if isinstance(value, (bool, int, float, complex, str, bytes, NoneType)):
            found.append(value)
            continue
        found.append(id(value))
        if id(value) not in seen:
            left += _held(value)
            seen.add(id(value))
    return found


def _held(value: object) -> list[Any]:
    """What a container holds, or a function of the candidate's from one call to the next."""
    match value:
        case dict():
            return [*value.keys(), *value.values()]
        case list() | tuple() | set():
            return list(value)
        case FunctionType() if value.__code__.co_filename == FILE:
            return [value.__defaults__, value.__kwdefaults__, *map(_content, value.__closure__ or ())]
    return []


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # nothing has been put in yet
        return None


def _export(reward: Reward, shapes: Shapes) -> tuple[ExportedProgram, tuple[str, ...]]:
    components: dict[str, None] = {}
    candidate = _Candidate(reward, tuple(shapes), components)
    given = tuple(torch.zeros((_ROWS, *shape)) for shape in shapes.values())
    rows = Dim("rows", min=2, max=2**40)
    with torch.no_grad():
        exported = torch.export.export(
            candidate, given, dynamic_shapes=(tuple({0: rows} for _ in given),), strict=False
        )
    return exported, tuple(components)


def _as_forward(code: CodeType) -> CodeType:
    """Name all functions `forward`: export keeps the line numbers of frames of that name only."""
    inner = tuple(_as_forward(const) if isinstance(const, CodeType) else const for const in code.co_consts)
    return code.replace(co_consts=inner, co_name="forward")


def _listing(exported: ExportedProgram) -> str:
    constants = {name: value.tolist() for name, value in exported.constants.items() if isinstance(value, Tensor)}
    return f"{exported.graph}{constants}"


_TABLE: dict[OpOverload, Callable[..., object]] = {}


def _table() -> dict[OpOverload, Callable[..., object]]:
    """Which operations are broken down into which; made once, in the zygote."""
    if not _TABLE:
        every: Any = torch.export.default_decompositions()
        kept = {graph_ops.overload(name) for name in graph_ops.KEPT_WHOLE}
        _TABLE.update({op: rule for op, rule in every.items() if op not in kept})
    return _TABLE


# --- what the function returned -------------------------------------------------------------------------------------


def _checked(result: object) -> tuple[Tensor, dict[str, Tensor]]:
    if not isinstance(result, (tuple, list)) or len(result) != 2 or not isinstance(result[1], dict):
        raise FaultFound("not_a_pair", got=_kind(result))
    total, components = result
    if not isinstance(total, Tensor):
        raise FaultFound("total_type", got=_kind(total))
    _check_shape(total, "total_shape")
    if len(components) > MAX_COMPONENTS:
        raise FaultFound("many_components", count=str(len(components)), limit=str(MAX_COMPONENTS))
    for name, component in components.items():
        if not is_component_name(name):
            raise FaultFound("component_name", name=str(name)[:20])
        if not isinstance(component, Tensor):
            raise FaultFound("component_type", name=name, got=_kind(component))
        _check_shape(component, "component_shape", name=name)
    return total, components


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool() | int() | float():
            return "a Python number"
        case tuple() | list():
            return f"{len(value)} values" if len(value) != 2 else f"a pair of {_kind(value[0])} and {_kind(value[1])}"
        case Tensor():
            return "a tensor"
    return f"a {type(value).__name__}"


def _check_shape(value: Tensor, kind: str, name: str = "") -> None:
    if value.dim() and isinstance(value.shape[0], int) and value.shape[0] == _ROWS:
        raise FaultFound("fixed_rows")
    if value.dim() == 1 and not isinstance(value.shape[0], int):
        return
    if value.dim() == 0:
        advice = "It is one number for all environments: reduce over the last axis only, e.g. .sum(dim=-1)."
    elif value.dim() == 1:
        advice = "Make it one value per environment, e.g. with torch.full_like."
    elif isinstance(value.shape[1], int):
        advice = "Reduce the last axis, e.g. with .squeeze(-1) or .sum(dim=-1)."
    else:
        advice = "A tensor (N, 1) met one of shape (N,): bring both to (N,), e.g. with .squeeze(-1)."
    raise FaultFound(kind, got=shape_of(value), advice=advice, name=name)
