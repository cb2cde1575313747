"""What went wrong while reward code was traced: from an exception to a fault with its line and idiom.

Only a worker imports this. The words come from torch's messages; the sentences around them are `faults.SENTENCES`.
"""

from __future__ import annotations

import ast
import re
import traceback

from torch._dynamo.exc import UserError, UserErrorType
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from rewardsmith.sandbox import gate
from rewardsmith.sandbox.faults import Fault, FaultFound

FILE = "<reward>"
"""The name reward code is compiled under."""

_SIZES = re.compile(
    r"size of tensor a \((\w+)\) must match the size of tensor b \((\w+)\) at non-singleton dimension (\d)"
)
_MISSING = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_OF_RESULT = frozenset(
    "not_a_pair total_type total_shape component_type component_shape component_name many_components".split()  # noqa: SIM905
)
_WIDE = 16  # a literal size above this, meeting the rows, was meant to be their number
_SYMBOL = re.compile(r"\b[su]\d+\b")


def placed(found: FaultFound, gated: gate.Gated | None) -> Fault:
    """The fault with its line, where that can still be made out."""
    fault = found.fault
    line = fault.line or _line(found) or (_row_loop(gated) if fault.kind == "fixed_rows" else None)
    if line is None and fault.kind in _OF_RESULT:
        line = _return_line(gated)
    return Fault(fault.kind, line, fault.words)


def explain(error: Exception, gated: gate.Gated | None) -> Fault:
    """What an exception out of the candidate's code, or out of tracing it, means for its author."""
    line, text = _line(error), " ".join(str(error).split())
    if isinstance(error, GuardOnDataDependentSymNode) or "Boolean value of Tensor" in text:
        return Fault(_decides(gated, line), line)
    if isinstance(error, UserError):
        return _explain_export(error, gated, line)
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
    if "data is not allocated yet" in text or "only one element tensors can be converted" in text:
        packed = _calls(gated, line) & {"torch.tensor", "torch.as_tensor"}
        return Fault("tensor_of_tensors" if packed else "value", line)
    if match := _MISSING.search(text):
        return Fault("missing_method", line, {"owner": match[1], "name": match[2]})
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
    return Fault(_decides(gated, line), line)


def _line(error: BaseException) -> int | None:
    """The innermost line of the candidate's own file that the error passed through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    return lines[-1] if lines else None


def _decides(gated: gate.Gated | None, line: int | None) -> str:
    """Which idiom on that line wanted a tensor's value: `branch`, `mask` or `value`."""
    at = _at(gated, line)
    calls = _calls(gated, line)
    if calls & {"float", "int", "range", "round"} or any(call.startswith("math.") for call in calls):
        return "value"
    if any(isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert, ast.BoolOp, ast.Not)) for node in at):
        return "branch"
    if any(isinstance(node, ast.Compare) and len(node.ops) > 1 for node in at):
        return "branch"
    return "mask" if any(isinstance(node, ast.Subscript) for node in at) else "value"


def _at(gated: gate.Gated | None, line: int | None) -> list[ast.AST]:
    return [node for node in ast.walk(gated.tree) if getattr(node, "lineno", None) == line] if gated else []


def _calls(gated: gate.Gated | None, line: int | None) -> set[str]:
    return {ast.unparse(node.func) for node in _at(gated, line) if isinstance(node, ast.Call)}


def _row_loop(gated: gate.Gated | None) -> int | None:
    """The line of a loop or branch on the number of rows, where one can be seen."""
    for node in ast.walk(gated.tree) if gated else ():
        if isinstance(node, (ast.For, ast.If, ast.While, ast.Assert)):
            head = ast.unparse(node.iter if isinstance(node, ast.For) else node.test)
            if "shape" in head or "size(" in head or "len(" in head:
                return node.lineno
    return None


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
