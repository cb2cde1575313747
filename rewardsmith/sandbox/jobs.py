"""What a locked child can be asked to do, by name. Each job runs in a child of its own and answers plain JSON.

Only `trace` runs a candidate's Python. `check` and `probe` go before the training process where a graph is concerned:
whatever could crash or stall it does so here first. Nothing of what a job answers is believed by the other side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from rewardsmith.graph import GraphError, RewardGraph
from rewardsmith.sandbox import attacks, faults, properties, tracing
from rewardsmith.sandbox.faults import Fault

Request = Mapping[str, Any]  # JSON, of `parent.py`'s making
States = Mapping[str, Tensor]
Job = Callable[[Request, States], dict[str, object]]


def trace(request: Request, _: States) -> dict[str, object]:
    """The graph of a candidate's code."""
    return _told(tracing.trace(request["code"], request["shapes"], request["constants"]))


def check(request: Request, _: States) -> dict[str, object]:
    """The trusted check of a graph, tried where it can do no harm."""
    try:
        RewardGraph.from_json(request["graph"], signals=request["shapes"])
    except GraphError as error:
        return _told(Fault("graph", words={"detail": str(error)}))
    return {"checked": True}


def probe(request: Request, states: States) -> dict[str, object]:
    """A checked graph's properties on states: a fault, or warnings."""
    graph = RewardGraph.from_json(request["graph"], signals=request["shapes"])
    found = properties.examine(graph, states, request["units"])
    return _told(found) if isinstance(found, Fault) else {"warnings": [faults.to_json(fault) for fault in found]}


def attack(request: Request, _: States) -> dict[str, object]:
    """One of our own attempts to break out, for `doctor` and the tests."""
    return {"attack": attacks.attempt(request["name"], request["target"])}


JOBS: dict[str, Job] = {"trace": trace, "check": check, "probe": probe, "attack": attack}


def _told(found: str | Fault) -> dict[str, object]:
    return {"graph": found} if isinstance(found, str) else {"fault": faults.to_json(found)}
