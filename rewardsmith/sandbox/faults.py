"""Every fault reward code can have, and what the person and the model are told of it.

A worker reports a fault as a kind, a line and a few short words; the sentence around them is chosen here, on the
trusted side. So a rejection never carries a path, a frame or a text made up by a candidate beyond those words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rewardsmith.sandbox import vocabulary
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
_KEPT = "Take the step before as an argument: prev_<signal>, e.g. prev_action. Nothing else may be kept."
_NO_BRANCH = (
    "Each row is another environment, so there is no single truth value. Use torch.where(condition, a, b), "
    "or multiply by condition.float(); join conditions with &, | and ~."
)
_ROWS = "Row i of the result may depend on row i of the inputs alone; reduce over the last axis, e.g. .sum(dim=-1)."

SENTENCES: Mapping[str, _Sentence] = {
    # --- reading the code ---
    "syntax": _Sentence("Python cannot parse the code: {detail}.", "Send one complete Python file."),
    "too_long": _Sentence("The code is {size} characters long; at most {limit} are read.", "Write a shorter reward."),
    "nesting": _Sentence("The code is nested too deeply to be parsed.", "Split long expressions into several lines."),
    "huge_number": _Sentence(
        "The code holds a whole number of more than 300 digits.", "Write a number that a float can hold, e.g. 1e6."
    ),
    "large_whole_number": _Sentence(
        "The code computes in whole numbers with one beyond {limit}.", "Make it a float, e.g. 1e10."
    ),
    "f_string": _Sentence(
        "The code holds an f-string with a backslash or control character inside its braces.", "Leave the f-string out."
    ),
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
        "Use declared names only; a number of your own needs a default value, e.g. weight: float = 0.5.",
    ),
    "undeclared_number": _Sentence(
        "Reward code asks for the number '{name}', which {task} does not declare.{suggestion} Its numbers: {known}.",
        "Use one of them, or give your own a default value, e.g. weight: float = 0.5.",
    ),
    "import": _Sentence(
        "Reward code may import torch, math, typing and rewardsmith.geometry, not '{name}'.",
        "Use torch and math functions instead.",
    ),
    "other_geometry": _Sentence(
        "Reward code may not import '{name}'.",
        "rewardsmith.geometry has quat_mul, quat_apply, tolerance and the like; its quaternions are (w, x, y, z),"
        " as in MuJoCo, not (x, y, z, w).",
    ),
    "numpy": _Sentence(
        "Reward code may not use numpy.", "Use the torch function of the same purpose; inputs are torch tensors."
    ),
    "name": _Sentence("Reward code may not use '{name}'.", "Compute with torch, math and plain Python arithmetic."),
    "unknown_name": _Sentence(
        "The name '{name}' is not defined.{suggestion}",
        "Define it, or add it to the arguments of compute_reward if it is a declared signal.",
    ),
    "not_asked_for": _Sentence(
        "'{name}' is a declared signal, and not an argument of compute_reward.",
        "Add it to the arguments: def compute_reward(..., {name}).",
    ),
    "no_object": _Sentence(
        "Reward code has no object '{name}'; it is given signals only.",
        "Name each signal it reads as an argument of compute_reward; numbers of your own are constants in the file.",
    ),
    "missing_import": _Sentence("The name '{name}' is not defined.", "Begin the file with: {statement}"),
    "attribute": _Sentence(
        "Reward code may not use '.{name}'.{suggestion}", "Keep to torch functions and tensor methods."
    ),
    "torch_name": _Sentence(
        "'{name}' is not offered to reward code.{suggestion}", "Keep to torch's mathematical functions."
    ),
    "construct": _Sentence(
        "Reward code may not contain {name}.", "Write plain functions of tensors: assignments, calls, if on constants."
    ),
    "decorator": _Sentence(
        "Reward code may not use decorators of its own.",
        "Leave it out; only @torch.jit.script, @torch.no_grad() and their like may stand, and change nothing.",
    ),
    "class": _Sentence(
        "Reward code may not contain a class.",
        "Keep values in variables, a tuple or a dict, and write helpers as plain functions.",
    ),
    "try": _Sentence(
        "Reward code may not contain try and except.",
        "A reward must hold for every state: guard values with torch.where, torch.clamp or a small constant.",
    ),
    "top_level": _Sentence(
        "Only imports, constants and functions may stand at the top level of the file.",
        "Move the statement into compute_reward.",
    ),
    "global": _Sentence("The code keeps state in a global variable or on a function.", _KEPT),
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
    "math": _Sentence(
        "math.{name}() takes a Python number, and was given a tensor.", "Use the torch function of the same purpose."
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
    "shapes": _Sentence(
        "Tensors of shapes {first} and {second} do not fit together (N environments).",
        "(N, 3) meets (N, 4, 3) after .unsqueeze(1), (N,) meets (N, 3) after .unsqueeze(-1).",
    ),
    "rows": _Sentence(
        "The code takes single rows of a tensor, which are environments.",
        "Index the last axis, e.g. x[:, 0]; the step before is prev_<signal>.",
    ),
    "truth_values": _Sentence(
        "The code subtracts truth values, which torch refuses.", "Write 1.0 - mask.float(), or ~mask."
    ),
    "kept": _Sentence("The code keeps tensors from one call to the next.", _KEPT),
    "pair": _Sentence(
        "{name} over one axis gives (values, indices), used here as one tensor.", "Take .values{instead}."
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
        "For a distance per environment use torch.norm(a - b, dim=-1); torch.cdist takes (N, points, 3).",
    ),
    "not_offered": _Sentence(
        "The torch operation '{name}' is not offered to reward code.", "Write it with simpler torch functions."
    ),
    "mutates": _Sentence(
        "The code writes into its input '{name}'.", "Inputs are shared: write into a copy, e.g. x = x.clone()."
    ),
    "impure": _Sentence("Two runs of the code differ, or one leaves values behind for the next.", _PURE),
    "too_many_operations": _Sentence(
        "The reward takes {count} tensor operations; at most {limit} are allowed.",
        "Replace Python loops by operations on whole tensors.",
    ),
    "python": _Sentence("The code fails with {error}: {detail}.", "Correct the line."),
    "raised": _Sentence("The code raises an error of its own.", "A reward must hold for every state."),
    "no_tensor": _Sentence(
        "{name}() takes tensors, and was given a Python number.",
        "For numbers use the function of math; for a bound torch.clamp(x, min=...); or torch.full_like(x, number).",
    ),
    "missing_method": _Sentence(
        "A {owner} has no '{name}'.{suggestion}", "Check the name, or write it with simpler torch functions."
    ),
    "geometry": _Sentence(
        "{detail}.",
        "In rewardsmith.geometry quaternions are (..., 4) in the order (w, x, y, z), vectors (..., 3), angles in rad.",
    ),
    "geometry_name": _Sentence(
        "rewardsmith.geometry has no '{name}'.{suggestion}", f"It has {', '.join(sorted(vocabulary.GEOMETRY))}."
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
        "Names are letters, digits and underscores, at most 48, starting with a letter, and no words of Python.",
    ),
    "many_components": _Sentence(
        "There are {count} components; at most {limit} are allowed.", "Report sums of related terms."
    ),
    # --- how its graph behaves on data ---
    "cannot_run": _Sentence("The reward cannot be computed: {detail}.", "Use simpler torch operations."),
    "not_finite": _Sentence(
        "{what} is not finite in {bad} of {count} states of a random policy.{cause}",
        "Add a small constant to denominators, and clamp arguments of sqrt, log, acos and exp.",
    ),
    "not_finite_edge": _Sentence(
        "{what} is not finite {where}, which a policy may reach.{cause}",
        "Add a small constant to denominators, and clamp arguments of sqrt, log, acos and exp.",
    ),
    "too_large": _Sentence(
        "Reward reaches {largest} in states of a random policy; at most {most} can be trained with.",
        "Scale the terms to about 1, and bound the open ones, e.g. with torch.tanh or torch.clamp.",
    ),
    "not_repeatable": _Sentence(
        "Two runs on the same states gave different rewards.", "Compute from the inputs alone."
    ),
    "rows_mixed": _Sentence(
        "{what} of one environment changes with the other environments.",
        "Row i of the result may depend on row i of the inputs alone: no mean, max or sorting over dim 0, no index "
        "into rows.",
    ),
    "constant": _Sentence(
        "Reward is the same ({value}) in every state.", "Make the total depend on the signals that describe the goal."
    ),
    # --- the worker's own end ---
    "time": _Sentence(
        "The code was still running after {seconds} s and was stopped.", "Remove endless or very long loops."
    ),
    "starved": _Sentence(
        "The code was not through after {seconds} s, most of which it waited for a processor: this machine is too busy "
        "to judge it.",
        "Nothing is known to be wrong with the code. Give it once more.",
    ),
    "memory": _Sentence(
        "The code needs more memory than a reward may.", "Avoid tensors that grow with the square of their inputs."
    ),
    "crash": _Sentence(
        "The code ended its worker process ({how}).", "Keep to tensor arithmetic on the arguments."
    ),
    "forbidden": _Sentence(
        "The code asked the operating system for something no reward needs (a file, a process or the network), and was "
        "stopped.",
        "Keep to tensor arithmetic on the arguments.",
    ),
    "output": _Sentence("The code made its worker send too much.", "Keep to tensor arithmetic on the arguments."),
    "garbled": _Sentence(
        "The code's worker gave no usable answer.", "Keep to tensor arithmetic on the arguments."
    ),
    "graph": _Sentence(
        "The traced reward was refused: {detail}.", "Keep to simple torch operations on the arguments."
    ),
}  # fmt: skip

WARNINGS: Mapping[str, str] = {
    "flat": "The reward was {value} in all {count} states of a random policy: learning has nothing to start from.",
    "still": "Component '{name}' was {value} in all {count} states of a random policy.",
    "negligible": "Component '{name}' varies by {own} under a random policy, the total by {whole}: no lead at first.",
    "unaccounted": "The components do not sum to the total, so feedback on them does not explain all of it.",
    "extreme": "{what} is not finite where its inputs are {where}.",
}
"""What does not reject, by kind: one sentence each, shown to the person and fed back to the model."""


def rejection(fault: Fault, *, stage: Stage) -> Rejected:
    """The fault in words. Unknown kinds, odd characters and overlong words are made harmless, never passed on."""
    line = fault.line if fault.line is not None and 1 <= fault.line <= MAX_LINE else None
    sentence = SENTENCES.get(fault.kind, SENTENCES["garbled"])
    reason, hint = _filled(sentence.reason, fault.words), _filled(sentence.hint, fault.words)
    return Rejected(stage=stage, reason=reason, hint=hint, line=line)


def warning(fault: Fault) -> str:
    """A warning in words, as harmless as a rejection's; empty for an unknown kind."""
    return _filled(WARNINGS.get(fault.kind, ""), fault.words)


def _filled(sentence: str, words: Mapping[str, str]) -> str:
    return printable(
        sentence.format_map(_Blanks({name: printable(word) for name, word in words.items()})), limit=MAX_REASON
    )


class _Blanks(dict[str, str]):
    """Words by name; a missing one reads as nothing."""

    def __missing__(self, key: str) -> str:
        return ""


_PATH = re.compile(r"(?:[A-Za-z]:)?(?:/[\w.\-+]+){2,}/?|(?<![\w)\]}.])/[\w.\-+]+/?")  # not the one of m/s
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
    if not isinstance(kind, str) or (kind not in SENTENCES and kind not in WARNINGS):
        return None
    if not (line is None or type(line) is int) or not isinstance(words, dict) or len(words) > 8:
        return None
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in words.items()):
        return None
    return Fault(kind, line, words)


def to_json(fault: Fault) -> dict[str, object]:
    """The fault as plain JSON."""
    return {"kind": fault.kind, "line": fault.line, "words": dict(fault.words)}
