"""Straight-line Python for a checked program: our own templates over bound operations, no text of a candidate's.

What depends on no input is computed once for a device. Numbers become tensors of no dimension where that changes no
bit of the result, for torch takes twice as long over a number. Values are forgotten after their last use. Indices that
are computed are bounded: out of range they would end a training, and on a GPU spoil the whole process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import Tensor

from rewardsmith import graph_ops
from rewardsmith.graph_check import (
    LOOK_UPS,
    TAKES_DEVICE,
    Kind,
    Kinds,
    Size,
    constant_values,
    indices,
    slice_bounds,
)
from rewardsmith.graph_program import TO_THE_END, Node, Program, Ref, Rows, Value

Once = Callable[[torch.device], tuple[Tensor, ...]]
"""Everything that neither an input nor the number of environments changes, on a device."""

Run = Callable[..., tuple[Tensor, tuple[Tensor, ...]]]
"""`run(once, *inputs)`: total and components from what `Once` gave and inputs `(N, *shape)` in the program's order."""

_ARITHMETIC = frozenset({"add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor"})
_COMPARISONS = frozenset({"eq.Scalar", "ge.Scalar", "gt.Scalar", "le.Scalar", "lt.Scalar", "ne.Scalar"})
_LARGEST = torch.finfo(torch.float32).max


def generate(program: Program, kinds: Kinds) -> tuple[Once, Run]:
    """The program as two functions."""
    fixed = _fixed(program)
    first = len(program.inputs) + len(program.constants)
    early = [i for i in range(first, first + len(program.nodes)) if i in fixed]
    late = [i for i in range(first, first + len(program.nodes)) if i not in fixed]
    ends = [program.total.index, *(ref.index for _, ref in program.components)]
    read = {ref.index for i in late for ref in program.nodes[i - first].refs()} | set(ends)
    shared = sorted(read & fixed)

    writer = _Writer(program, kinds)
    constants = range(len(program.inputs), first)
    lines = [f"    v{i} = constants[{k}].tensor(device)" for k, i in enumerate(constants)]
    once = writer.function("once", ["device"], [*lines, *writer.body(early, keep=fixed)], _tuple(shared))

    inputs = [f"v{i}" for i in range(len(program.inputs))]
    body = writer.body(late, keep={*range(first), *fixed, *ends})
    lines = ["    n, device = v0.shape[0], v0.device"]
    if shared:
        lines.append(f"    {_tuple(shared)} = once")
    parts = "".join(f"{writer.value(ref)}, " for _, ref in program.components)
    result = f"{writer.value(program.total)}, ({parts})"
    run = writer.function("run", ["once", *inputs], [*lines, *body], result)
    return cast(Once, once), cast(Run, run)


def _tuple(names: Iterable[int]) -> str:
    return f"({''.join(f'v{i}, ' for i in names)})"


def _fixed(program: Program) -> set[int]:
    """The constants, and the nodes that depend on nothing else."""
    first = len(program.inputs) + len(program.constants)
    fixed = set(range(len(program.inputs), first))
    for index, node in enumerate(program.nodes, start=first):
        if all(ref.index in fixed for ref in node.refs()) and not _counts_rows((*node.args, *node.kwargs)):
            fixed.add(index)
    return fixed


def _counts_rows(value: Value) -> bool:
    return isinstance(value, Rows) or (isinstance(value, tuple) and any(map(_counts_rows, value)))


class _Writer:
    """Writes lines of code and keeps what they refer to by name, so that no word or number of a program is compiled."""

    def __init__(self, program: Program, kinds: Kinds) -> None:
        self._program, self._kinds = program, kinds
        self._first = len(program.inputs) + len(program.constants)
        self._scope: dict[str, object] = {"clamp": torch.clamp, "constants": program.constants}

    def function(self, name: str, parameters: list[str], body: list[str], result: str) -> object:
        """A function of these lines."""
        lines = [f"def {name}({', '.join(parameters)}):", *body, f"    return {result}"]
        exec(compile("\n".join(lines), "<reward graph>", "exec"), self._scope)  # our own templates only
        return self._scope[name]

    def body(self, chosen: list[int], *, keep: set[int]) -> list[str]:
        """One line for each chosen value, which is forgotten after its last use unless it is to be kept."""
        last = {ref.index: i for i in chosen for ref in self._node(i).refs()}
        done: dict[int, list[int]] = {}
        for read, by in last.items():
            if read not in keep:
                done.setdefault(by, []).append(read)
        forget = {by: f"; del {', '.join(f'v{i}' for i in read)}" for by, read in done.items()}
        return [f"    v{i} = {self._call(self._node(i), self._kinds.get(Ref(i)))}{forget.get(i, '')}" for i in chosen]

    def value(self, value: Value) -> str:
        """An argument or result as an expression."""
        match value:
            case Ref(index, out):
                return f"v{index}" if out is None else f"v{index}[{out}]"
            case Rows(times):
                return f"n * {times}" if times > 1 else "n"
            case tuple():
                return f"[{', '.join(self.value(item) for item in value)}]"
            case bool() | int() | None:
                return repr(value)
        return self._bind(value)

    def _node(self, index: int) -> Node:
        return self._program.nodes[index - self._first]

    def _bind(self, thing: object) -> str:
        name = f"k{len(self._scope)}"
        self._scope[name] = thing
        return name

    def _call(self, node: Node, result: Kind | None) -> str:
        if node.op == "slice.Tensor":
            return self._slice(node)
        function = graph_ops.fastest(node.op)
        args = [self._number(value, node, result) or self.value(value) for value in node.args]
        if node.op in LOOK_UPS:
            self._bound(node, args)
        if node.op == "pow.Tensor_Scalar" and node.args[1] == 2 and self._is_float32(node.args[0]):
            function, args = torch.square, args[:1]  # which is how torch computes it, too
        args += [f"{name}={self.value(value)}" for name, value in node.kwargs]
        if node.op in TAKES_DEVICE:
            args.append("device=device")
        return f"{self._bind(function)}({', '.join(args)})"

    def _is_float32(self, value: Value) -> bool:
        return isinstance(value, Ref) and self._kinds[value].dtype == torch.float32

    def _number(self, value: Value, node: Node, result: Kind | None) -> str:
        """A number as a tensor, where torch would make a float32 of it just the same."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > _LARGEST:
            return ""
        beside_float32 = any(self._is_float32(other) for other in node.args)
        computes = node.op in _ARITHMETIC and result is not None and result.dtype == torch.float32
        compares = node.op in _COMPARISONS and beside_float32
        alike = compares or (computes and (beside_float32 or isinstance(value, float)))
        return self._bind(torch.tensor(value, dtype=torch.float32)) if alike else ""

    def _slice(self, node: Node) -> str:
        source, (dim, start, end, step) = node.args[0], slice_bounds(node)
        assert isinstance(source, Ref)
        assert isinstance(dim, int)
        first, last = ("" if bound in (None, TO_THE_END) else self.value(bound) for bound in (start, end))
        dims = ":, " * (dim % len(self._kinds[source].shape))
        return f"{self.value(source)}[{dims}{first}:{last}:{step if step != 1 else ''}]"

    def _bound(self, node: Node, args: list[str]) -> None:
        """Keep computed indices inside; constant ones have been checked."""
        found = iter(list(indices(node, self._kinds)))
        if node.op in ("index_select", "gather"):
            args[2] = self._within(*next(found), lowest="0")
            return
        listed = node.args[1]
        assert isinstance(listed, tuple)
        args[1] = f"[{', '.join('None' if i is None else self._within(*next(found)) for i in listed)}]"

    def _within(self, index: Ref, size: Size, *, lowest: str = "") -> str:
        if constant_values(index, self._program) is not None and not size.per_row:
            return self.value(index)
        most = self.value(Rows(size.count)) if size.per_row else str(size.count)
        return f"clamp({self.value(index)}, {lowest or f'-({most})'}, {most} - 1)"
