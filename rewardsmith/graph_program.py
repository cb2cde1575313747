"""A reward as straight-line tensor code: the value, and its reading from a text that nobody vouches for.

`read` treats its text as hostile: sizes, field types, operation names, arguments against the operation's own schema,
and references that point only backwards. It builds tensors of no size and runs nothing. `graph.py` goes on from here
to shapes and to running.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeGuard

import torch

from rewardsmith import graph_ops

VERSION = 1
MAX_TEXT = 1_000_000  # characters; real rewards take under 5000
MAX_NODES = 2000
MAX_VALUES = 4096  # per row in a tensor, and in all constants together
MAX_LIST = 256
MAX_COMPONENTS = 32
TO_THE_END = 2**63 - 1  # where a slice without an end ends
_COMPONENT_NAME = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]{0,47}")

DTYPES: Mapping[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
}
_DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_WORDS = frozenset({"floor", "trunc", "none", "tanh"})  # rounding_mode and approximate
_SIZES = frozenset({"end", "m", "n", "repeats", "size", "sizes"})  # arguments that may be the number of environments
_OURS = frozenset({"device", "layout", "memory_format", "non_blocking", "pin_memory"})  # never the graph's to say
MAX_INT = 2**31
"""The largest whole number in a graph's text; larger ones are written as floats."""


class GraphError(ValueError):
    """A text is not a reward graph, or not one that may run; the message says why."""


@dataclass(frozen=True, slots=True)
class Ref:
    """An earlier value: inputs come first, then constants, then nodes. `out` picks one of a node's several results."""

    index: int
    out: int | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """The number of environments, times a whole number."""

    times: int


Value = Ref | Rows | torch.dtype | float | int | bool | str | None | tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor written in the reward itself; `values` are in row-major order."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    values: tuple[float, ...]

    def tensor(self, device: torch.device) -> torch.Tensor:
        return torch.tensor(self.values, dtype=self.dtype, device=device).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Node:
    """One call of an allowed operation."""

    op: str
    args: tuple[Value, ...]
    kwargs: tuple[tuple[str, Value], ...] = ()

    def refs(self) -> list[Ref]:
        """The values it reads, in order."""
        return [ref for value in (*self.args, *(v for _, v in self.kwargs)) for ref in _refs(value)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A whole reward: `total` and `components` are the results, `unused` the arguments no result depends on."""

    inputs: tuple[str, ...]
    unused: tuple[str, ...]
    constants: tuple[Constant, ...]
    nodes: tuple[Node, ...]
    total: Ref
    components: tuple[tuple[str, Ref], ...]


def _refs(value: Value) -> list[Ref]:
    if isinstance(value, Ref):
        return [value]
    return [ref for item in value for ref in _refs(item)] if isinstance(value, tuple) else []


# --- reading --------------------------------------------------------------------------------------------------------


def read(text: str) -> Program:
    """The program written in `text`. Raises: GraphError: anything in it is not as it must be."""
    if len(text) > MAX_TEXT:
        raise GraphError(f"the graph's text is {len(text)} characters long; at most {MAX_TEXT} are read")
    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"the graph is not JSON: {error}") from None
    fields = _fields(raw, {"version", "inputs", "unused", "constants", "nodes", "total", "components"})
    if fields["version"] != VERSION:
        raise GraphError(f"the graph's format is {_shown(fields['version'])}; expected {VERSION}")
    inputs, unused = _names(fields["inputs"]), _names(fields["unused"])
    constants = _constants(fields["constants"])
    nodes = _nodes(fields["nodes"], first=len(inputs) + len(constants))
    reader = _Reader(first_node=len(inputs) + len(constants), nodes=nodes)
    return Program(
        inputs=inputs,
        unused=unused,
        constants=constants,
        nodes=nodes,
        total=reader.ref(fields["total"]),
        components=_components(fields["components"], reader),
    )


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def _fields(raw: object, names: set[str]) -> dict[str, object]:
    if not isinstance(raw, dict) or set(raw) != names:
        raise GraphError(f"expected an object with the fields {', '.join(sorted(names))}")
    return raw


def _list(raw: object, what: str, *, limit: int) -> list[object]:
    if not isinstance(raw, list) or len(raw) > limit:
        raise GraphError(f"{what}: expected a list of at most {limit}")
    return raw


def _int(raw: object, what: str, *, low: int, high: int) -> int:
    if type(raw) is not int or not low <= raw <= high:
        raise GraphError(f"{what}: expected a whole number from {low} to {high}")
    return raw


def _names(raw: object) -> tuple[str, ...]:
    names = [name for name in _list(raw, "inputs", limit=MAX_LIST) if isinstance(name, str) and name.isidentifier()]
    if len(names) != len(_list(raw, "inputs", limit=MAX_LIST)) or len(set(names)) != len(names):
        raise GraphError("inputs: expected distinct names")
    return tuple(names)


def _components(raw: object, reader: _Reader) -> tuple[tuple[str, Ref], ...]:
    pairs = [_list(pair, "components", limit=2) for pair in _list(raw, "components", limit=MAX_COMPONENTS)]
    return tuple((_component_name(pair), reader.ref(pair[1])) for pair in pairs) if _distinct(pairs) else ()


def _distinct(pairs: Sequence[Sequence[object]]) -> bool:
    if any(len(pair) != 2 for pair in pairs) or len({str(pair[0]) for pair in pairs}) != len(pairs):
        raise GraphError("components: expected pairs of distinct names and references")
    return True


def _component_name(pair: Sequence[object]) -> str:
    name = pair[0]
    if not is_component_name(name):
        raise GraphError(
            "components: a name must be letters, digits and underscores, at most 48, without two at its beginning, "
            "and no word of Python's"
        )
    return name


def is_component_name(name: object) -> TypeGuard[str]:
    """Whether a component may be called so: an identifier of at most 48 letters, no keyword and no dunder."""
    return isinstance(name, str) and bool(_COMPONENT_NAME.fullmatch(name)) and not keyword.iskeyword(name)


def _constants(raw: object) -> tuple[Constant, ...]:
    constants = tuple(_constant(item) for item in _list(raw, "constants", limit=MAX_LIST))
    if sum(len(constant.values) for constant in constants) > MAX_VALUES:
        raise GraphError(f"constants: more than {MAX_VALUES} values")
    return constants


def _constant(raw: object) -> Constant:
    fields = _fields(raw, {"dtype", "shape", "values"})
    dtype = _dtype(fields["dtype"])
    shape = tuple(_int(d, "shape", low=0, high=MAX_VALUES) for d in _list(fields["shape"], "shape", limit=8))
    values = tuple(_number(v) for v in _list(fields["values"], "values", limit=MAX_VALUES))
    if math.prod(shape) != len(values):
        raise GraphError(f"a constant of shape {shape} has {len(values)} values")
    if not dtype.is_floating_point and any(type(v) is float or abs(v) > MAX_INT for v in values):
        raise GraphError("a whole-number constant holds something else")
    return Constant(dtype, shape, values)


def _dtype(raw: object) -> torch.dtype:
    if not isinstance(raw, str) or raw not in DTYPES:
        raise GraphError(f"dtype: expected one of {', '.join(DTYPES)}")
    return DTYPES[raw]


def _number(raw: object) -> float:
    """An int stays an int; `{"float": "inf"}` and its like are what JSON has no word for."""
    if isinstance(raw, dict):
        word = _fields(raw, {"float"})["float"]
        if word not in ("inf", "-inf", "nan"):
            raise GraphError("float: expected inf, -inf or nan")
        return float(str(word))
    if isinstance(raw, int) and abs(raw) <= MAX_INT:
        return raw
    if isinstance(raw, float) and math.isfinite(raw):
        return raw
    raise GraphError("expected a number")


def _nodes(raw: object, *, first: int) -> tuple[Node, ...]:
    nodes: list[Node] = []
    for item in _list(raw, "nodes", limit=MAX_NODES):
        fields = _fields(item, {"op", "args", "kwargs"})
        nodes.append(_Reader(first_node=first, nodes=nodes).node(fields["op"], fields["args"], fields["kwargs"]))
    return tuple(nodes)


class _Reader:
    """Reads one node's arguments, given the nodes before it."""

    def __init__(self, *, first_node: int, nodes: Sequence[Node]) -> None:
        self._first, self._nodes = first_node, nodes

    def node(self, op: object, args: object, kwargs: object) -> Node:
        if not isinstance(op, str) or op not in graph_ops.NAMES:
            raise GraphError(f"operation {_shown(op)} is not on the list of allowed ones")
        takes = _takes(op)
        given = _list(args, op, limit=16)
        if not isinstance(kwargs, dict) or not all(isinstance(key, str) for key in kwargs):
            raise GraphError(f"{op}: expected keyword arguments by name")
        if not takes.required <= len(given) <= len(takes.positional) or not set(kwargs) <= set(takes.by_name):
            raise GraphError(f"{op}: expected arguments as in {graph_ops.overload(op)._schema}")
        return Node(
            op,
            tuple(self.value(raw, kind) for raw, kind in zip(given, takes.positional, strict=False)),
            tuple((name, self.value(kwargs[name], takes.by_name[name])) for name in sorted(kwargs)),
        )

    def value(self, raw: object, kind: str) -> Value:
        """`raw` as the schema's type `kind`."""
        if kind.startswith("Optional["):
            return None if raw is None else self.value(raw, kind[9:-1])
        if kind.startswith("List["):
            return tuple(self.value(item, kind[5:-1]) for item in _list(raw, "argument", limit=MAX_LIST))
        if kind == "Tensor":  # torch takes a number where one is meant for every element
            return self.ref(raw) if isinstance(raw, dict) and "t" in raw else _number(raw)
        if kind in ("size", "count") and isinstance(raw, dict) and "rows" in raw:
            return Rows(_int(_fields(raw, {"rows"})["rows"], "rows", low=1, high=MAX_VALUES))
        return _plain(raw, kind)

    def ref(self, raw: object) -> Ref:
        """A reference to an earlier value; `out` is given exactly where that value is several tensors."""
        if not isinstance(raw, dict) or not {"t"} <= set(raw) <= {"t", "out"}:
            raise GraphError("expected a reference to an earlier value")
        index = _int(raw["t"], "reference", low=0, high=self._first + len(self._nodes) - 1)
        out = _int(raw["out"], "out", low=0, high=MAX_LIST) if "out" in raw else None
        several = index >= self._first and has_several_results(self._nodes[index - self._first].op)
        if several != (out is not None):
            raise GraphError("a reference must pick one result where there are several, and only there")
        return Ref(index, out)


def _plain(raw: object, kind: str) -> Value:
    if kind == "bool" and isinstance(raw, bool):
        return raw
    if kind in ("int", "size"):
        return TO_THE_END if raw == TO_THE_END else _int(raw, "argument", low=-MAX_INT, high=MAX_INT)
    if kind in ("number", "float", "count"):
        return _number(raw)
    if kind == "ScalarType" and isinstance(raw, dict):
        return _dtype(_fields(raw, {"dtype"})["dtype"])
    if kind == "str" and isinstance(raw, str) and raw in _WORDS:
        return raw
    raise GraphError(f"an argument of type {kind} cannot be {_shown(raw)}")


def _shown(raw: object) -> str:
    """A strange value in few words; never a nested one, whose text may have no end."""
    return f"{str(raw)[:40]!r}" if isinstance(raw, (str, int, float)) else f"a {type(raw).__name__}"


@dataclass(frozen=True, slots=True)
class _Takes:
    """The kinds of an operation's arguments by place, the first `required` of them without default, and by name."""

    positional: tuple[str, ...]
    required: int
    by_name: Mapping[str, str]


@cache
def _takes(op: str) -> _Takes:
    """From the operation's own schema."""
    arguments = graph_ops.overload(op)._schema.arguments
    kinds = {a.name: str(a.real_type) for a in arguments}
    for name in _SIZES & set(kinds):
        kinds[name] = kinds[name].replace("int", "size")
    if op.startswith("arange"):
        kinds["end"] = "count"
    positional = [a for a in arguments if not a.kwarg_only]
    return _Takes(
        positional=tuple(kinds[a.name] for a in positional),
        required=sum(not a.has_default_value() for a in positional),
        by_name={a.name: kinds[a.name] for a in arguments if a.kwarg_only and a.name not in _OURS},
    )


@cache
def has_several_results(op: str) -> bool:
    """Whether `op` returns a tuple or list of tensors."""
    returns = graph_ops.overload(op)._schema.returns
    return len(returns) > 1 or str(returns[0].real_type) != "Tensor"


# --- writing --------------------------------------------------------------------------------------------------------


def write(program: Program) -> str:
    """The text `read` reads back as an equal program."""
    return json.dumps(
        {
            "version": VERSION,
            "inputs": program.inputs,
            "unused": program.unused,
            "constants": [constant_json(constant) for constant in program.constants],
            "nodes": [node_json(node) for node in program.nodes],
            "total": value_json(program.total),
            "components": [[name, value_json(ref)] for name, ref in program.components],
        },
        separators=(",", ":"),
        allow_nan=False,
    )


def constant_json(constant: Constant) -> dict[str, object]:
    """A constant as plain JSON."""
    values = [value_json(value) for value in constant.values]
    return {"dtype": _DTYPE_NAMES[constant.dtype], "shape": constant.shape, "values": values}


def node_json(node: Node) -> dict[str, object]:
    """A node as plain JSON."""
    kwargs = {name: value_json(value) for name, value in node.kwargs}
    return {"op": node.op, "args": [value_json(value) for value in node.args], "kwargs": kwargs}


def value_json(value: Value) -> object:
    """An argument as plain JSON."""
    match value:
        case Ref(index, out):
            return {"t": index} if out is None else {"t": index, "out": out}
        case Rows(times):
            return {"rows": times}
        case torch.dtype():
            return {"dtype": _DTYPE_NAMES[value]}
        case tuple():
            return [value_json(item) for item in value]
        case float() if not math.isfinite(value):
            return {"float": str(value)}
    return value
