"""RewardGraph: a reward that has left Python behind, checked as hostile and run as straight-line tensor code.

`RewardGraph.from_json` is the only door between a candidate and the training process: the text is read
(`graph_program.read`), every value's shape is worked out at two numbers of rows without computing anything, and only
then is code generated, from templates of ours over a fixed list of operations. No text of a candidate's, component
names excepted (which must be identifiers), becomes part of that code.

It does not prove that rows are independent or results finite; `verify.probe` tests that on data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from rewardsmith import graph_ops, graph_program
from rewardsmith.graph_program import (
    MAX_COMPONENTS,
    MAX_VALUES,
    Constant,
    GraphError,
    Node,
    Program,
    Ref,
    Rows,
    Value,
)
from rewardsmith.types import Task

__all__ = ["MAX_COMPONENTS", "GraphError", "RewardGraph", "allowed_inputs"]

PREVIOUS = "prev_"
PROGRESS = "episode_progress"

_FEW, _MANY = 1, 4099  # row counts shapes are worked out at; the second is a prime that no signal is likely to have
_TAKES_DEVICE = {"arange", "eye", "full", "full_like", "ones", "ones_like", "scalar_tensor", "zeros", "zeros_like"}
_TORCH_REFUSES = (RuntimeError, ValueError, TypeError, IndexError, AssertionError, OverflowError, ZeroDivisionError)

Run = Callable[..., tuple[Tensor, tuple[Tensor, ...]]]
Shape = tuple[int, ...]


def allowed_inputs(task: Task) -> dict[str, tuple[int, ...]]:
    """Every argument reward code may ask for, with its shape per environment.

    These are the declared signals, `prev_<signal>` (the step before) and `episode_progress` in [0, 1].
    """
    declared = {signal.name: signal.shape for signal in task.signals}
    return declared | {PREVIOUS + name: shape for name, shape in declared.items()} | {PROGRESS: ()}


class RewardGraph:
    """A checked reward: `inputs` it reads, `components` it reports, `unused` arguments it asks for in vain.

    Two graphs are equal when their `sha256` is: renaming variables, reordering arguments or adding comments does not
    change it. What it returns is to be read, not written to: results may share memory with one another.
    """

    def __init__(self, program: Program, *, shapes: Mapping[str, Shape]) -> None:
        """Use `from_json`. Raises: GraphError: the program may not run."""
        sizes = _check(program, shapes)
        self._program = _canonical(program)
        self._bounds = sizes if self._program == program else _check(self._program, shapes)
        self._constants: dict[torch.device, tuple[Tensor, ...]] = {}
        self.inputs = self._program.inputs
        self.unused = self._program.unused
        self.components = tuple(name for name, _ in self._program.components)
        self.sha256 = _sha256(self._program)

    @classmethod
    def from_json(cls, text: str, *, signals: Mapping[str, tuple[int, ...]]) -> RewardGraph:
        """Check a text that nobody vouches for. `signals`: every allowed input with its shape per environment.

        Raises: GraphError: it is not a graph, or not one that may run; the message says why.
        """
        return cls(graph_program.read(text), shapes=signals)

    def to_json(self) -> str:
        """The graph as text, for a run folder; `from_json` gives an equal graph."""
        return graph_program.write(self._program)

    def __call__(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Rewards of N rows: total `(N,)` and components `(N,)` each, float32.

        `inputs`: each `(N, *shape)` float32, all on one device; names the graph does not read are ignored.
        """
        given = [inputs[name] for name in self.inputs]
        with torch.no_grad():
            total, parts = self._run(self._constants_on(given[0].device), *given)
        return total, dict(zip(self.components, parts, strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RewardGraph) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __repr__(self) -> str:
        nodes = len(self._program.nodes)
        return f"RewardGraph({self.sha256[:12]}, {nodes} operations, components: {', '.join(self.components)})"

    @cached_property
    def _run(self) -> Run:
        return _generate(self._program, self._bounds)

    def _constants_on(self, device: torch.device) -> tuple[Tensor, ...]:
        if device not in self._constants:
            self._constants[device] = tuple(constant.tensor(device) for constant in self._program.constants)
        return self._constants[device]


# --- shapes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Size:
    """The size of an indexed dimension: `fixed`, or `rows` times the number of environments."""

    fixed: int = 0
    rows: int = 0

    def source(self) -> str:
        return f"{self.rows} * n" if self.rows else str(self.fixed)


_Bounds = Mapping[int, tuple[_Size | None, ...]]
"""For nodes that look values up: per index tensor the size it must stay below; None where it cannot leave it."""


def _check(program: Program, shapes: Mapping[str, Shape]) -> _Bounds:
    """Work out every shape at two row counts. Raises: GraphError."""
    strangers = [name for name in (*program.inputs, *program.unused) if name not in shapes]
    if strangers:
        raise GraphError(f"the graph reads {strangers[0]!r}, which is not declared")
    if not program.inputs:
        raise GraphError("the reward reads none of its arguments, so it is the same in every state")
    few, many = (_shapes_at(program, shapes, rows) for rows in (_FEW, _MANY))
    for what, ref in (("the total", program.total), *((f"component {n!r}", r) for n, r in program.components)):
        _check_result(what, _resolve(ref, few, _FEW), (_FEW,))
        _check_result(what, _resolve(ref, many, _MANY), (_MANY,))
    return {i: _index_sizes(program, node, few, many) for i, node in enumerate(program.nodes) if node.op in _LOOK_UPS}


def _check_result(what: str, value: object, shape: Shape) -> None:
    assert isinstance(value, Tensor)
    if value.shape != shape or value.dtype != torch.float32:
        got = f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
        raise GraphError(f"{what} is {got} for {shape[0]} environments; expected {shape} float32")


class _Meta(dict[Ref, Tensor]):
    """Every value of a program as a tensor without storage."""


def _shapes_at(program: Program, shapes: Mapping[str, Shape], rows: int) -> _Meta:
    meta = torch.device("meta")
    values = _Meta()
    for i, name in enumerate(program.inputs):
        values[Ref(i)] = torch.empty((rows, *shapes[name]), device=meta)
    for i, constant in enumerate(program.constants, start=len(program.inputs)):
        values[Ref(i)] = torch.empty(constant.shape, dtype=constant.dtype, device=meta)
    first = len(program.inputs) + len(program.constants)
    for i, node in enumerate(program.nodes, start=first):
        values |= _results(i, node, _call_on_meta(node, values, rows), rows)
    return values


def _call_on_meta(node: Node, values: _Meta, rows: int) -> object:
    try:
        args = [_resolve(value, values, rows) for value in node.args]
        kwargs = {name: _resolve(value, values, rows) for name, value in node.kwargs}
        if node.op.partition(".")[0] in _TAKES_DEVICE:
            kwargs["device"] = torch.device("meta")
        return graph_ops.overload(node.op)(*args, **kwargs)
    except _TORCH_REFUSES as error:
        raise GraphError(f"{node.op} does not fit its arguments: {' '.join(str(error).split())[:160]}") from None


def _resolve(value: Value, values: _Meta, rows: int) -> object:
    match value:
        case Ref():
            if value not in values:
                raise GraphError("a reference picks a result that is not there")
            return values[value]
        case Rows(times):
            return rows * times
        case tuple():
            return [_resolve(item, values, rows) for item in value]
    return value


def _results(index: int, node: Node, result: object, rows: int) -> dict[Ref, Tensor]:
    if isinstance(result, Tensor):
        found = {Ref(index): result}
    elif isinstance(result, (tuple, list)):
        found = {Ref(index, out): tensor for out, tensor in enumerate(result) if isinstance(tensor, Tensor)}
    else:
        raise GraphError(f"{node.op} gives no tensor")
    for tensor in found.values():
        _check_size(node, tensor, rows)
    return found


def _check_size(node: Node, tensor: Tensor, rows: int) -> None:
    if tensor.dtype not in graph_program.DTYPES.values():
        raise GraphError(f"{node.op} gives {tensor.dtype}, which a reward may not hold")
    if tensor.numel() > MAX_VALUES * rows or tensor.dim() > 8:
        raise GraphError(f"{node.op} gives more than {MAX_VALUES} values per environment")


# --- looking values up: an index out of range would stop a training, and on a GPU spoil the whole process -------------

_LOOK_UPS = frozenset({"index.Tensor", "index_put", "index_select", "gather"})


def _index_sizes(program: Program, node: Node, few: _Meta, many: _Meta) -> tuple[_Size | None, ...]:
    source = node.args[0]
    assert isinstance(source, Ref)
    sizes = [_size(a, b) for a, b in zip(few[source].shape, many[source].shape, strict=True)]
    return tuple(_bound(program, index, sizes[dim]) for dim, index in _indices(node, few))


def _size(few: int, many: int) -> _Size:
    return _Size(fixed=few) if few == many else _Size(rows=many // _MANY)


def _indices(node: Node, values: _Meta) -> list[tuple[int, Ref | None]]:
    """Each index tensor of a look-up with the dimension it indexes; None where it is a mask or left out."""
    source = node.args[0]
    assert isinstance(source, Ref)
    if node.op in ("index_select", "gather"):
        dim, index = node.args[1], node.args[2]
        assert isinstance(dim, int)
        assert isinstance(index, Ref)
        return [(dim % max(values[source].dim(), 1), index)]
    listed = node.args[1]
    assert isinstance(listed, tuple)
    found: list[tuple[int, Ref | None]] = []
    dim = 0
    for index in listed:
        mask = isinstance(index, Ref) and values[index].dtype == torch.bool
        found.append((dim, index if isinstance(index, Ref) and not mask else None))
        dim += values[index].dim() if isinstance(index, Ref) and mask else 1
    return found


def _bound(program: Program, index: Ref | None, size: _Size) -> _Size | None:
    if index is None:
        return None
    constant = index.index - len(program.inputs)
    if size.rows or not 0 <= constant < len(program.constants):
        return size
    if not all(0 <= value < size.fixed for value in program.constants[constant].values):
        raise GraphError(f"an index reaches outside a dimension of size {size.fixed}")
    return None


# --- one form for all equal programs --------------------------------------------------------------------------------


def _canonical(program: Program) -> Program:
    """The same results from the fewest nodes in a fixed order: dead ones dropped, equal ones shared."""
    order = _live(program)
    first = len(program.inputs) + len(program.constants)
    live_inputs = {program.inputs[i] for i in order if i < len(program.inputs)}
    inputs = tuple(sorted(live_inputs))
    new: dict[int, int] = {i: inputs.index(program.inputs[i]) for i in order if i < len(program.inputs)}
    constants: dict[Constant, int] = {}
    for i in (i for i in order if len(program.inputs) <= i < first):
        new[i] = len(inputs) + constants.setdefault(program.constants[i - len(program.inputs)], len(constants))
    nodes: dict[str, tuple[int, Node]] = {}
    for i in (i for i in order if i >= first):
        node = _renumber_node(program.nodes[i - first], new)
        source = node.args[0] if node.op in ("alias", "clone", "positive") else None
        if isinstance(source, Ref) and source.out is None:
            new[i] = source.index
            continue
        key = json.dumps(graph_program.node_json(node))
        new[i], _ = nodes.setdefault(key, (len(inputs) + len(constants) + len(nodes), node))
    return Program(
        inputs=inputs,
        unused=tuple(sorted({*program.unused, *program.inputs} - live_inputs)),
        constants=tuple(constants),
        nodes=tuple(node for _, node in nodes.values()),
        total=_renumber_ref(program.total, new),
        components=tuple((name, _renumber_ref(ref, new)) for name, ref in program.components),
    )


def _live(program: Program) -> list[int]:
    """Indices of the values the results depend on, each after what it reads."""
    first = len(program.inputs) + len(program.constants)
    ends = [program.total, *(ref for _, ref in sorted(program.components, key=lambda pair: pair[0]))]
    order: dict[int, None] = {}
    waiting = [(ref.index, False) for ref in reversed(ends)]
    while waiting:
        index, ready = waiting.pop()
        if index in order:
            continue
        reads = program.nodes[index - first].refs() if index >= first else []
        if ready or not reads:
            order[index] = None
        else:
            waiting.append((index, True))
            waiting.extend((ref.index, False) for ref in reversed(reads))
    return list(order)


def _renumber_node(node: Node, new: Mapping[int, int]) -> Node:
    args = tuple(_renumber(value, new) for value in node.args)
    return Node(node.op, args, tuple((name, _renumber(value, new)) for name, value in node.kwargs))


def _renumber(value: Value, new: Mapping[int, int]) -> Value:
    if isinstance(value, Ref):
        return _renumber_ref(value, new)
    return tuple(_renumber(item, new) for item in value) if isinstance(value, tuple) else value


def _renumber_ref(ref: Ref, new: Mapping[int, int]) -> Ref:
    return Ref(new[ref.index], ref.out)


def _sha256(program: Program) -> str:
    text = graph_program.write(replace(program, unused=(), components=tuple(sorted(program.components, key=_name))))
    return hashlib.sha256(text.encode()).hexdigest()


def _name(component: tuple[str, Ref]) -> str:
    return component[0]


# --- running --------------------------------------------------------------------------------------------------------


def _generate(program: Program, bounds: _Bounds) -> Run:
    """Compile the program to a Python function `run(constants, *inputs)`."""
    scope: dict[str, object] = {"clamp": torch.clamp, "arange": torch.arange}
    first = len(program.inputs) + len(program.constants)
    lines = [f"def run(constants, {', '.join(f'v{i}' for i in range(len(program.inputs)))}):"]
    lines.append("    n, device = v0.shape[0], v0.device")
    if program.constants:
        lines.append(f"    ({', '.join(f'v{i}' for i in range(len(program.inputs), first))},) = constants")
    for i, node in enumerate(program.nodes):
        scope[f"f{i}"] = graph_ops.fastest(node.op)
        lines.append(f"    v{first + i} = f{i}({_call_source(node, bounds.get(i, ()), scope)})")
    parts = "".join(f"{_source(ref, scope)}, " for _, ref in program.components)
    lines.append(f"    return {_source(program.total, scope)}, ({parts})")
    exec(compile("\n".join(lines), "<reward graph>", "exec"), scope)  # our own templates only; see the module's head
    run: Run = scope["run"]  # type: ignore[assignment]
    return run


def _call_source(node: Node, sizes: tuple[_Size | None, ...], scope: dict[str, object]) -> str:
    args = [_source(value, scope) for value in node.args]
    if node.op in ("index_select", "gather") and sizes[0]:
        args[2] = f"clamp({args[2]}, 0, {sizes[0].source()} - 1)"
    elif sizes:
        indices = node.args[1]
        assert isinstance(indices, tuple)
        pairs = zip(indices, sizes, strict=True)
        args[1] = f"[{', '.join(_bounded(_source(index, scope), size) for index, size in pairs)}]"
    args += [f"{name}={_source(value, scope)}" for name, value in node.kwargs]
    if node.op.partition(".")[0] in _TAKES_DEVICE:
        args.append("device=device")
    return ", ".join(args)


def _bounded(index: str, size: _Size | None) -> str:
    return f"clamp({index}, -({size.source()}), {size.source()} - 1)" if size else index


def _source(value: Value, scope: dict[str, object]) -> str:
    match value:
        case Ref(index, out):
            return f"v{index}" if out is None else f"v{index}[{out}]"
        case Rows(times):
            return f"n * {times}" if times > 1 else "n"
        case tuple():
            return f"[{', '.join(_source(item, scope) for item in value)}]"
        case bool() | int() | None:
            return repr(value)
    name = f"k{len(scope)}"  # a float, a dtype or a word: bound by name, so that no text of theirs is compiled
    scope[name] = value
    return name
