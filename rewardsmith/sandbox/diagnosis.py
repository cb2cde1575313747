"""What went wrong while reward code was traced: from an exception to a fault with its line and idiom.

Only a worker imports this. The words come from torch's messages; the sentences around them are `faults.SENTENCES`.
"""

from __future__ import annotations

import ast
import re
import traceback

from torch._dynamo.exc import UserError, UserErrorType
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from rewardsmith import geometry
from rewardsmith.sandbox import gate
from rewardsmith.sandbox.faults import Fault, FaultFound

FILE = "<reward>"
"""The name reward code is compiled under."""

_SIZES = re.compile(
    r"size of tensor a \((\w+)\) must match the size of tensor b \((\w+)\) at non-singleton dimension (\d)"
)
_SHAPES = re.compile(
    r"broadcast a dimension .* had torch\.Size\(\[(.*?)\]\); but expected shape should be broadcastable to \[(.*?)\]"
)
_MISSING = re.compile(r"'([\w.]+)' object has no attribute '(\w+)'")
_NO_TENSOR = re.compile(r"(\w+)\(\): argument '\w+' \(position \d+\) must be Tensor, not (?:float|int)")
_NO_NUMBER = re.compile(
    "data is not allocated yet|only one element tensors can be converted|cannot be converted to Scalar"
)
_ONE_SIZE = re.compile(r"shape '\[\d+(?:, \d+)*\]' is invalid for input of size .*\b[su]\d")
_PAIR = re.compile(r"torch\.return_types\.(max|min|median|nanmedian|mode|sort|topk|kthvalue|cummax|cummin)\b")
_TUPLE = re.compile(r"can't multiply sequence by non-int|can only concatenate tuple")
_PAIRS = {"max": ", or use torch.amax", "min": ", or use torch.amin"} | dict.fromkeys(
    "median nanmedian mode sort topk kthvalue cummax cummin".split(),  # noqa: SIM905
    "",
)
_ROW_COUNT = re.compile(r"\.shape\[0\]|size\(0\)|\blen\(")
_KEEPS = frozenset({"add", "append", "extend", "insert", "setdefault", "update"})  # how a container takes something in
_OF_RESULT = frozenset(
    "not_a_pair total_type total_shape component_type component_shape component_name many_components".split()  # noqa: SIM905
)
_WIDE = 16  # a literal size above this, meeting the rows, was meant to be their number
_SYMBOL = re.compile(r"\b[su]\d+\b")


def placed(found: FaultFound, gated: gate.Gated | None) -> Fault:
    """The fault with its line, where that can still be made out."""
    fault = found.fault
    line = fault.line or _line(found)
    if line is None and fault.kind == "fixed_rows":
        line = _row_loop(gated)
    if line is None and fault.kind == "impure":
        line = _keeping_line(gated)
    if line is None and fault.kind in _OF_RESULT:
        line = _return_line(gated)
    return _value(gated, line) if fault.kind == "value" else Fault(fault.kind, line, fault.words)


def explain(error: Exception, gated: gate.Gated | None) -> Fault:
    """What an exception out of the candidate's code, or out of tracing it, means for its author."""
    line, text = _line(error), " ".join(str(error).split())
    if isinstance(error, GuardOnDataDependentSymNode) or "Boolean value of Tensor" in text:
        return _decided(gated, line)
    if isinstance(error, UserError):
        return _explain_export(error, gated, line)
    if isinstance(error, geometry.Misused):
        return Fault("geometry", line, {"detail": _SYMBOL.sub("N", text)})
    if any(isinstance(node, (ast.Raise, ast.Assert)) for node in _at(gated, line)):
        return Fault("raised", line)
    return _by_words(text, gated, line) or _in_its_own_words(error, text, line)


def _by_words(text: str, gated: gate.Gated | None, line: int | None) -> Fault | None:
    """The fault that torch's message is known to stand for."""
    if match := _SIZES.search(text):
        first, second, dim = (_SYMBOL.sub("N", word) for word in match.groups())
        if dim == "0" and any(size.isdigit() and int(size) > _WIDE for size in (first, second)):
            return Fault("fixed_rows", line)
        return Fault("sizes", line, {"first": first, "second": second, "dim": dim})
    if match := _SHAPES.search(text):
        first, second = (f"({_SYMBOL.sub('N', sizes).removeprefix('1, ')})" for sizes in match.groups())
        return Fault("shapes", line, {"first": first, "second": second})
    if _ONE_SIZE.search(text):
        return Fault("fixed_rows", line)
    if "a fake tensor in the exported program constant's list" in text or "is mutated in the forward method" in text:
        return Fault("kept", _keeping_line(gated))
    if name := _pair_in(text, gated):
        return Fault("pair", line, {"name": f"torch.{name}", "instead": _PAIRS[name]})
    if _NO_NUMBER.search(text):
        packed = _calls(gated, line) & {"torch.tensor", "torch.as_tensor"}
        return Fault("tensor_of_tensors", line) if packed else _value(gated, line)
    if match := _MISSING.search(text):
        if match[1] == "types.SimpleNamespace":  # a part of torch
            return Fault("torch_name", line, {"name": match[2]})
        owner = "Tensor" if match[1].endswith("Tensor") else match[1]  # tracing has kinds of its own
        return Fault("missing_method", line, {"owner": owner, "name": match[2]})
    if match := _NO_TENSOR.search(text):
        return Fault("no_tensor", line, {"name": match[1]})
    if "can't allocate memory" in text or "not enough memory" in text:
        return Fault("memory", line)
    return None


def _in_its_own_words(error: Exception, text: str, line: int | None) -> Fault:
    detail = _SYMBOL.sub("N", text.partition(" Exception raised from ")[0])[:150].rstrip(".")
    if type(error) is RuntimeError:
        return Fault("torch", line, {"detail": detail})
    return Fault("python", line, {"error": type(error).__name__, "detail": detail})


def _explain_export(error: UserError, gated: gate.Gated | None, line: int | None) -> Fault:
    if error.error_type == UserErrorType.CONSTRAINT_VIOLATION:
        return Fault("fixed_rows", _row_loop(gated))
    return _decided(gated, line)


def _line(error: BaseException) -> int | None:
    """The innermost line of the candidate's own file that the error passed through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    return lines[-1] if lines else None


def _value(gated: gate.Gated | None, line: int | None) -> Fault:
    """What made a number of a tensor's value: a function of math, or something else."""
    maths = sorted(call.removeprefix("math.") for call in _calls(gated, line) if call.startswith("math."))
    return Fault("math", line, {"name": maths[0]}) if maths else Fault("value", line)


def _decided(gated: gate.Gated | None, line: int | None) -> Fault:
    kind = _decides(gated, line)
    return _value(gated, line) if kind == "value" else Fault(kind, line)


def _decides(gated: gate.Gated | None, line: int | None) -> str:
    """Which idiom on that line wanted a tensor's value: `branch`, `mask` or `value`."""
    at = _at(gated, line)
    calls = _calls(gated, line)
    if calls & {*gate.CONVERSIONS.values(), "range", "round"} or any(call.startswith("math.") for call in calls):
        return "value"
    if any(isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert, ast.BoolOp)) for node in at):
        return "branch"
    if any(isinstance(node, ast.Compare) and len(node.ops) > 1 for node in at):
        return "branch"
    if any(isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) for node in at):
        return "branch"
    return "mask" if any(isinstance(node, ast.Subscript) for node in at) else "value"


def _at(gated: gate.Gated | None, line: int | None) -> list[ast.AST]:
    return [node for node in ast.walk(gated.tree) if getattr(node, "lineno", None) == line] if gated else []


def _calls(gated: gate.Gated | None, line: int | None) -> set[str]:
    return {ast.unparse(node.func) for node in _at(gated, line) if isinstance(node, ast.Call)}


def _pair_in(text: str, gated: gate.Gated | None) -> str:
    """The function whose pair of results an error speaks of as a tuple; empty where it speaks of none."""
    if match := _PAIR.search(text):
        return match[1]
    calls = [node.func for node in ast.walk(gated.tree) if isinstance(node, ast.Call)] if gated else []
    given = [func.attr for func in calls if isinstance(func, ast.Attribute) and func.attr in _PAIRS]
    return given[0] if given and _TUPLE.search(text) else ""


def _row_loop(gated: gate.Gated | None) -> int | None:
    """The line of a loop or branch on the number of rows, or else on some shape, where one can be seen."""
    heads = [head for node in ast.walk(gated.tree) for head in _heads(node)] if gated else []
    counts = _names_of_row_count(gated.tree) if gated else set()
    on_rows = [head.lineno for head in heads if _ROW_COUNT.search(ast.unparse(head)) or counts & _names(head)]
    on_shape = [head.lineno for head in heads if re.search(r"shape|size\(", ast.unparse(head))]
    return next(iter((*on_rows, *on_shape)), None)


def _heads(node: ast.AST) -> list[ast.expr]:
    """What a loop runs over, or a branch decides by."""
    match node:
        case ast.For(iter=head) | ast.comprehension(iter=head):
            return [head]
        case ast.If(test=head) | ast.IfExp(test=head) | ast.While(test=head) | ast.Assert(test=head):
            return [head]
    return []


def _names_of_row_count(tree: ast.AST) -> set[str]:
    """Names that stand for the number of rows, as in `n = x.shape[0]` and `n, d = x.shape`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _ROW_COUNT.search(ast.unparse(value)):
                found.add(name)
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=name), *_])], value=ast.Attribute(attr="shape")):
                found.add(name)
    return found


def _names(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def _keeping_line(gated: gate.Gated | None) -> int | None:
    """The line that writes into something which outlives the call: a name of the file's, or a default value."""
    if gated is None:
        return None
    assigned = [item for item in gated.tree.body if isinstance(item, ast.Assign)]
    lasting = {name for item in assigned for target in item.targets for name in _names(target)}
    lasting |= {arg.arg for node in ast.walk(gated.tree) if isinstance(node, ast.arguments) for arg in _defaulted(node)}
    for function in (node for node in ast.walk(gated.tree) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))]) if name in lasting:
                    return node.lineno
                case ast.AugAssign(target=ast.Subscript(value=ast.Name(id=name))) if name in lasting:
                    return node.lineno
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if name in lasting:
                    if attr in _KEEPS:
                        return node.lineno
    return next((node.lineno for node in ast.walk(gated.tree) if isinstance(node, ast.Nonlocal)), None)


def _defaulted(given: ast.arguments) -> list[ast.arg]:
    """The arguments with a default value."""
    positional = [*given.posonlyargs, *given.args]
    named = [arg for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default]
    return [*positional[len(positional) - len(given.defaults) :], *named]


def _return_line(gated: gate.Gated | None) -> int | None:
    """The line of the reward function's last return."""
    functions = [item for item in gated.tree.body if isinstance(item, ast.FunctionDef)] if gated else []
    lines = [
        node.lineno
        for function in functions
        if gated and function.name == gated.function
        for node in ast.walk(function)
        if isinstance(node, ast.Return)
    ]
    return max(lines, default=None)
