"""The second gate: the code is traced in the sandbox, and what comes out is checked as if an enemy had written it.

Here the Python ends. What goes on is a `RewardGraph`, or a rejection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rewardsmith.graph import GraphError, RewardGraph, allowed_inputs
from rewardsmith.interfaces import Sandbox
from rewardsmith.sandbox import faults
from rewardsmith.sandbox.faults import Fault
from rewardsmith.types import Attempt, Drafted, Rejected, Task, Verified


def compile(batch: Sequence[Attempt], task: Task, sandbox: Sandbox) -> tuple[Attempt, ...]:  # noqa: A001
    """Turn drafts into verified graphs or rejections; everything else passes, ids and order kept.

    Raises: SandboxUnavailable: this machine cannot run the sandbox.
    """
    signals = allowed_inputs(task)
    codes = [attempt.candidate.code for attempt in batch if isinstance(attempt.outcome, Drafted)]
    traced = iter(sandbox.trace(codes, signals=signals, constants=task.numbers()) if codes else [])
    return tuple(
        replace(attempt, outcome=_outcome(next(traced), signals)) if isinstance(attempt.outcome, Drafted) else attempt
        for attempt in batch
    )


def _outcome(traced: str | Rejected, signals: Mapping[str, tuple[int, ...]]) -> Verified | Rejected:
    if isinstance(traced, Rejected):
        return traced
    try:
        graph = RewardGraph.from_json(traced, signals=signals)
    except GraphError as error:
        return faults.rejection(Fault("graph", words={"detail": str(error)}), stage="compile")
    return Verified(graph=graph, warnings=_warnings(graph))


def _warnings(graph: RewardGraph) -> tuple[str, ...]:
    warnings = [f"Argument '{name}' is never used." for name in graph.unused]
    if not graph.components:
        warnings.append("The reward reports no components, so feedback can say nothing about its terms.")
    return tuple(warnings)
