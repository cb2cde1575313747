"""How the offline proposer builds on a reward that it did not write: a person's, or a language model's.

The foreign function is renamed and called, its text otherwise kept as it stands. Code whose shape is not plain enough
for that to be safe is refused (None); nothing here runs it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rewardsmith import syntax
from rewardsmith.types import Task

SEAM = "# --- above: the reward this one builds on; below: what the rule-based search adds ---"


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """A foreign reward, its entry renamed to `function`. `words` are the names and short strings its text uses.

    `arguments` are what the task declares of those it asks for; `call` is how it is called with them.
    """

    source: str
    function: str
    arguments: tuple[str, ...]
    call: str
    words: frozenset[str]


def split(code: str) -> tuple[str | None, str]:
    """The text above the last seam (None where there is no seam) and the text below it."""
    above, seam, below = code.rpartition(f"\n{SEAM}\n")
    return (above.rstrip(), below) if seam else (None, code)


def graft(code: str, task: Task) -> Base | None:
    """A foreign reward made ready to be called, or None where that cannot be done safely by its syntax alone."""
    tree = _tree(code)
    entry = None if tree is None else _entry(tree)
    if tree is None or entry is None or _mentioned(tree, entry.name):
        return None
    words = _words(tree)
    free = next(n for n in _base_names() if n not in words)
    lines = code.rstrip().split("\n")
    lines[entry.lineno - 1] = re.sub(
        rf"\bdef\s+{re.escape(entry.name)}\b", f"def {free}", lines[entry.lineno - 1], count=1
    )
    return grafted("\n".join(lines), task)


def grafted(source: str, task: Task) -> Base | None:
    """The base in `source`, entered by its highest-numbered `base_reward`; None where it is not plain enough."""
    tree = _tree(source)
    functions = {} if tree is None else {f.name: f for f in _functions(tree)}
    names = [n for n in functions if re.fullmatch(r"base_reward(_[1-9]\d{0,3})?", n)]
    if tree is None or not names or not _imports_torch(tree):
        return None
    entry = functions[max(names, key=lambda n: (len(n), n))]
    arguments = _given(entry, task)
    if arguments is None or not _returns_pairs(entry):
        return None
    return Base(
        source=source,
        function=entry.name,
        arguments=tuple(arguments),
        call=f"{entry.name}({', '.join(arguments.values())})",
        words=_words(tree),
    )


def _tree(code: str) -> ast.Module | None:
    try:
        return syntax.module(code)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def _entry(tree: ast.Module) -> ast.FunctionDef | None:
    functions = _functions(tree)
    named = [f for f in functions if f.name == "compute_reward"]
    close = [f for f in functions if f.name.startswith("compute_reward")]
    return next((found[0] for found in (named, close, functions) if len(found) == 1), None)


def _mentioned(tree: ast.Module, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _base_names() -> Iterator[str]:
    yield "base_reward"
    n = 2
    while True:
        yield f"base_reward_{n}"
        n += 1


def _words(tree: ast.Module) -> frozenset[str]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    strings = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return frozenset(names | {s for s in strings if len(s) < 64})


def _imports_torch(tree: ast.Module) -> bool:
    imported = (a for node in tree.body if isinstance(node, ast.Import) for a in node.names)
    return any(a.name == "torch" and a.asname is None for a in imported)


def _given(function: ast.FunctionDef, task: Task) -> dict[str, str] | None:
    """What a call gives for each argument that the task declares; one of the function's own keeps its default value.

    None where an argument has neither, is not plain, or would have a number of the task as an `int`.
    """
    a = function.args
    if a.posonlyargs or a.kwonlyargs or a.vararg or a.kwarg:
        return None
    given: dict[str, str] = {}
    readable = _readable(task)
    for i, argument in enumerate(a.args):
        name = argument.arg
        if name in readable:
            given[name] = name if len(given) == i else f"{name}={name}"
        elif i < len(a.args) - len(a.defaults):
            return None
    return None if any(_whole(argument) for argument in a.args if argument.arg in given) else given


def _whole(argument: ast.arg) -> bool:
    return isinstance(argument.annotation, ast.Name) and argument.annotation.id == "int"


def _readable(task: Task) -> set[str]:
    names = {s.name for s in task.signals}
    return names | {f"prev_{n}" for n in names} | {"episode_progress", *task.numbers()}


def _returns_pairs(function: ast.FunctionDef) -> bool:
    returns = [node for node in _own(function.body) if isinstance(node, ast.Return)]
    return bool(returns) and all(isinstance(r.value, ast.Tuple) and len(r.value.elts) == 2 for r in returns)


def _own(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """All nodes of a function's body, those of functions inside it left out."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield node
            todo.extend(ast.iter_child_nodes(node))
