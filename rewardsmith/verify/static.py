"""The first gate, which runs nothing: does the code parse, stay within the language, and ask for declared signals?

Its checks are the worker's own (`sandbox.gate`), made here first because they cost a millisecond and can name the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rewardsmith.graph import PREVIOUS, PROGRESS, allowed_inputs
from rewardsmith.sandbox import faults, gate
from rewardsmith.sandbox.faults import FaultFound
from rewardsmith.types import CONTROL_DT, Attempt, Drafted, Rejected, Task


def static(batch: Sequence[Attempt], task: Task) -> tuple[Attempt, ...]:
    """Reject the drafts whose code cannot be a reward for `task`; the others stay drafts, ids and order kept."""
    return tuple(_checked(attempt, task) for attempt in batch)


def _checked(attempt: Attempt, task: Task) -> Attempt:
    if not isinstance(attempt.outcome, Drafted):
        return attempt
    fault = _fault(attempt.candidate.code, task)
    return replace(attempt, outcome=fault) if fault else attempt


def _fault(code: str, task: Task) -> Rejected | None:
    try:
        signals = allowed_inputs(task)
        gated = gate.check(code, signals)
        gate.check_arguments(
            gated,
            signals,
            task.numbers(),
            shown=_declared(task),
            shown_numbers=_numbers(task),
            task=f"task '{task.name}'",
        )
    except FaultFound as found:
        return faults.rejection(found.fault, stage="static")
    return None


def _declared(task: Task) -> str:
    """All that reward code may ask for; with units where there is room for them."""
    rest = [f"{PREVIOUS}<signal>", PROGRESS, *task.numbers()]
    told = ", ".join([*(f"{signal.name} [{signal.unit}]" for signal in task.signals), *rest])
    return told if len(told) <= faults.MAX_WORDS else ", ".join([*(signal.name for signal in task.signals), *rest])


def _numbers(task: Task) -> str:
    units = {constant.name: constant.unit for constant in task.constants} | {CONTROL_DT: "s"}
    return ", ".join(f"{name} [{units[name]}]" for name in task.numbers())
