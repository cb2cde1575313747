"""The first look at reward code: parse it, name what it may not contain, and bring it into the form that is traced.

The gate exists for clear messages with line numbers, and runs before and again inside the worker. It is not what keeps
the machine safe: on its own such a list is known to leak. It never runs code.
"""

from __future__ import annotations

import ast
import builtins
import copy
import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import NoReturn

from rewardsmith import codetext, syntax
from rewardsmith.errors import did_you_mean
from rewardsmith.quoting import CODE_LIMIT
from rewardsmith.sandbox import vocabulary
from rewardsmith.sandbox.faults import FaultFound

FUNCTION = "compute_reward"

# Names for code the gate adds; no source text can spell them.
IS_MASK, IS_ROW_MASK, MASKED, UNMASKED, _INDEX = "<is_mask>", "<is_row_mask>", "<masked>", "<unmasked>", "<index>"
CONVERSIONS = {"float": "<float>", "int": "<int>"}  # called under these names; as types they stay what they are

_NODES = (
    ast.Module, ast.FunctionDef, ast.Lambda, ast.arguments, ast.arg, ast.Return, ast.Delete, ast.Assign, ast.AugAssign,
    ast.For, ast.While, ast.If, ast.With, ast.withitem, ast.Raise, ast.Assert, ast.Expr, ast.Pass, ast.Break,
    ast.Continue, ast.Nonlocal, ast.BoolOp, ast.NamedExpr, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Dict, ast.Set,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.Compare, ast.Call, ast.keyword,
    ast.FormattedValue, ast.JoinedStr, ast.Constant, ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.List,
    ast.Tuple, ast.Slice, ast.Import, ast.ImportFrom, ast.alias, ast.expr_context, ast.boolop, ast.operator,
    ast.unaryop, ast.cmpop,
)  # fmt: skip
_NAMED = {"Global": "global", "ClassDef": "class", "Try": "try", "TryStar": "try"}  # with a sentence of their own
_OBJECTS = frozenset({"self", "cls", "env"})  # what code written for a class of environments reads from
_CALLED = {
    "AsyncFunctionDef": "async", "Await": "async", "AsyncFor": "async", "AsyncWith": "async", "Yield": "yield",
    "YieldFrom": "yield", "Match": "match",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the reward function; `optional` where it has a default value, `kind` its annotation."""

    name: str
    line: int
    optional: bool
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Gated:
    """Code that passed: the tree to be traced, the reward function's name and its arguments."""

    tree: ast.Module
    function: str
    arguments: tuple[Argument, ...]


def check(code: str, declared: Collection[str] = ()) -> Gated:
    """Pass `code` or say what is wrong; `declared` are the signals it could ask for. Raises: FaultFound."""
    try:
        return _check(code, declared)
    except RecursionError:
        raise FaultFound("nesting") from None


def _check(code: str, declared: Collection[str]) -> Gated:
    parsed, plain = _parse(code), _Plain()
    _check_written(parsed)
    tree = plain.visit(parsed)
    _check_nodes(tree)
    _check_names(tree, declared)
    _check_attributes(tree)
    _check_top_level(tree)
    function = _reward_function(tree)
    arguments = tuple(_arguments(function, plain.annotations))
    return Gated(ast.fix_missing_locations(_Traceable().visit(tree)), function.name, arguments)


def check_arguments(
    gated: Gated,
    signals: Mapping[str, object],
    numbers: Mapping[str, object],
    *,
    shown: str = "",
    shown_numbers: str = "",
    task: str = "the task",
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The signals and the named numbers that the function reads, of those that `task` declares.

    `shown` and `shown_numbers` list them for the message. Raises: FaultFound.
    """
    known = (*signals, *numbers)
    for argument in gated.arguments:
        if argument.name not in known and not argument.optional:
            number = argument.kind in ("float", "int")
            raise FaultFound(
                "undeclared_number" if number else "undeclared_argument",
                argument.line,
                name=argument.name,
                suggestion=did_you_mean(argument.name, sorted(numbers if number else known)),
                task=task,
                known=(shown_numbers or ", ".join(numbers)) if number else (shown or ", ".join(sorted(known))),
            )
    names = [argument.name for argument in gated.arguments]
    return tuple(name for name in names if name in signals), tuple(name for name in names if name in numbers)


# --- parsing --------------------------------------------------------------------------------------------------------


def _parse(code: str) -> ast.Module:
    if len(code) > CODE_LIMIT:
        raise FaultFound("too_long", size=str(len(code)), limit=str(CODE_LIMIT))
    try:
        return syntax.module(code.removeprefix("\ufeff"))  # the mark some editors put in front
    except SyntaxError as error:
        raise FaultFound("syntax", error.lineno, detail=error.msg.removesuffix(".")) from None
    except ValueError:
        raise FaultFound("syntax", detail="it holds a character that is not text") from None
    except (RecursionError, MemoryError):
        raise FaultFound("nesting") from None


def _check_written(tree: ast.Module) -> None:
    """Whoever reads code from here on may write any part of it as text; Python fails at these, with a ValueError."""
    if number := codetext.huge_number(tree):
        raise FaultFound("huge_number", number.lineno)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            try:
                ast.unparse(node)
            except ValueError:
                raise FaultFound("f_string", node.lineno) from None


class _Plain(ast.NodeTransformer):
    """Drops what tracing has no use for: annotations, passive decorators, `if __name__ == "__main__"`.

    `annotations` keeps those of arguments.
    """

    def __init__(self) -> None:
        self.annotations: dict[ast.arg, str] = {}

    def visit_Module(self, node: ast.Module) -> ast.Module:
        node.body = [item for item in node.body if not (isinstance(item, ast.If) and _is_never_true(item.test))]
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns, node.type_comment = None, None
        node.decorator_list = [decorator for decorator in node.decorator_list if not _is_passive(decorator)]
        self.generic_visit(node)
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        node.args, node.posonlyargs = [*node.posonlyargs, *node.args], []  # `/`: we call by name
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        if node.annotation:
            self.annotations[node] = ast.unparse(node.annotation)
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        if node.module in _STARRED and node.names[0].name == "*":
            node.names = [ast.alias(name) for name in sorted(vocabulary.OFFERS[node.module])]
        if node.module in vocabulary.TYPE_HINTS:  # what is missing, such as NamedTuple, is a fault where it is used
            node.names = [alias for alias in node.names if alias.name in vocabulary.TYPING]
        named = node.names and node.module != "__future__"
        return node if named else ast.copy_location(ast.Pass(), node)


_STARRED = ("math", "typing", "rewardsmith.geometry")


def _is_never_true(test: ast.expr) -> bool:
    """`__name__ == "__main__"` and `TYPE_CHECKING`."""
    if isinstance(test, ast.Compare):
        return isinstance(test.left, ast.Name) and test.left.id == "__name__"
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _is_passive(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    module, _, name = ast.unparse(called).rpartition(".")
    return module in ("", "torch", "jit", "torch.jit") and name in vocabulary.PASSIVE


# --- what it may hold -----------------------------------------------------------------------------------------------


def _check_top_level(tree: ast.Module) -> None:
    definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AugAssign, ast.Pass)
    allowed = (*definitions, ast.If, ast.For)
    for item in tree.body:
        if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant):
            continue
        if not isinstance(item, allowed) and isinstance(item, _NODES):
            raise FaultFound("top_level", item.lineno)


def _check_nodes(tree: ast.Module) -> None:
    remarks = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings are among them
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            _refuse_construct(node)
        match node:
            case ast.Import():
                _check_import([alias.name for alias in node.names], node.lineno)
            case ast.ImportFrom():
                _check_import_from(node)
            case ast.FunctionDef(decorator_list=[decorator, *_]):
                raise FaultFound("decorator", decorator.lineno)
            case ast.Name(id=name) if name.startswith("__") and name != "__all__":
                raise FaultFound("name", node.lineno, name=name)
            case ast.Constant(value=str(text)) if text.startswith("cuda") and node not in remarks:
                raise FaultFound("device", node.lineno)


def _refuse_construct(node: ast.AST) -> None:
    line = getattr(node, "lineno", None)
    kind = type(node).__name__
    if kind in _NAMED:
        raise FaultFound(_NAMED[kind], line)
    raise FaultFound("construct", line, name=_CALLED.get(kind, kind))


def _check_import(names: Iterable[str], line: int) -> None:
    for name in names:
        package = name.split(".")[0]
        if package == "numpy":
            raise FaultFound("numpy", line)
        if package in vocabulary.OTHER_GEOMETRY:
            raise FaultFound("other_geometry", line, name=name)
        if name not in vocabulary.OFFERS:
            raise FaultFound("random" if name == "random" else "import", line, name=name)


def _check_import_from(node: ast.ImportFrom) -> None:
    _check_import([node.module or "."], node.lineno)
    offered = vocabulary.OFFERS[node.module or "."]
    for alias in node.names:
        if alias.name in vocabulary.RANDOM:
            raise FaultFound("random", node.lineno, name=alias.name)
        if alias.name not in offered:
            _refuse_name(node.module or "", alias.name, offered, node.lineno)


def _check_attributes(tree: ast.Module) -> None:
    for chain in _chains(tree):
        first = chain[-1]
        start = f"{first.value.id}.{first.attr}" if isinstance(first.value, ast.Name) else ""
        for node in chain:
            _check_attribute(node, start)


def _chains(tree: ast.Module) -> Iterator[list[ast.Attribute]]:
    """Every `a.b.c` as its attributes, the last first; each attribute stands in one chain."""
    seen: set[ast.AST] = set()
    for node in ast.walk(tree):
        chain: list[ast.Attribute] = []
        inner = node
        while isinstance(inner, ast.Attribute) and inner not in seen:
            chain.append(inner)
            inner = inner.value
        seen.update(chain)
        if chain:
            yield chain


def _check_attribute(node: ast.Attribute, start: str) -> None:
    """`start`: the first two words of its chain. The whole chain is read only to tell of a fault: it may be long."""
    name = node.attr
    if name in vocabulary.RANDOM or start.startswith("torch.random"):
        raise FaultFound("random", node.lineno, name=_dotted(node) or name)
    if start.startswith(("torch.cuda", "torch.backends")):
        raise FaultFound("device", node.lineno)
    if name == "format" and _is_plain_format(node.value):
        return
    if name in vocabulary.LEAVES_TORCH:
        raise FaultFound("leaves_torch", node.lineno, name=name)
    if name not in vocabulary.ATTRIBUTES:
        dotted = _dotted(node)
        module = dotted.rpartition(".")[0]
        if module.endswith("geometry") or (module.split(".")[0] == "torch" and not name.startswith("_")):
            _refuse_name(module, name, vocabulary.TORCH | vocabulary.FUNCTIONAL, node.lineno)
        if (owner := dotted.partition(".")[0]) in _OBJECTS:
            raise FaultFound("no_object", node.lineno, name=owner)
        suggestion = "" if name.startswith("_") else _close_to(name, vocabulary.ATTRIBUTES)
        raise FaultFound("attribute", node.lineno, name=name, suggestion=suggestion)


def _dotted(node: ast.Attribute) -> str:
    """The text of `a.b.c`; empty where it is an attribute of a value, such as a call's."""
    return ast.unparse(node) if isinstance(node.value, (ast.Name, ast.Attribute)) else ""


def _is_plain_format(text: ast.expr) -> bool:
    """Whether a text's format method can only put its arguments in: no field takes attributes or items of them."""
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        return False
    try:
        fields = [(field or "", spec or "") for _, field, spec, _ in Formatter().parse(text.value)]
    except ValueError:
        return False
    return all(field.isalnum() or not field for field, _ in fields) and not any("{" in spec for _, spec in fields)


def _refuse_name(module: str, name: str, offered: Iterable[str], line: int) -> NoReturn:
    """The fault of asking a module for what it does not offer."""
    if module.endswith("geometry"):
        raise FaultFound("geometry_name", line, name=name, suggestion=_close_to(name, vocabulary.GEOMETRY))
    raise FaultFound("torch_name", line, name=f"{module}.{name}", suggestion=_close_to(name, offered))


def _close_to(name: str, words: Iterable[str]) -> str:
    """A suggestion where a word was plainly mistyped; among so many, something is always a little alike.

    No class is a mistyped function (`Linear`), nor is what works in place a mistyped value (`requires_grad_`).
    """
    if name[:1].isupper() or name.endswith("_"):
        return ""
    close = difflib.get_close_matches(name, sorted(words), n=1, cutoff=0.8)
    return f" Did you mean '{close[0]}'?" if close else ""


def _check_names(tree: ast.Module, declared: Collection[str]) -> None:
    """Every name that is read must be defined somewhere, or be an allowed builtin; functions keep no attributes."""
    _check_no_state_on_functions(tree)
    defined = set(_defined(tree)) | vocabulary.BUILTINS
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load) or node.id in defined:
            continue
        if node.id in ("np", "numpy"):
            raise FaultFound("numpy", node.lineno)
        if hasattr(builtins, node.id):
            raise FaultFound("name", node.lineno, name=node.id)
        if node.id in vocabulary.IMPORTS:
            raise FaultFound("missing_import", node.lineno, name=node.id, statement=vocabulary.IMPORTS[node.id])
        if node.id in declared:
            raise FaultFound("not_asked_for", node.lineno, name=node.id)
        if node.id in _OBJECTS:
            raise FaultFound("no_object", node.lineno, name=node.id)
        suggestion = did_you_mean(node.id, sorted(defined - vocabulary.BUILTINS))
        raise FaultFound("unknown_name", node.lineno, name=node.id, suggestion=suggestion)


def _check_no_state_on_functions(tree: ast.Module) -> None:
    """No attribute of a function, unless its name is also an argument's or a value's and the attribute is only read."""
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    values = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    values |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            only_read = isinstance(node.ctx, ast.Load)
            if node.value.id in (functions - values if only_read else functions):
                raise FaultFound("global", node.lineno)


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias():
                yield node.asname or node.name.split(".")[0]


# --- the function ---------------------------------------------------------------------------------------------------


def _reward_function(tree: ast.Module) -> ast.FunctionDef:
    """The function called compute_reward, or the one that is plainly meant: no other uses it, and its name says so."""
    functions = {item.name: item for item in tree.body if isinstance(item, ast.FunctionDef)}
    if FUNCTION in functions:
        return functions[FUNCTION]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    free = [name for name in functions if name not in used]
    meant = [name for name in free if name.startswith(FUNCTION)] or [name for name in free if "reward" in name] or free
    if not meant:
        raise FaultFound("no_function")
    if len(meant) > 1:
        raise FaultFound("several_functions", functions[meant[1]].lineno, names=", ".join(meant))
    return functions[meant[0]]


def _arguments(function: ast.FunctionDef, kinds: Mapping[ast.arg, str]) -> Iterator[Argument]:
    given = function.args
    if given.vararg or given.kwarg:
        raise FaultFound("star_arguments", function.lineno)
    if not any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(function)):
        raise FaultFound("no_return", function.lineno)
    positional = [*given.posonlyargs, *given.args]
    first_optional = len(positional) - len(given.defaults)
    for i, arg in enumerate(positional):
        yield Argument(arg.arg, arg.lineno, i >= first_optional, kinds.get(arg, ""))
    for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield Argument(arg.arg, arg.lineno, default is not None, kinds.get(arg, ""))


# --- x[mask] = v, x[mask] op= v, float(x), int(x) -------------------------------------------------------------------

Combine = Callable[[ast.expr, ast.expr], ast.expr]


class _Traceable(ast.NodeTransformer):
    """Rewrites what could not be traced as it stands: writes under a mask become a choice per element, on all rows.

    `x[m] += y[m]` becomes `if <is_mask>(<index> := m): x[...] = <masked>(<index>, <all of x> + <all of y>, x[...])`
    and, where m turns out to be no mask, `x[<index>] += y[m]`. `x[m, 2] = v` is taken for a write to `x[:, 2]` in the
    same way. What is computed of places that are not meant is discarded by the choice.
    """

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        return _chosen(node, node.target, lambda whole, value: ast.BinOp(left=whole, op=node.op, right=value))

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        self.generic_visit(node)
        return _chosen(node, node.targets[0], lambda _, value: value) if len(node.targets) == 1 else node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name):
            node.func.id = CONVERSIONS.get(node.func.id, node.func.id)
        return node


def _chosen(node: ast.Assign | ast.AugAssign, target: ast.expr, combine: Combine) -> ast.stmt:
    """`node`, or where it may write under a mask the choice between the two readings."""
    if not isinstance(target, ast.Subscript):
        return node
    mask, columns = _mask_and_columns(target.slice)
    if _is_fixed(mask):
        return node
    everything = ast.Tuple([ast.Slice(), *columns], ast.Load()) if columns else ast.Constant(...)
    whole = ast.Subscript(target.value, everything, ast.Load())
    own: ast.expr = copy.deepcopy(whole)
    if not columns:
        own = _call(UNMASKED, ast.Name(_INDEX, ast.Load()), own, ast.Constant(value=True))
    value = combine(own, _Unmask(mask, columns, node.value).visit(copy.deepcopy(node.value)))
    write = ast.Assign(
        targets=[ast.Subscript(copy.deepcopy(target.value), everything, ast.Store())],
        value=_call(MASKED, ast.Name(_INDEX, ast.Load()), value, copy.deepcopy(whole)),
    )
    seen = ast.NamedExpr(target=ast.Name(_INDEX, ast.Store()), value=mask)
    target.slice = _with_mask(columns, ast.Name(_INDEX, ast.Load()))
    called = [column for column in columns if isinstance(column, ast.Name)]
    choice = ast.If(test=_call(IS_ROW_MASK if columns else IS_MASK, seen, *called), body=[write], orelse=[node])
    return ast.copy_location(choice, node)


def _mask_and_columns(index: ast.expr, names: Collection[str] | None = None) -> tuple[ast.expr, list[ast.expr]]:
    """What may be a mask in an index, and the columns after it: fixed, or called by one of `names`, None: by any."""
    if isinstance(index, ast.Tuple) and len(index.elts) > 1:
        mask, *columns = index.elts
        if all(_is_fixed(c) or (isinstance(c, ast.Name) and (names is None or c.id in names)) for c in columns):
            return mask, columns
    return index, []


def _with_mask(columns: list[ast.expr], mask: ast.expr) -> ast.expr:
    return ast.Tuple([mask, *columns], ast.Load()) if columns else mask


def _is_fixed(index: ast.expr) -> bool:
    """Whether an index is plainly no mask."""
    if isinstance(index, ast.UnaryOp):
        return not isinstance(index.op, ast.Invert)
    return isinstance(index, (ast.Slice, ast.Constant, ast.Tuple, ast.JoinedStr))


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(name, ast.Load()), args=list(args), keywords=[])


class _Unmask(ast.NodeTransformer):
    """Reads `y[mask]` as `<unmasked>(y)` and `y[mask, 2]` as `<unmasked>(y)[:, 2]`, a copy where it may be written."""

    def __init__(self, mask: ast.expr, columns: Sequence[ast.expr], value: ast.expr) -> None:
        self._mask = ast.dump(mask)
        self._written = any(isinstance(n, ast.Attribute) and n.attr.endswith("_") for n in ast.walk(value))
        self._names = {column.id for column in columns if isinstance(column, ast.Name)}

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        mask, columns = _mask_and_columns(node.slice, self._names)
        if ast.dump(mask) != self._mask:
            return node
        whole: ast.expr = _call(UNMASKED, ast.Name(_INDEX, ast.Load()), node.value, ast.Constant(value=False))
        if columns:
            whole = ast.Subscript(whole, ast.Tuple([ast.Slice(), *columns], ast.Load()), ast.Load())
        return ast.Call(ast.Attribute(whole, "clone", ast.Load()), args=[], keywords=[]) if self._written else whole
