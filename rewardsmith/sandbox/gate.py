"""The first look at reward code: parse it, name what it may not contain, and bring it into the form that is traced.

The gate exists for clear messages with line numbers, and runs before and again inside the worker. It is not what keeps
the machine safe: on its own such a list is known to leak. It never runs code.
"""

from __future__ import annotations

import ast
import builtins
import copy
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rewardsmith.errors import did_you_mean
from rewardsmith.sandbox import vocabulary
from rewardsmith.sandbox.faults import FaultFound

MAX_CODE = 40_000  # characters
FUNCTION = "compute_reward"

# Names for code the gate adds; no source text can spell them.
IS_MASK, MASKED = "<is_mask>", "<masked>"

_NODES = (
    ast.Module, ast.FunctionDef, ast.Lambda, ast.arguments, ast.arg, ast.Return, ast.Delete, ast.Assign, ast.AugAssign,
    ast.For, ast.While, ast.If, ast.With, ast.withitem, ast.Raise, ast.Assert, ast.Expr, ast.Pass, ast.Break,
    ast.Continue, ast.Nonlocal, ast.BoolOp, ast.NamedExpr, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Dict, ast.Set,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.Compare, ast.Call, ast.keyword,
    ast.FormattedValue, ast.JoinedStr, ast.Constant, ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.List,
    ast.Tuple, ast.Slice, ast.Import, ast.ImportFrom, ast.alias, ast.expr_context, ast.boolop, ast.operator,
    ast.unaryop, ast.cmpop,
)  # fmt: skip
_CALLED = {
    "ClassDef": "a class", "Try": "try and except", "TryStar": "try and except", "AsyncFunctionDef": "async",
    "Await": "async", "AsyncFor": "async", "AsyncWith": "async", "Yield": "yield", "YieldFrom": "yield",
    "Match": "match",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the reward function; `optional` where it has a default value."""

    name: str
    line: int
    optional: bool


@dataclass(frozen=True, slots=True)
class Gated:
    """Code that passed: the tree to be traced, the reward function's name and its arguments."""

    tree: ast.Module
    function: str
    arguments: tuple[Argument, ...]


def check(code: str) -> Gated:
    """Pass `code` or say what is wrong. Raises: FaultFound."""
    try:
        return _check(code)
    except RecursionError:
        raise FaultFound("nesting") from None


def _check(code: str) -> Gated:
    tree = _Plain().visit(_parse(code))
    _check_nodes(tree)
    _check_top_level(tree)
    function = _reward_function(tree)
    _check_names(tree)
    arguments = tuple(_arguments(function))
    masked = ast.fix_missing_locations(_MaskedWrites().visit(tree))
    return Gated(masked, function.name, arguments)


def check_arguments(
    gated: Gated, declared: Iterable[str], *, shown: str = "", task: str = "the task"
) -> tuple[str, ...]:
    """The declared inputs the function reads. `shown` lists what `task` declares, for the message.

    Raises: FaultFound.
    """
    known = set(declared)
    for argument in gated.arguments:
        if argument.name not in known and not argument.optional:
            suggestion = did_you_mean(argument.name, sorted(known))
            raise FaultFound(
                "undeclared_argument",
                argument.line,
                name=argument.name,
                suggestion=suggestion,
                task=task,
                known=shown or ", ".join(sorted(known)),
            )
    return tuple(argument.name for argument in gated.arguments if argument.name in known)


# --- parsing --------------------------------------------------------------------------------------------------------


def _parse(code: str) -> ast.Module:
    if len(code) > MAX_CODE:
        raise FaultFound("too_long", size=str(len(code)), limit=str(MAX_CODE))
    try:
        return ast.parse(code)
    except SyntaxError as error:
        raise FaultFound("syntax", error.lineno, detail=error.msg.removesuffix(".")) from None
    except ValueError:
        raise FaultFound("syntax", detail="it holds a character that is not text") from None
    except (RecursionError, MemoryError):
        raise FaultFound("nesting") from None


class _Plain(ast.NodeTransformer):
    """Drops what tracing has no use for: annotations, typing, @torch.jit.script, `if __name__ == "__main__"`."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        node.body = [item for item in node.body if not (isinstance(item, ast.If) and _is_main_guard(item.test))]
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns, node.type_comment = None, None
        kept = [decorator for decorator in node.decorator_list if not _is_script(decorator)]
        if kept:
            raise FaultFound("construct", kept[0].lineno, name="decorators other than @torch.jit.script")
        node.decorator_list = []
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_Import(self, node: ast.Import) -> ast.stmt:
        node.names = [alias for alias in node.names if alias.name not in vocabulary.TYPE_HINTS or alias.asname]
        return node if node.names else ast.copy_location(ast.Pass(), node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        return ast.copy_location(ast.Pass(), node) if node.module in vocabulary.TYPE_HINTS else node


def _is_main_guard(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _is_script(decorator: ast.expr) -> bool:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    return ast.unparse(decorator) in ("torch.jit.script", "jit.script", "script")


# --- what it may hold -----------------------------------------------------------------------------------------------


def _check_top_level(tree: ast.Module) -> None:
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.Pass)
    for item in tree.body:
        if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant):
            continue
        if not isinstance(item, allowed) and isinstance(item, _NODES):
            raise FaultFound("top_level", item.lineno)


def _check_nodes(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            _refuse_construct(node)
        match node:
            case ast.Import():
                _check_import([alias.name for alias in node.names], node.lineno)
            case ast.ImportFrom():
                _check_import_from(node)
            case ast.Attribute():
                _check_attribute(node)
            case ast.Name(id=name) if name.startswith("__"):
                raise FaultFound("name", node.lineno, name=name)
            case ast.Constant(value=str(text)) if text.startswith("cuda"):
                raise FaultFound("device", node.lineno)


def _refuse_construct(node: ast.AST) -> None:
    line = getattr(node, "lineno", None)
    if isinstance(node, ast.Global):
        raise FaultFound("global", line)
    kind = type(node).__name__
    raise FaultFound("construct", line, name=_CALLED.get(kind, kind))


def _check_import(names: Iterable[str], line: int) -> None:
    for name in names:
        if name.split(".")[0] == "numpy":
            raise FaultFound("numpy", line)
        if name not in vocabulary.MODULES and name not in ("torch.nn", "torch.nn.functional", "torch.linalg"):
            raise FaultFound("random" if name == "random" else "import", line, name=name)


def _check_import_from(node: ast.ImportFrom) -> None:
    _check_import([node.module or "."], node.lineno)
    offered = vocabulary.ATTRIBUTES if node.module != "math" else vocabulary.MATH
    for alias in node.names:
        if alias.name in vocabulary.RANDOM:
            raise FaultFound("random", node.lineno, name=alias.name)
        if alias.name not in offered:
            raise FaultFound("torch_name", node.lineno, name=f"{node.module}.{alias.name}")


def _check_attribute(node: ast.Attribute) -> None:
    name, dotted = node.attr, ast.unparse(node) if isinstance(node.value, (ast.Name, ast.Attribute)) else ""
    if name in vocabulary.RANDOM or dotted.startswith("torch.random"):
        raise FaultFound("random", node.lineno, name=dotted or name)
    if dotted.startswith("torch.cuda") or dotted.startswith("torch.backends"):
        raise FaultFound("device", node.lineno)
    if name == "cdist":
        raise FaultFound("cdist", node.lineno)
    if name in vocabulary.LEAVES_TORCH:
        raise FaultFound("leaves_torch", node.lineno, name=name)
    if name not in vocabulary.ATTRIBUTES:
        if dotted.startswith("torch.") and not name.startswith("_"):
            suggestion = _close_to(name, vocabulary.TORCH | vocabulary.FUNCTIONAL)
            raise FaultFound("torch_name", node.lineno, name=dotted, suggestion=suggestion)
        suggestion = "" if name.startswith("_") else _close_to(name, vocabulary.ATTRIBUTES)
        raise FaultFound("attribute", node.lineno, name=name, suggestion=suggestion)


def _close_to(name: str, words: Iterable[str]) -> str:
    """A suggestion where a word was plainly mistyped; among so many, something is always a little alike."""
    close = difflib.get_close_matches(name, sorted(words), n=1, cutoff=0.8)
    return f" Did you mean '{close[0]}'?" if close else ""


def _check_names(tree: ast.Module) -> None:
    """Every name that is read must be defined somewhere, or be an allowed builtin."""
    defined = set(_defined(tree)) | vocabulary.BUILTINS
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load) or node.id in defined:
            continue
        if node.id in ("np", "numpy"):
            raise FaultFound("numpy", node.lineno)
        if hasattr(builtins, node.id):
            raise FaultFound("name", node.lineno, name=node.id)
        suggestion = did_you_mean(node.id, sorted(defined - vocabulary.BUILTINS))
        raise FaultFound("unknown_name", node.lineno, name=node.id, suggestion=suggestion)


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.alias():
                yield node.asname or node.name.split(".")[0]


# --- the function ---------------------------------------------------------------------------------------------------


def _reward_function(tree: ast.Module) -> ast.FunctionDef:
    """The function called compute_reward, or the one that is plainly meant."""
    functions = {item.name: item for item in tree.body if isinstance(item, ast.FunctionDef)}
    if FUNCTION in functions:
        return functions[FUNCTION]
    named = [name for name in functions if name.startswith(FUNCTION)]
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    meant = named or [name for name in functions if name not in called]
    if not meant:
        raise FaultFound("no_function")
    if len(meant) > 1:
        raise FaultFound("several_functions", functions[meant[1]].lineno, names=", ".join(meant))
    return functions[meant[0]]


def _arguments(function: ast.FunctionDef) -> Iterator[Argument]:
    given = function.args
    if given.vararg or given.kwarg:
        raise FaultFound("star_arguments", function.lineno)
    if not any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(function)):
        raise FaultFound("no_return", function.lineno)
    positional = [*given.posonlyargs, *given.args]
    first_optional = len(positional) - len(given.defaults)
    for i, arg in enumerate(positional):
        yield Argument(arg.arg, arg.lineno, optional=i >= first_optional)
    for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield Argument(arg.arg, arg.lineno, optional=default is not None)


# --- x[mask] = v and x[mask] op= v ----------------------------------------------------------------------------------


class _MaskedWrites(ast.NodeTransformer):
    """Rewrites writes under a mask into a choice per element, keeping all rows.

    `x[m] += y[m]` becomes `if <is_mask>(m): x = <masked>(m, x + y, x)` `else: x[m] += y[m]`; whether m is a mask shows
    only when the code is traced.
    """

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        target = node.target
        if not isinstance(target, ast.Subscript) or not _may_be_mask(target):
            return node
        whole = ast.Name(id=_base(target), ctx=ast.Load())
        return _choose(node, target, ast.BinOp(left=whole, op=node.op, right=_without_mask(node.value, target.slice)))

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        self.generic_visit(node)
        target = node.targets[0]
        if len(node.targets) != 1 or not isinstance(target, ast.Subscript) or not _may_be_mask(target):
            return node
        return _choose(node, target, _without_mask(node.value, target.slice))


def _may_be_mask(target: ast.Subscript) -> bool:
    constant = (ast.Slice, ast.Constant, ast.Tuple, ast.UnaryOp, ast.JoinedStr)
    inverted = isinstance(target.slice, ast.UnaryOp) and isinstance(target.slice.op, ast.Invert)
    return isinstance(target.value, ast.Name) and (inverted or not isinstance(target.slice, constant))


def _base(target: ast.Subscript) -> str:
    assert isinstance(target.value, ast.Name)
    return target.value.id


def _choose(node: ast.stmt, target: ast.Subscript, value: ast.expr) -> ast.stmt:
    name, mask = _base(target), target.slice
    test = ast.Call(func=ast.Name(id=IS_MASK, ctx=ast.Load()), args=[copy.deepcopy(mask)], keywords=[])
    whole = ast.Name(id=name, ctx=ast.Load())
    chosen = ast.Call(func=ast.Name(id=MASKED, ctx=ast.Load()), args=[copy.deepcopy(mask), value, whole], keywords=[])
    write = ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=chosen)
    return ast.copy_location(ast.If(test=test, body=[write], orelse=[node]), node)


def _without_mask(value: ast.expr, mask: ast.expr) -> ast.expr:
    return _Unmask(ast.dump(mask)).visit(copy.deepcopy(value))  # type: ignore[no-any-return]


class _Unmask(ast.NodeTransformer):
    """Reads `y[mask]` as `y`: the rows that are not meant are discarded by the choice around it."""

    def __init__(self, mask: str) -> None:
        self._mask = mask

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        return node.value if ast.dump(node.slice) == self._mask else node
