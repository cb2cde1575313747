"""From torch's exported program to ours: its live operations on a short list, with sizes in numbers of rows.

Only a worker imports this. What cannot be said in ours is a fault, with the line it came from.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import Node as FxNode

from rewardsmith import graph_ops
from rewardsmith.graph_program import (
    DTYPES,
    MAX_INT,
    MAX_NODES,
    MAX_VALUES,
    TO_THE_END,
    Constant,
    Node,
    Program,
    Ref,
    Rows,
    Value,
)
from rewardsmith.sandbox.diagnosis import FILE
from rewardsmith.sandbox.faults import FaultFound

_GIVES_NUMBER = {"item", "_local_scalar_dense", "is_nonzero", "equal"}
_VIEWS = {"select", "slice", "view", "unsqueeze", "squeeze", "transpose", "permute", "expand", "alias", "t", "detach"}
_TAKES_INDICES = {"index", "index_put", "index_put_"}
_GIVES_ROWS = {"nonzero", "nonzero_numpy", "masked_select", "argwhere"}


def check_values_stay(exported: ExportedProgram, names: tuple[str, ...]) -> None:
    """No tensor's values may become Python numbers or decide how many rows there are; inputs are not written to."""
    inputs = [node for node in exported.graph.nodes if node.op == "placeholder"][-len(names) :]
    for node in exported.graph.nodes:
        packet = _packet(node)
        if packet in _GIVES_NUMBER:
            raise FaultFound("value", _node_line(node))
        if packet in _GIVES_ROWS or (packet in _TAKES_INDICES and _has_mask(node)) or _is_nonzero(node):
            raise FaultFound("mask", _node_line(node))
        if packet.endswith("_") and (origin := _origin(node)) in inputs:
            raise FaultFound("mutates", _node_line(node), name=names[inputs.index(origin)])


def _origin(node: FxNode) -> FxNode:
    """The tensor whose memory an operation's first argument is, or is a view of."""
    while node.args and isinstance(node.args[0], FxNode) and (_packet(node) in _VIEWS or _packet(node).endswith("_")):
        node = node.args[0]
    return node


def _packet(node: FxNode) -> str:
    return node.target._schema.name.removeprefix("aten::") if isinstance(node.target, OpOverload) else ""


def _has_mask(node: FxNode) -> bool:
    indices: Any = node.args[1]
    return any(index is not None and index.meta["val"].dtype == torch.bool for index in indices)


def _is_nonzero(node: FxNode) -> bool:
    """`torch.where(condition)` alone."""
    return isinstance(node.target, OpOverload) and graph_ops.name_of(node.target) == "where"


def _node_line(node: FxNode) -> int | None:
    found = re.findall(rf'File "{FILE}", line (\d+)', node.meta.get("stack_trace") or "")
    return int(found[-1]) if found else None


class Translator:
    """Writes an exported program down as ours: its live operations, with sizes in numbers of rows."""

    def __init__(self, exported: ExportedProgram, names: tuple[str, ...]) -> None:
        self._exported, self._names = exported, names
        self._refs: dict[FxNode, Ref] = {}
        self._constants: list[Constant] = []
        self._nodes: list[Node] = []

    def program(self, components: tuple[str, ...]) -> Program:
        self._check_inputs_kept()
        self._exported.graph.eliminate_dead_code()
        nodes = list(self._exported.graph.nodes)
        self._place(nodes)
        for node in nodes:
            if node.op == "call_function" and isinstance(node.meta.get("val"), (Tensor, tuple, list)):
                self._add(node)
        total, *parts = [self._refs[node] for node in self._results(nodes)]
        return Program(
            inputs=self._names,
            unused=(),
            constants=tuple(self._constants),
            nodes=tuple(self._nodes),
            total=total,
            components=tuple(zip(components, parts, strict=True)),
        )

    def _check_inputs_kept(self) -> None:
        for spec in self._exported.graph_signature.output_specs:
            if spec.kind == OutputKind.USER_INPUT_MUTATION:
                position = str(spec.target).rpartition("_")[2]
                name = self._names[int(position)] if position.isdigit() else ""
                raise FaultFound("mutates", name=name)
            if spec.kind != OutputKind.USER_OUTPUT:
                raise FaultFound("impure")

    def _place(self, nodes: list[FxNode]) -> None:
        """Number the inputs and constants: `given` placeholders in order, then every tensor the code wrote itself."""
        specs = zip(self._exported.graph_signature.input_specs, _placeholders(nodes), strict=True)
        inputs = 0
        for spec, node in specs:
            if spec.kind == InputKind.USER_INPUT:
                self._refs[node] = Ref(inputs)
                inputs += 1
            else:
                value = self._exported.constants.get(spec.target or "", None)
                if not isinstance(value, Tensor):
                    value = self._exported.state_dict[spec.target or ""]
                self._refs[node] = Ref(len(self._names) + len(self._constants))
                self._constants.append(_constant(value))

    def _results(self, nodes: list[FxNode]) -> list[FxNode]:
        results: Any = nodes[-1].args[0]
        return list(results)

    def _add(self, node: FxNode) -> None:
        if (known := self._known(node)) is not None:
            self._refs[node] = known
            return
        _check_rows_apart(node)
        op, node = _core(node)
        op = op or self._name(node)
        if op.startswith("squeeze"):  # only of what is always 1: the number of environments may be 1 some day
            op, node = "squeeze.dims", _of_ones(node)
        schema = graph_ops.overload(op)._schema
        for arg, spec in zip(node.args, schema.arguments, strict=False):
            if str(spec.real_type) in ("Tensor", "number") and _is_size(arg) and not op.startswith("arange"):
                raise FaultFound("row_count", _node_line(node))
        args = tuple(self._value(arg, node) for arg in node.args)
        offered = {arg.name: str(arg.real_type) for arg in schema.arguments if arg.kwarg_only}
        kwargs = {
            name: self._value(value, node)
            for name, value in sorted(node.kwargs.items())
            if not any(kind in offered.get(name, "") for kind in ("Layout", "Device", "MemoryFormat"))
            and name not in ("pin_memory", "non_blocking")
            and value is not None
        }
        if len(self._nodes) >= MAX_NODES:
            count = str(sum(n.op == "call_function" for n in node.graph.nodes))
            raise FaultFound("too_many_operations", count=count, limit=str(MAX_NODES))
        self._refs[node] = Ref(len(self._names) + len(self._constants) + len(self._nodes))
        self._nodes.append(Node(op, args, tuple(kwargs.items())))

    def _known(self, node: FxNode) -> Ref | None:
        """The value a node only picks or hands on, where that is all it does."""
        source = node.args[0] if node.args else None
        if not isinstance(source, FxNode):
            return None
        if _target_name(node.target) == "getitem":
            out = node.args[1]
            assert isinstance(out, int)
            return Ref(self._refs[source].index, out)
        return self._refs[source] if _passes_on(node) else None

    def _name(self, node: FxNode) -> str:
        if isinstance(node.target, OpOverload) and node.target.namespace == "aten":
            name = graph_ops.name_of(node.target)
            if name in graph_ops.NAMES:
                return name
            raise FaultFound("not_offered", _node_line(node), name=name.partition(".")[0])
        raise FaultFound("not_offered", _node_line(node), name=str(getattr(node.target, "__name__", "")))

    def _value(self, value: object, node: FxNode) -> Value:
        match value:
            case FxNode():
                return self._refs[value] if value in self._refs else _rows(value.meta["val"], node)
            case torch.SymInt():
                return _rows(value, node)
            case tuple() | list():
                return tuple(self._value(item, node) for item in value)
            case torch.dtype() if value in DTYPES.values():
                return value
            case int() if abs(value) > MAX_INT and value != TO_THE_END:
                return _as_float(value, node)
            case None | bool() | int() | float() | str():
                return value
        raise FaultFound("not_offered", _node_line(node), name=_packet(node))


def _as_float(value: int, node: FxNode) -> float:
    """A whole number too large for a graph as a float, which it becomes beside floats anyhow."""
    given = [arg.meta["val"] for arg in node.all_input_nodes if isinstance(arg.meta["val"], Tensor)]
    if not any(tensor.dtype.is_floating_point for tensor in given or [node.meta["val"]]):
        raise FaultFound("large_whole_number", _node_line(node), limit=str(MAX_INT))
    return float(value)


_LOW = {"_assert_tensor_metadata", "sym_size.int", "getitem", "lift_fresh_copy", "detach_", "to.dtype"}
"""What an exported program holds beside operations of the list, and a `Translator` reads all the same."""


def is_low(exported: ExportedProgram, broken_down: Container[OpOverload]) -> bool:
    """Whether every operation can be translated as it is, none being among those that are to be `broken_down`."""
    called = [node.target for node in exported.graph.nodes if node.op == "call_function"]
    return all(_reads(target) and (_target_name(target) in _LOW or target not in broken_down) for target in called)


def _reads(target: object) -> bool:
    name = _target_name(target)
    return name in _LOW or name in graph_ops.NAMES


def _target_name(target: object) -> str:
    return graph_ops.name_of(target) if isinstance(target, OpOverload) else str(getattr(target, "__name__", ""))


def _passes_on(node: FxNode) -> bool:
    """Whether a node gives what it was given: a constant that is lifted, a number that has its type already."""
    name, source = _target_name(node.target), node.args[0] if node.args else None
    if name == "to.dtype" and isinstance(source, FxNode):
        return bool(source.meta["val"].dtype == node.args[1])
    return name in ("lift_fresh_copy", "detach_")


def _core(node: FxNode) -> tuple[str, FxNode]:
    """The name of the operation it stands for, with that one's arguments; an empty name where it is one itself."""
    if _target_name(node.target) != "to.dtype":
        return "", node
    node.args, node.kwargs = node.args[:1], {"dtype": node.args[1]}
    return "_to_copy", node


def _is_size(arg: object) -> bool:
    value = arg.meta.get("val") if isinstance(arg, FxNode) else arg
    return isinstance(value, (torch.SymInt, torch.SymFloat))


def _of_ones(node: FxNode) -> FxNode:
    source = node.args[0]
    assert isinstance(source, FxNode)
    shape = source.meta["val"].shape
    asked: Any = node.args[1] if len(node.args) > 1 else range(len(shape))
    dims = [dim for dim in ([asked] if isinstance(asked, int) else asked) if isinstance(shape[dim], int)]
    node.args = (source, [dim for dim in dims if shape[dim] == 1])
    return node


def _placeholders(nodes: list[FxNode]) -> Iterator[FxNode]:
    return (node for node in nodes if node.op == "placeholder")


def _constant(value: Tensor) -> Constant:
    if value.dtype not in DTYPES.values():
        raise FaultFound("not_offered", name=f"tensor of {value.dtype}")
    if value.numel() > MAX_VALUES:
        raise FaultFound("fixed_rows")
    flat = value.detach().reshape(-1).tolist()
    return Constant(value.dtype, tuple(value.shape), tuple(flat))


def _rows(value: object, node: FxNode) -> Rows | int:
    """A size that grows with the number of environments, as a whole multiple of it."""
    if isinstance(value, torch.SymInt):
        size = value.node.expr
        at_one, at_two = (size.subs(dict.fromkeys(size.free_symbols, rows)) for rows in (1, 2))
        if at_two == 2 * at_one:
            return Rows(int(at_one))
    raise FaultFound("row_count", _node_line(node))


def _check_rows_apart(node: FxNode) -> None:
    """Refuse what brings rows together, with the line; whether rows are independent is tested on data later."""
    value = node.meta["val"]
    if isinstance(value, Tensor):
        symbolic = [size for size in value.shape if isinstance(size, torch.SymInt)]
        if len(symbolic) > 1:
            raise FaultFound("couples_shape", _node_line(node), name=_packet(node), shape=shape_of(value))
    for arg, dims in graph_ops.runs_over(_target_name(node.target), node.args, node.kwargs):
        over = arg.meta["val"].shape if isinstance(arg, FxNode) else ()
        met = over if dims is None else [over[dim] for dim in dims if -len(over) <= dim < len(over)]
        if any(isinstance(size, torch.SymInt) for size in met):
            raise FaultFound("couples", _node_line(node), name=_packet(node).strip("_"))


def shape_of(value: Tensor) -> str:
    """A shape in words, N being the number of environments."""
    sizes = ["N" if isinstance(size, torch.SymInt) else str(size) for size in value.shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
