"""Takes a component out of reward code: out of its dict, out of the total, and whatever served it alone.

It is done by the text, so that what stays reads as it was written. Where the text does not say plainly what belongs to
a component (`near * far`, names made in a loop), nothing is changed and the reason is given. Nothing here runs.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rewardsmith.codetext import Places, Span, edited, entry, named_numbers, parsed, value_of

_MOST_EDITS = 100
_LET_THROUGH = frozenset({"clamp", "clip", "nan_to_num"})
"""What leaves a sum as it is, but at its bounds."""
_NO_TERM = "somewhere in the total it is no term of a sum"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stuck:
    """Why a component cannot be taken out by the text alone."""

    why: str


def without(code: str, component: str) -> str | Stuck:
    """`code` without that component; all else computes what it did."""
    shorter = code
    for _ in range(_MOST_EDITS):
        reward = _read(shorter)
        if isinstance(reward, Stuck):
            return reward
        found = reward.cut_from_total(component)
        if isinstance(found, Stuck):
            return found
        if found is None:
            break
        shorter = found
    else:
        return Stuck(why="it stands in the total too often")
    if shorter == code and not reward.sums_dict:
        return Stuck(why="the total does not name it as a term of a sum")
    return _tidied(reward.cut_from_dict(component), like=code)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """One component: an item of a dict (`holder`, `place`), or a statement `components["name"] = value`."""

    value: ast.expr
    holder: ast.Dict | ast.Call | ast.Assign
    place: int = 0


def _read(code: str) -> _Reward | Stuck:
    tree = parsed(code)
    function = None if tree is None else entry(tree)
    if tree is None or function is None:
        return Stuck(why="the code has no single reward function")
    returns = [node for node in _own(function.body) if isinstance(node, ast.Return)]
    match returns:
        case [ast.Return(value=ast.Tuple(elts=[total, components]))]:
            return _Reward(code, tree, function, total, components)
    return Stuck(why="the code does not return a total and its components in one place")


class _Reward:
    """Reward code with its total and its components found."""

    def __init__(
        self, code: str, tree: ast.Module, function: ast.FunctionDef, total: ast.expr, components: ast.expr
    ) -> None:
        self._code, self._places, self._function = code, Places(code), function
        self._total, self._components = total, components
        self._numbers = {name for name, _ in named_numbers(tree)}
        self._assigned: dict[str, list[ast.Assign | ast.AnnAssign | ast.AugAssign]] = {}
        for node in _own(function.body):
            name = _target(node)
            if name is not None and isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                self._assigned.setdefault(name, []).append(node)
        self._looped = dict(_looped(function))
        self._entries = dict(self._items())
        self._variables = {e.value.id for e in self._entries.values() if isinstance(e.value, ast.Name)}

    @property
    def sums_dict(self) -> bool:
        """Whether the dict is used as a whole, as in `sum(components.values())`."""
        by_key = {id(n.value) for n in ast.walk(self._function) if isinstance(n, ast.Subscript) and _key(n.slice)}
        loads = (n for n in ast.walk(self._function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
        return any(self._is_dict(n) and n is not self._components and id(n) not in by_key for n in loads)

    def _is_dict(self, node: ast.expr) -> bool:
        """Whether the node is the variable that holds the components."""
        return isinstance(node, ast.Name) and isinstance(self._components, ast.Name) and node.id == self._components.id

    # --- the dict ---------------------------------------------------------------------------------------------------

    def _items(self) -> Iterator[tuple[str, _Entry]]:
        tables: list[ast.expr | None] = [self._components]
        if isinstance(self._components, ast.Name):
            name = self._components.id
            tables = [statement.value for statement in self._assigned.get(name, [])]
            for node in _own(self._function.body):
                match node:
                    case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=written), slice=at)], value=put):
                        if written == name and _key(at):
                            yield _key(at), _Entry(value=put, holder=node)
        for table in tables:
            match table:
                case ast.Dict(keys=keys, values=values):
                    for i, (key, value) in enumerate(zip(keys, values, strict=True)):
                        yield _key(key), _Entry(value=value, holder=table, place=i)
                case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
                    for i, keyword in enumerate(keywords):
                        yield keyword.arg or "", _Entry(value=keyword.value, holder=table, place=i)

    def cut_from_dict(self, component: str) -> str:
        found = self._entries[component]
        match found.holder:
            case ast.Assign() as statement:
                return _without_statement(self._code, statement, self._places)
            case ast.Dict(keys=keys, values=values):
                spans = [self._item_span(k, v) for k, v in zip(keys, values, strict=True)]
                return self._without_item(found.holder, spans, found.place)
            case ast.Call(keywords=keywords):
                spans = [self._places.of(k) for k in keywords]
                return self._without_item(found.holder, spans, found.place)

    def _item_span(self, key: ast.expr | None, value: ast.expr) -> Span:
        """From a key to the end of its value, the parentheses around that included."""
        if key is None:
            return self._places.of(value)
        start, after = self._places.of(key)
        return start, _outer(self._code, self._places.of(value), (after, len(self._code)))[1]

    def _without_item(self, holder: ast.expr, spans: Sequence[Span], place: int) -> str:
        return _without_item(self._code, spans, place, self._places.of(holder))

    # --- the total --------------------------------------------------------------------------------------------------

    def cut_from_total(self, component: str) -> str | Stuck | None:
        """The code with one term that is the component's taken out of the total; None where there is none (left)."""
        found = self._entries.get(component)
        if found is None:
            return Stuck(why="its name is not written out where the components are put together")
        if len(self._entries) == 1:
            return Stuck(why="it is the only component")
        cuts = list(self._cuts(self._total, component, found.value, set()))
        return next((c for c in cuts if isinstance(c, Stuck)), next(iter(cuts), None))

    def _cuts(self, node: ast.expr, component: str, value: ast.expr, seen: set[str]) -> Iterator[str | Stuck]:
        """The code without one term, for each term that is the component's; `Stuck` where it is none."""
        if self._is_term(node, component, value):
            yield Stuck(why=_NO_TERM)
            return
        if isinstance(node, ast.Name):
            if node.id in seen | self._variables or self._is_dict(node):
                return
            seen.add(node.id)
            for statement in self._assigned.get(node.id, []):
                yield from self._cuts_in(statement, component, value, seen)
        parts, rest = self._split(node, component, value)
        for part in parts:
            if self._is_term(part, component, value):
                yield self._without_part(node, part)
            else:
                yield from self._cuts(part, component, value, seen)
        if any(self._mentions(other, component, value, set()) for other in rest):
            yield Stuck(why=_NO_TERM)

    def _cuts_in(
        self, statement: ast.Assign | ast.AnnAssign | ast.AugAssign, component: str, value: ast.expr, seen: set[str]
    ) -> Iterator[str | Stuck]:
        """As `_cuts`, of what a statement makes of a variable."""
        match statement:
            case ast.AugAssign(op=ast.Add() | ast.Sub(), value=added) if self._is_term(added, component, value):
                yield _without_statement(self._code, statement, self._places)
            case ast.AugAssign(target=ast.Name() as target, op=op, value=other):
                yield from self._cuts(ast.BinOp(left=target, op=op, right=other), component, value, seen)
            case ast.Assign(value=assigned) | ast.AnnAssign(value=ast.expr() as assigned):
                if not isinstance(assigned, ast.Dict):
                    yield from self._cuts(assigned, component, value, seen)

    def _split(self, node: ast.expr, component: str, value: ast.expr) -> tuple[Sequence[ast.expr], Sequence[ast.AST]]:
        """What a value is a sum of, each part times the same factor; and what else decides it."""
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
                return (left, right), ()
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return ((right,), (left,)) if self._mentions(right, component, value, set()) else ((left,), (right,))
            case ast.BinOp(op=ast.Div(), left=left, right=right):
                return (left,), (right,)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner) | ast.Starred(value=inner):
                return (inner,), ()
            case ast.List(elts=elts) | ast.Tuple(elts=elts):
                return elts, ()
            case ast.Name(id=name):
                return self._looped.get(name, ()), ()
            case ast.Subscript(value=holder) if self._is_dict(holder):
                return (), ()
            case ast.GeneratorExp(elt=each, generators=[ast.comprehension(iter=over, ifs=[])]):
                return (each, over), ()
            case ast.ListComp(elt=each, generators=[ast.comprehension(iter=over, ifs=[])]):
                return (each, over), ()
            case ast.Call():
                return self._split_call(node)
        return (), (node,)

    def _split_call(self, call: ast.Call) -> tuple[Sequence[ast.expr], Sequence[ast.AST]]:
        """As `_split`: a sum of a list or of a stack of one, the dict's values, and what lets a sum through."""
        match call.func:
            case ast.Attribute(value=holder, attr="values" | "items" | "keys") if self._is_dict(holder):
                return (), ()
            case ast.Name(id="sum" | "list" | "tuple") if call.args:
                return call.args[:1], (*call.args[1:], *call.keywords)
        name, first, rest = _called(call)
        if first is not None and name in _LET_THROUGH:
            return (first,), rest
        if first is not None and name == "sum":
            for form in self._forms(first):
                inner, listed, _ = _called(form)
                if inner == "stack" and listed is not None:
                    return (listed,), rest
        return (), (call,)

    def _mentions(self, node: ast.AST, component: str, value: ast.expr, seen: set[str]) -> bool:
        """Whether a value depends on the component, or on the dict as a whole; other components are not looked into."""
        if isinstance(node, ast.expr) and self._is_term(node, component, value):
            return True
        inside: Iterable[ast.AST] = ast.iter_child_nodes(node)
        match node:
            case ast.Subscript(value=holder, slice=key) if self._is_dict(holder) and _key(key):
                return False
            case ast.Name() if self._is_dict(node):
                return True
            case ast.Name(id=name) if name in seen | self._variables:
                return False
            case ast.Name(id=name):
                seen.add(name)
                made = (s.value for s in self._assigned.get(name, []) if s.value is not None)
                inside = (*made, *self._looped.get(name, ()))
        return any(self._mentions(child, component, value, seen) for child in inside)

    def _without_part(self, node: ast.expr, part: ast.expr) -> str | Stuck:
        """The code without one part of a sum or of a list of terms."""
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
                return self._kept_of(node, left if part is right else right)
            case ast.List(elts=elts) | ast.Tuple(elts=elts) if len(elts) > 1:
                return self._without_item(node, [self._places.of(e) for e in elts], elts.index(part))
        return Stuck(why=_NO_TERM)

    def _kept_of(self, node: ast.BinOp, side: ast.expr) -> str:
        """The code with one side of a sum in its place."""
        whole = self._places.of(node)
        left = _outer(self._code, self._places.of(node.left), whole)
        right = _outer(self._code, self._places.of(node.right), (left[1], whole[1]))
        minus = "-" if side is node.right and isinstance(node.op, ast.Sub) else ""
        return edited(self._code, {whole: minus + self._code[slice(*(left if side is node.left else right))]})

    def _is_term(self, node: ast.expr, component: str, value: ast.expr) -> bool:
        """Whether the node is the component, up to numbers in front of it."""
        match node:
            case ast.Subscript(value=holder, slice=key) if self._is_dict(holder):
                return _key(key) == component
        if self._has_twin(component):
            return isinstance(value, ast.Name) and self._same(node, value)
        return self._alike(node, value)

    def _has_twin(self, component: str) -> bool:
        """Whether another component is the same up to numbers, so that only its name tells which a term is."""
        mine = self._entries[component].value
        return any(self._alike(other.value, mine) for name, other in self._entries.items() if name != component)

    def _alike(self, one: ast.expr, other: ast.expr) -> bool:
        """Whether two expressions are the same up to numbers, whether by name or written out."""
        return any(self._same(a, b) for a in self._forms(one) for b in self._forms(other))

    def _forms(self, node: ast.expr) -> list[ast.expr]:
        """The expression, and what it stands for where it is a variable that is assigned once."""
        statements = self._assigned.get(node.id, []) if isinstance(node, ast.Name) else []
        return [node, *(s.value for s in statements if s.value is not None and len(statements) == 1)]

    def _same(self, term: ast.expr, value: ast.expr) -> bool:
        mine, its = Counter(self._factors(term)), Counter(self._factors(value))
        return bool(mine) and mine == its

    def _factors(self, node: ast.expr) -> Iterator[str]:
        """What is multiplied in a product, numbers and signs left out."""
        match node:
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
                yield from self._factors(inner)
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                yield from self._factors(left)
                yield from self._factors(right)
            case ast.Name(id=name) if name in self._numbers:
                return
            case _ if value_of(node) is None:
                yield ast.dump(node)


# --- what served the component alone --------------------------------------------------------------------------------


def _tidied(code: str, *, like: str) -> str:
    """`code` without what nothing reads any more, though `like` read it: variables, arguments, helpers."""
    before = parsed(like)
    meant = None if before is None else entry(before)
    if before is None or meant is None:
        return code
    for _ in range(_MOST_EDITS):
        tree = parsed(code)
        idle = set() if tree is None else _loaded(before) - _loaded(tree)
        tries = () if tree is None else _shorter(code, tree, meant.name, idle)
        shorter = next((s for s in tries if parsed(s) is not None), None)
        if shorter is None:
            break
        code = shorter
    return code


def _loaded(tree: ast.Module) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _shorter(code: str, tree: ast.Module, meant: str, idle: set[str]) -> Iterator[str]:
    """The code without one thing that is idle, for each; the reward function `meant` stays."""
    places = Places(code)
    for body in _blocks(tree):
        for statement in body:
            name = statement.name if isinstance(statement, ast.FunctionDef) else _target(statement)
            if len(body) > 1 and name in idle - {meant} and _is_pure(statement):
                yield _without_statement(code, statement, places)
    for function in (f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == meant):
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        spans = [places.of(a) for a in arguments]
        plain = not any((*function.args.defaults, *function.args.kw_defaults)) and len(arguments) > 1
        for i in (i for i, a in enumerate(arguments) if plain and a.arg in idle):
            yield _without_item(code, spans, i, (code.index("(", places.of(function)[0]), spans[-1][1] + 1))


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                yield body


def _is_pure(statement: ast.stmt) -> bool:
    """Whether nothing but the variable's value depends on it: no `x.clamp_()`, no `:=`."""
    if isinstance(statement, ast.FunctionDef):
        return True
    in_place = (n.attr for n in ast.walk(statement) if isinstance(n, ast.Attribute))
    walrus = any(isinstance(n, ast.NamedExpr) for n in ast.walk(statement))
    return not walrus and not any(name.endswith("_") and not name.endswith("__") for name in in_place)


# --- edits of the text ----------------------------------------------------------------------------------------------


def _without_statement(code: str, statement: ast.stmt, places: Places) -> str:
    """The code without a statement's lines, and without the comment above them where that spoke of them alone."""
    start, end = places.line(statement.lineno)[0], places.line(statement.end_lineno or statement.lineno)[1]
    span = places.of(statement)
    if code[start : span[0]].strip() or re.match(r"[ \t]*[^\s#]", code[span[1] : end]):
        return edited(code, {span: "pass"})  # it shares its line
    if isinstance(statement, ast.FunctionDef) and statement.decorator_list:
        start = places.line(statement.decorator_list[0].lineno)[0]
    before = re.search(r"(?:^[ \t]*#[^\r\n]*\r?\n)+\Z", code[:start], re.MULTILINE)
    if before and re.match(r"\s*(?:\r?\n|#|\Z)", code[end:]):
        start = before.start()
    above = re.search(r"(?:^[ \t]*\r?\n)+\Z", code[:start], re.MULTILINE)
    below = re.match(r"(?:[ \t]*\r?\n)+", code[end:])
    if above and below:  # the wider of two gaps stays
        wider_below = below[0].count("\n") >= above[0].count("\n")
        start, end = (above.start(), end) if wider_below else (start, end + below.end())
    return edited(code, {(start, end): ""})


def _without_item(code: str, spans: Sequence[Span], place: int, holder: Span) -> str:
    """The code without one of several items between commas, with its line where it has one of its own."""
    inner = (holder[0] + 1, holder[1] - 1)
    start, end = _outer(code, spans[place], inner)
    comma = re.compile(r"\s*,").match(code, end)
    end = comma.end() if comma else end
    line = code.rfind("\n", 0, start) + 1
    rest = re.compile(r"[ \t]*(?:#[^\r\n]*)?\r?\n").match(code, end)
    if not code[line:start].strip() and rest and line > holder[0]:
        return edited(code, {(line, rest.end()): ""})
    if place + 1 < len(spans):
        gap = re.compile(r"[ \t]*").match(code, end)
        return edited(code, {(start, gap.end() if gap else end): ""})
    before = _outer(code, spans[place - 1], (inner[0], start))[1] if place else inner[0]
    return edited(code, {(before, end): ""})


def _outer(code: str, span: Span, within: Span) -> Span:
    """The span with the parentheses around it, as far as they lie within another."""
    start, end = span
    while True:
        before = re.search(r"\(\s*\Z", code[within[0] : start])
        after = re.compile(r"\s*\)").match(code, end)
        if not before or not after or after.end() > within[1]:
            return start, end
        start, end = within[0] + before.start(), after.end()


def _own(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """All nodes of a function's body, those of functions inside it left out, in the order they stand."""
    for node in body:
        yield from _inside(node)


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _inside(child)


def _target(node: ast.AST) -> str | None:
    """The one variable that a statement assigns."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)):
            return name
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            return name
    return None


def _looped(function: ast.FunctionDef) -> Iterator[tuple[str, tuple[ast.expr]]]:
    """Every variable of a loop, with what that goes through."""
    for loop in (node for node in _own(function.body) if isinstance(node, ast.For)):
        yield from ((n.id, (loop.iter,)) for n in ast.walk(loop.target) if isinstance(n, ast.Name))


def _called(node: ast.expr) -> tuple[str, ast.expr | None, Sequence[ast.AST]]:
    """Name, first argument and the others of `torch.name(x, ...)` or `x.name(...)`."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=name), args=[first, *others], keywords=named):
            return name, first, (*others, *named)
        case ast.Call(func=ast.Attribute(value=first, attr=name), args=others, keywords=named):
            return name, first, (*others, *named)
    return "", None, ()


def _key(key: ast.expr | None) -> str:
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
