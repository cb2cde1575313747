"""Every fault reward code can have, and what the person and the model are told of it.

A worker reports a fault as a kind, a line and a few short words; the sentence around them is chosen here, on the
trusted side. So a rejection never carries a path, a frame or a text made up by a candidate beyond those words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rewardsmith.types import Rejected, Stage

MAX_REASON = 300
MAX_WORDS = 200
MAX_LINE = 100_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong and where: `kind` is a key of `SENTENCES`, `words` fill its blanks."""

    kind: str
    line: int | None = None
    words: Mapping[str, str] = field(default_factory=dict)


class FaultFound(Exception):
    """Carries a fault out of the code that found it."""

    def __init__(self, kind: str, line: int | None = None, **words: str) -> None:
        super().__init__(kind)
        self.fault = Fault(kind, line, words)


class _Sentence(NamedTuple):
    reason: str
    hint: str


_PURE = "Same inputs must give the same outputs: compute everything from the arguments."
_NO_BRANCH = (
    "Each row is another environment, so there is no single truth value. Use torch.where(condition, a, b), "
    "or multiply by condition.float()."
)
_ROWS = "Row i of the result may depend on row i of the inputs alone; reduce over the last axis, e.g. .sum(dim=-1)."

SENTENCES: Mapping[str, _Sentence] = {
    # --- reading the code ---
    "syntax": _Sentence("Python cannot parse the code: {detail}.", "Send one complete Python file."),
    "too_long": _Sentence("The code is {size} characters long; at most {limit} are read.", "Write a shorter reward."),
    "nesting": _Sentence("The code is nested too deeply to be parsed.", "Split long expressions into several lines."),
    "no_function": _Sentence(
        "The code defines no function compute_reward.",
        "Define compute_reward(<signals>) returning (total, components) at the top level of the file.",
    ),
    "reads_nothing": _Sentence(
        "compute_reward reads no declared signal, so it is the same in every state.",
        "Name the signals it reads as arguments.",
    ),
    "several_functions": _Sentence(
        "It is not clear which function is the reward: {names}.", "Call the reward function compute_reward."
    ),
    "star_arguments": _Sentence(
        "compute_reward takes *args or **kwargs.", "Name every signal it reads as an argument of its own."
    ),
    "no_return": _Sentence(
        "compute_reward returns nothing.", "End with: return total, {{'component_name': component, ...}}"
    ),
    "undeclared_argument": _Sentence(
        "Reward code asks for '{name}', which {task} does not declare.{suggestion} Declared: {known}.",
        "Use declared names only; a constant needs a default value, e.g. dt: float = 0.02.",
    ),
    "import": _Sentence(
        "Reward code may import torch, math and typing, not '{name}'.", "Use torch and math functions instead."
    ),
    "numpy": _Sentence(
        "Reward code may not use numpy.", "Use the torch function of the same purpose; inputs are torch tensors."
    ),
    "name": _Sentence("Reward code may not use '{name}'.", "Compute with torch, math and plain Python arithmetic."),
    "unknown_name": _Sentence(
        "The name '{name}' is not defined.{suggestion}",
        "Define it, or add it to the arguments of compute_reward if it is a declared signal.",
    ),
    "attribute": _Sentence(
        "Reward code may not use '.{name}'.{suggestion}", "Keep to torch functions and tensor methods."
    ),
    "torch_name": _Sentence(
        "'{name}' is not offered to reward code.{suggestion}", "Keep to torch's mathematical functions."
    ),
    "construct": _Sentence(
        "Reward code may not contain {name}.", "Write plain functions of tensors: assignments, calls, if on constants."
    ),
    "top_level": _Sentence(
        "Only imports, constants and functions may stand at the top level of the file.",
        "Move the statement into compute_reward.",
    ),
    "global": _Sentence("The code keeps state in a global variable.", _PURE),
    "device": _Sentence(
        "The code names a device.", "Use the device of an input: device=x.device, or torch.zeros_like(x)."
    ),
    "random": _Sentence("The code draws random numbers ('{name}').", _PURE),
    "leaves_torch": _Sentence(
        "'.{name}' takes values out of their tensors, which couples or breaks environments.",
        "Keep tensors as they are; torch.where and multiplication by a mask replace it.",
    ),
    # --- tracing it ---
    "branch": _Sentence("The code branches on the values of a tensor.", _NO_BRANCH),
    "value": _Sentence(
        "The code turns a tensor's values into a Python number.",
        "Keep tensors: there is one value per environment, so item(), float() and int() have no meaning here.",
    ),
    "mask": _Sentence(
        "The code selects rows by a mask, so the number of rows depends on values.",
        "Keep all rows: torch.where(mask, a, b), or multiply by mask.float().",
    ),
    "fixed_rows": _Sentence(
        "The code works only for one number of environments.",
        "It must work for any number of rows: no loop or branch on shape[0], no literal such as torch.zeros(4096); "
        "take x.shape[0] or torch.zeros_like.",
    ),
    "sizes": _Sentence(
        "Tensors of sizes {first} and {second} do not fit together in dimension {dim} (N environments).",
        "Vectors need .unsqueeze(-1) to meet (N, 1), or .sum(dim=-1) or .squeeze(-1) to become (N,).",
    ),
    "couples": _Sentence("The code mixes environments: '{name}' runs over the rows.", _ROWS),
    "couples_shape": _Sentence(
        "The code pairs every environment with every other: '{name}' gives a shape of {shape}.",
        "Usually (N, 1) met (N,): bring both to (N,), e.g. with .squeeze(-1).",
    ),
    "row_count": _Sentence(
        "The code computes with the number of environments.",
        "A reward must not depend on how many environments there are; use x.shape[0] for sizes only.",
    ),
    "tensor_of_tensors": _Sentence(
        "torch.tensor() was given tensors, whose values it would have to take out.",
        "Use torch.stack([...], dim=-1) to put tensors side by side.",
    ),
    "whole_tensors": _Sentence(
        "Python's {name}() compares whole tensors.",
        "Use torch.{torch}(a, b) for tensors of one shape, or torch.clamp for a bound that is a number.",
    ),
    "cdist": _Sentence(
        "torch.cdist measures between rows, which are different environments.",
        "For a distance per environment use torch.norm(a - b, dim=-1).",
    ),
    "not_offered": _Sentence(
        "The torch operation '{name}' is not offered to reward code.", "Write it with simpler torch functions."
    ),
    "mutates": _Sentence(
        "The code writes into its input '{name}'.", "Inputs are shared: write into a copy, e.g. x = x.clone()."
    ),
    "impure": _Sentence("Two runs of the code gave different programs.", _PURE),
    "too_many_operations": _Sentence(
        "The reward takes {count} tensor operations; at most {limit} are allowed.",
        "Replace Python loops by operations on whole tensors.",
    ),
    "python": _Sentence("The code fails with {error}: {detail}.", "Correct the line."),
    "raised": _Sentence("The code raises an error of its own.", "A reward must hold for every state."),
    "missing_method": _Sentence(
        "A {owner} has no '{name}'.{suggestion}", "Check the name, or write it with simpler torch functions."
    ),
    "torch": _Sentence("torch refuses the operation: {detail}.", "Check the shapes and types of its arguments."),
    # --- what it returns ---
    "not_a_pair": _Sentence(
        "compute_reward returns {got}; expected (total, components).",
        "End with: return total, {{'component_name': component, ...}}",
    ),
    "total_type": _Sentence(
        "The total is {got}; expected a tensor of shape (N,).", "Return one value per environment as a tensor."
    ),
    "component_type": _Sentence(
        "Component '{name}' is {got}; expected a tensor of shape (N,).",
        "Make it a tensor with one value per environment.",
    ),
    "total_shape": _Sentence("The total has shape {got}; expected (N,), one value per environment.", "{advice}"),
    "component_shape": _Sentence("Component '{name}' has shape {got}; expected (N,).", "{advice}"),
    "result_dtype": _Sentence("{what} is {got}; expected float32.", "Convert it, e.g. with .float()."),
    "component_name": _Sentence(
        "A component has an unusable name, beginning with '{name}'.",
        "Names are letters, digits and underscores, at most 48, starting with a letter.",
    ),
    "many_components": _Sentence(
        "There are {count} components; at most {limit} are allowed.", "Report sums of related terms."
    ),
    # --- the worker's own end ---
    "time": _Sentence(
        "The code was still running after {seconds} s and was stopped.", "Remove endless or very long loops."
    ),
    "memory": _Sentence(
        "The code needs more memory than a reward may.", "Avoid tensors that grow with the square of their inputs."
    ),
    "crash": _Sentence(
        "The code ended its worker process ({how}).", "Keep to tensor arithmetic on the arguments."
    ),
    "output": _Sentence("The code made its worker send too much.", "Keep to tensor arithmetic on the arguments."),
    "garbled": _Sentence(
        "The code's worker gave no usable answer.", "Keep to tensor arithmetic on the arguments."
    ),
    "graph": _Sentence(
        "The traced reward was refused: {detail}.", "Keep to simple torch operations on the arguments."
    ),
}  # fmt: skip


def rejection(fault: Fault, *, stage: Stage) -> Rejected:
    """The fault in words. Unknown kinds, odd characters and overlong words are made harmless, never passed on."""
    sentence = SENTENCES.get(fault.kind, SENTENCES["garbled"])
    words = _Blanks({name: printable(word) for name, word in fault.words.items()})
    reason = printable(sentence.reason.format_map(words), limit=MAX_REASON)
    line = fault.line if fault.line is not None and 1 <= fault.line <= MAX_LINE else None
    return Rejected(stage=stage, reason=reason, hint=printable(sentence.hint.format_map(words), limit=300), line=line)


class _Blanks(dict[str, str]):
    """Words by name; a missing one reads as nothing."""

    def __missing__(self, key: str) -> str:
        return ""


_PATH = re.compile(r"(?:[A-Za-z]:)?(?:/[\w.\-+]+){2,}/?")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")


def printable(text: str, *, limit: int = MAX_WORDS) -> str:
    """`text` on one line of printable characters, without paths or addresses, at most `limit` long."""
    kept = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    kept = _ADDRESS.sub("...", _PATH.sub("...", kept))
    kept = re.sub(r" {2,}", " ", kept)
    return kept if len(kept) <= limit else kept[: limit - 3] + "..."


def from_json(raw: object) -> Fault | None:
    """A fault as an untrusted worker reports it, or None where that is not one."""
    if not isinstance(raw, dict) or set(raw) != {"kind", "line", "words"}:
        return None
    kind, line, words = raw["kind"], raw["line"], raw["words"]
    if not isinstance(kind, str) or kind not in SENTENCES:
        return None
    if not (line is None or type(line) is int) or not isinstance(words, dict) or len(words) > 8:
        return None
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in words.items()):
        return None
    return Fault(kind, line, words)


def to_json(fault: Fault) -> dict[str, object]:
    """The fault as plain JSON."""
    return {"kind": fault.kind, "line": fault.line, "words": dict(fault.words)}
