"""The expressions that say where a number comes from: `obs[3]`, `info.x_velocity`, `norm(obs[0:3] - obs[4:7])`.

Task files use them for signals, fitness, success and references. They are read with `ast` against an allow-list and
never evaluated as Python. What a source may be used for (only fitness and references may read `reward`) is decided in
`taskfile.py`. Parsing needs no torch; reading does.

    obs  obs.<key>  info.<key>  info["<key>"]  action  reward      what the environment gave
    x[3]  x[-1]  x[0:3]                                            along the last axis; an index drops it
    + - * / **  < <= > >= == !=                                    a comparison gives 1.0 or 0.0
    abs sqrt exp cos sin  atan2 minimum maximum  clip              element by element
    norm dot concat                                                along the last axis

In tasks of the backend `mjcf`, MuJoCo's own names are info fields, spelled as one speaks of them:

    qpos  qvel  act  ctrl  time                                    the state
    body(torso).xpos  joint(knee).qvel  sensor(gyro)  contact(foot, floor)  command(speed)  ...

A name that is no plain word stands in quotes: `body("left/foot").xpos`. Which there are is for the model to say.

A scalar meets a vector element by element; two vectors must have the same length. Nothing else is broadcast.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rewardsmith import syntax
from rewardsmith.errors import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

    from rewardsmith.types import Task

_LONGEST = 1000  # characters
_DEEPEST = 40  # operations within one another


class SourceError(ValueError):
    """An expression cannot be parsed or read; `column` counts from 1 in its text, None where it has no place."""

    def __init__(self, message: str, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """States to read from, with any leading batch dimensions `...` in common.

    `obs` is keyed like `Frame.obs`; `action: (..., A)` is the one that led to each state and fixes how many dimensions
    are batch; `reward: (...)` is the environment's own, None where a source may not ask for it.
    """

    obs: Mapping[str, Tensor]
    info: Mapping[str, Tensor]
    action: Tensor
    reward: Tensor | None = None

    @property
    def batch(self) -> tuple[int, ...]:
        """The leading dimensions."""
        return tuple(self.action.shape[:-1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A parsed expression and what it needs; equal where text and meaning are."""

    text: str
    info_fields: frozenset[str]
    obs_keys: frozenset[str]
    uses_reward: bool
    uses_action: bool
    tree: Node = field(repr=False)

    def read(self, view: View) -> Tensor:
        """The value at every state, float32, `(..., *shape)`.

        Raises: SourceError: the view lacks a field, an index is out of range, or two shapes do not fit together.
        """
        return self.tree.read(view)


def measured_signals(task: Task) -> frozenset[str]:
    """Names of the signals that the task's fitness and success speak of."""
    measures = [task.fitness, *([task.success] if task.success else [])]
    words = {word for measure in measures for word in re.findall(r"[^\W\d]\w*", measure.source)}
    return frozenset(s.name for s in task.signals if s.name in words)


def parse(
    text: str, *, signals: Mapping[str, Source] | None = None, roots: Sequence[str] | None = None, hint: str = ""
) -> Source:
    """Parse an expression; the names in `signals` stand for their own expressions.

    Where a name is unknown, `roots` are told to be known besides signals, and `hint` is said, too.

    Raises: SourceError: with a message for the person and the column.
    """
    tree = _Builder(signals or {}, _ROOTS if roots is None else roots, hint).build(_syntax(text), 0)
    fields = list(_fields(tree))
    return Source(
        text=text,
        info_fields=frozenset(f.key for f in fields if f.group == "info"),
        obs_keys=frozenset(f.key for f in fields if f.group == "obs"),
        uses_reward=any(f.group == "reward" for f in fields),
        uses_action=any(f.group == "action" for f in fields),
        tree=tree,
    )


# --- the tree -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A constant, the same at every state."""

    value: float
    column: int = field(compare=False)

    def read(self, view: View) -> Tensor:
        return view.action.new_full(view.batch, self.value).float()


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """Something the environment gave. `group` is obs, info, action or reward; `key` is as in the view."""

    group: str
    key: str
    column: int = field(compare=False)

    def read(self, view: View) -> Tensor:
        match self.group:
            case "obs":
                return self._pick(view.obs, "the environment gives no observation").float()
            case "info":
                return self._pick(view.info, "the environment gives no info field").float()
            case "action":
                return view.action.float()
        if view.reward is None:
            raise SourceError("the environment's own reward cannot be read here", self.column)
        return view.reward.float()

    def _pick(self, given: Mapping[str, Tensor], lack: str) -> Tensor:
        if self.key not in given:
            known = ", ".join(sorted(given)) or "none"
            raise SourceError(f"{lack} '{self.key}'.{did_you_mean(self.key, given)} Known: {known}", self.column)
        return given[self.key]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One number (`index`) or a run of numbers (`start`, `stop`) along the last axis."""

    of: Node
    at: int | tuple[int | None, int | None]
    column: int = field(compare=False)

    def read(self, view: View) -> Tensor:
        value = self.of.read(view)
        if value.ndim == len(view.batch):
            raise SourceError("a scalar has no parts; leave the brackets away", self.column)
        size = value.shape[-1]
        if isinstance(self.at, int):
            self._check(self.at, 0, size - 1, size)
            return value[..., self.at]
        start, stop = self._bounds(size)
        return value[..., start:stop]

    def _bounds(self, size: int) -> tuple[int, int]:
        start, stop = (0, size) if isinstance(self.at, int) else self.at
        first = self._check(0 if start is None else start, 0, size, size)
        last = self._check(size if stop is None else stop, 0, size, size)
        if first >= last:
            raise SourceError(f"the range {first}:{last} is empty", self.column)
        return first, last

    def _check(self, index: int, low: int, high: int, size: int) -> int:
        place = index + size if index < 0 else index
        if not low <= place <= high:
            raise SourceError(f"{index} is out of range: there are {size} numbers, 0 to {size - 1}", self.column)
        return place


@dataclass(frozen=True, kw_only=True, slots=True)
class Apply:
    """An operator or function on its arguments."""

    name: str
    args: tuple[Node, ...]
    column: int = field(compare=False)

    def read(self, view: View) -> Tensor:
        values = [arg.read(view) for arg in self.args]
        rank = len(view.batch)
        if self.name in _ALONG_LAST_AXIS:
            return _ALONG_LAST_AXIS[self.name](self._with_axis(values, rank))
        return _ELEMENTWISE[self.name][1](*self._aligned(values, rank))

    def _with_axis(self, values: Sequence[Tensor], rank: int) -> list[Tensor]:
        if self.name == "concat":
            return [v.unsqueeze(-1) if v.ndim == rank else v for v in values]
        if any(v.ndim == rank for v in values):
            raise SourceError(f"{self.name}() takes vectors, not scalars; abs() and * are for those", self.column)
        return self._aligned(values, rank)

    def _aligned(self, values: Sequence[Tensor], rank: int) -> list[Tensor]:
        """Give scalars the axes of the others, so that batch dimensions never meet a vector's."""
        shapes = {tuple(v.shape[rank:]) for v in values} - {()}
        if len(shapes) > 1:
            told = " and ".join(str(s) for s in sorted(shapes))
            raise SourceError(f"shapes {told} do not fit together in '{self.name}'", self.column)
        axes = max(v.ndim for v in values)
        return [v if v.ndim == axes else v.reshape(v.shape + (1,) * (axes - v.ndim)) for v in values]


Node = Number | Given | Part | Apply


def _fields(node: Node) -> list[Given]:
    match node:
        case Given():
            return [node]
        case Part():
            return _fields(node.of)
        case Apply():
            return [found for arg in node.args for found in _fields(arg)]
    return []


# --- what operators and functions do --------------------------------------------------------------------------------

_ELEMENTWISE: Final[Mapping[str, tuple[int, Callable[..., Tensor]]]] = {  # name: (number of arguments, what it does)
    "+": (2, operator.add),
    "-": (2, operator.sub),
    "*": (2, operator.mul),
    "/": (2, operator.truediv),
    "**": (2, operator.pow),
    "negative": (1, operator.neg),
    "<": (2, lambda a, b: (a < b).float()),
    "<=": (2, lambda a, b: (a <= b).float()),
    ">": (2, lambda a, b: (a > b).float()),
    ">=": (2, lambda a, b: (a >= b).float()),
    "==": (2, lambda a, b: (a == b).float()),
    "!=": (2, lambda a, b: (a != b).float()),
    "abs": (1, lambda a: a.abs()),
    "sqrt": (1, lambda a: a.sqrt()),
    "exp": (1, lambda a: a.exp()),
    "cos": (1, lambda a: a.cos()),
    "sin": (1, lambda a: a.sin()),
    "atan2": (2, lambda a, b: a.atan2(b)),
    "minimum": (2, lambda a, b: a.minimum(b)),
    "maximum": (2, lambda a, b: a.maximum(b)),
    "clip": (3, lambda a, low, high: a.maximum(low).minimum(high)),
}


def _concat(values: Sequence[Tensor]) -> Tensor:
    import torch  # here, since parsing a task file must not load it

    return torch.cat(list(values), dim=-1)


_ALONG_LAST_AXIS: Final[Mapping[str, Callable[[Sequence[Tensor]], Tensor]]] = {
    "norm": lambda v: v[0].square().sum(-1).sqrt(),
    "dot": lambda v: (v[0] * v[1]).sum(-1),
    "concat": _concat,
}

_FEWEST_MOST: Final[Mapping[str, tuple[int, int]]] = {
    **{name: (count, count) for name, (count, _) in _ELEMENTWISE.items() if name.isalnum() and name != "negative"},
    "norm": (1, 1),
    "dot": (2, 2),
    "concat": (2, 64),
}
_ROOTS: Final = ("obs", "info", "action", "reward")

STATE: Final = ("qpos", "qvel", "act", "ctrl", "time")
"""What MuJoCo calls the state of a model: info fields of the backend `mjcf`."""
OBJECTS: Final = ("sensor", "body", "joint", "site", "geom", "actuator", "tendon", "contact", "command")
"""What a model's named elements are; `body(torso).xpos` is an info field of the backend `mjcf`."""

MODEL_ROOTS: Final = ("obs", "action", "info")
"""What the signals and measures of such a task may be made of, besides MuJoCo's names."""
ENV_ROOTS: Final = ("action", "info", *STATE)
"""What its observation and its ends may be made of, besides signals and objects."""
CODE_HINT: Final = ". A function of env.code is read as info.<its name>"

RESERVED: Final[frozenset[str]] = frozenset(_FEWEST_MOST) | {"obs", "info", "reward"}
"""Names that no signal may take. A signal may be called `action`; in a measure that name then means the signal."""


# --- from text to tree ----------------------------------------------------------------------------------------------

_OPERATORS: Final[Mapping[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def _syntax(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise SourceError(f"the expression is {len(text)} characters long; at most {_LONGEST} are read")
    try:
        return syntax.expression(text.strip())
    except SyntaxError as fault:
        raise SourceError(f"not an expression: {fault.msg}", fault.offset) from fault
    except (ValueError, RecursionError, MemoryError) as fault:  # null bytes; hundreds of nested signs or brackets
        raise SourceError(f"not an expression: {fault}") from fault


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns Python's syntax tree into ours, refusing what is not on the list."""

    signals: Mapping[str, Source]
    roots: Sequence[str]
    hint: str

    def build(self, syntax: ast.expr, depth: int) -> Node:
        if depth > _DEEPEST:
            raise SourceError(f"more than {_DEEPEST} operations within one another", _column(syntax))
        match syntax:
            case ast.Constant():
                return self._number(syntax)
            case ast.Name():
                return self._name(syntax)
            case ast.Attribute(value=ast.Call(func=ast.Name(id=kind)) as call) if kind in OBJECTS:
                return _object(call, field=syntax.attr)
            case ast.Attribute():
                return self._field(syntax)
            case ast.Subscript():
                return self._part(syntax, depth)
            case ast.UnaryOp(op=ast.USub()):
                return self._apply("negative", [syntax.operand], syntax, depth)
            case ast.BinOp() if type(syntax.op) in _OPERATORS:
                return self._apply(_OPERATORS[type(syntax.op)], [syntax.left, syntax.right], syntax, depth)
            case ast.Compare():
                return self._compare(syntax, depth)
            case ast.Call(func=ast.Name(id=kind)) if kind in OBJECTS:
                return _object(syntax)
            case ast.Call():
                return self._call(syntax, depth)
        raise SourceError(f"'{ast.unparse(syntax)}' is not part of the expression language", _column(syntax))

    def _apply(self, name: str, args: Sequence[ast.expr], at: ast.expr, depth: int) -> Node:
        return Apply(name=name, args=tuple(self.build(arg, depth + 1) for arg in args), column=_column(at))

    def _number(self, syntax: ast.Constant) -> Node:
        value = syntax.value
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e30:
            raise SourceError(f"{ast.unparse(syntax)} is not a number that can be used here", _column(syntax))
        return Number(value=float(value), column=_column(syntax))

    def _name(self, syntax: ast.Name) -> Node:
        name, column = syntax.id, _column(syntax)
        if name in self.signals:
            return self.signals[name].tree
        if name == "info":
            raise SourceError("'info' needs a field, e.g. info.x_velocity", column)
        if name in _ROOTS:
            return Given(group=name, key=name, column=column)
        if name in STATE:
            return Given(group="info", key=name, column=column)
        if name in OBJECTS:
            raise SourceError(f"'{name}' needs to be told which, e.g. {name}(...)", column)
        if name in _FEWEST_MOST:
            raise SourceError(f"'{name}' is a function; give it its arguments in brackets", column)
        known = list(dict.fromkeys([*self.roots, *self.signals]))
        close = did_you_mean(name, [*known, *STATE])
        raise SourceError(f"unknown name '{name}'.{close} Known: {', '.join(known)}{self.hint}", column)

    def _field(self, syntax: ast.Attribute) -> Node:
        root, keys = _chain(syntax)
        if not isinstance(root, ast.Name) or root.id not in ("obs", "info"):
            raise SourceError(f"'{ast.unparse(syntax)}': only obs and info have fields", _column(syntax))
        prefix = ["obs"] if root.id == "obs" else []
        return Given(group=root.id, key=".".join([*prefix, *keys]), column=_column(syntax))

    def _part(self, syntax: ast.Subscript, depth: int) -> Node:
        match syntax.value, syntax.slice:
            case ast.Name(id="info" | "obs" as group), ast.Constant(value=str(key)):
                return Given(group=group, key=key if group == "info" else f"obs.{key}", column=_column(syntax))
            case value, ast.Slice(step=None) as span:
                at = (_integer(span.lower), _integer(span.upper))
                return Part(of=self.build(value, depth + 1), at=at, column=_column(syntax))
            case value, index:
                whole = _integer(index)
                if whole is None:
                    raise SourceError("brackets take whole numbers, e.g. obs[3] or obs[0:3]", _column(syntax))
                return Part(of=self.build(value, depth + 1), at=whole, column=_column(syntax))

    def _compare(self, syntax: ast.Compare, depth: int) -> Node:
        if len(syntax.ops) > 1 or type(syntax.ops[0]) not in _OPERATORS:
            raise SourceError("compare two values with one of < <= > >= == !=", _column(syntax))
        return self._apply(_OPERATORS[type(syntax.ops[0])], [syntax.left, syntax.comparators[0]], syntax, depth)

    def _call(self, syntax: ast.Call, depth: int) -> Node:
        name = ast.unparse(syntax.func)
        if name not in _FEWEST_MOST:
            known = ", ".join(sorted(_FEWEST_MOST))
            close = did_you_mean(name, [*_FEWEST_MOST, *OBJECTS])
            raise SourceError(f"unknown function '{name}'.{close} Known: {known}", _column(syntax))
        fewest, most = _FEWEST_MOST[name]
        if syntax.keywords or not fewest <= len(syntax.args) <= most:
            wanted = f"{fewest}" if fewest == most else f"{fewest} or more"
            raise SourceError(f"{name}() takes {wanted} in its brackets, got {len(syntax.args)}", _column(syntax))
        return self._apply(name, syntax.args, syntax, depth)


def _object(syntax: ast.Call, field: str = "") -> Given:
    """`body(torso).xpos` as the info field of that name, spelled one way however it was written."""
    names = [_object_name(arg) for arg in syntax.args]
    if syntax.keywords or not names:
        raise SourceError(f"'{ast.unparse(syntax)}' should name what is meant, e.g. body(torso)", _column(syntax))
    key = f"{ast.unparse(syntax.func)}({', '.join(names)}){'.' if field else ''}{field}"
    return Given(group="info", key=key, column=_column(syntax))


def _object_name(syntax: ast.expr) -> str:
    match syntax:
        case ast.Name(id=name):
            return name
        case ast.Constant(value=str(name)):
            return name
    raise SourceError(f"'{ast.unparse(syntax)}' is no plain name; put it in quotes", _column(syntax))


def _chain(syntax: ast.expr) -> tuple[ast.expr, list[str]]:
    keys: list[str] = []
    while isinstance(syntax, ast.Attribute):
        keys.insert(0, syntax.attr)
        syntax = syntax.value
    return syntax, keys


def _integer(syntax: ast.expr | None) -> int | None:
    match syntax:
        case None:
            return None
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))) if not isinstance(value, bool):
            return -value
    raise SourceError("brackets take whole numbers, e.g. obs[3] or obs[0:3]", _column(syntax))


def _column(syntax: ast.expr) -> int:
    return syntax.col_offset + 1
