"""The third gate: does the graph behave on data? Asked of a locked worker; see `sandbox.properties` for what is tried.

A fault rejects, a warning goes on with the attempt, to be shown and fed back. Nothing is trained here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from rewardsmith.interfaces import Sandbox
from rewardsmith.types import Attempt, Rejected, Task, Verified


def probe(batch: Sequence[Attempt], task: Task, sandbox: Sandbox, states: Mapping[str, Tensor]) -> tuple[Attempt, ...]:
    """Reject verified attempts that misbehave, and add warnings to the others; ids and order kept.

    `states`: every allowed input as `(R, *shape)` float32 rows from a real rollout of a random policy, R >= 2.

    Raises: SandboxUnavailable: this machine cannot run the sandbox.
    """
    units = {signal.name: signal.unit for signal in task.signals}
    graphs = [attempt.outcome.graph.to_json() for attempt in batch if isinstance(attempt.outcome, Verified)]
    found = iter(sandbox.probe(graphs, states=states, units=units) if graphs else [])
    return tuple(
        replace(attempt, outcome=_outcome(attempt.outcome, next(found)))
        if isinstance(attempt.outcome, Verified)
        else attempt
        for attempt in batch
    )


def _outcome(verified: Verified, found: tuple[str, ...] | Rejected) -> Verified | Rejected:
    if isinstance(found, Rejected):
        return found
    return replace(verified, warnings=(*verified.warnings, *found))
