"""`verify`: reward files through the gates of a run, outside any run."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rewardsmith.commands.options import AsJson, SandboxKind
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from rewardsmith.sandbox import ProcessSandbox
    from rewardsmith.types import Attempt, Rejected, Task, Verified

REJECTED = 1


def verify(
    files: Annotated[tuple[Path, ...], Parameter(help="Reward files.")],
    /,
    *,
    task: Annotated[str, Parameter(help="The task: a name that ships, or a path to a task file.")],
    sandbox: SandboxKind = None,
    as_json: AsJson = False,
) -> int:
    """Check reward files against a task, without training.

    Exit code 0: all accepted; 1: one was rejected; 2: wrong words or files. With --json, one object a line and file.
    """
    from rewardsmith import taskfile
    from rewardsmith.codetext import read_reward
    from rewardsmith.config import resolve
    from rewardsmith.sandbox import ProcessSandbox

    loaded = taskfile.load(task)
    if not files:
        raise UsageError("Which files? Expected rewardsmith verify FILE... --task TASK.")
    codes = [read_reward(file) for file in files]
    results = []
    with ProcessSandbox(resolve(loaded.settings, sets=locked_by(sandbox)).verify) as locked:
        locked.start()  # while all that follows is imported
        from rewardsmith.environment import first_frame

        first_frame(loaded)
        checker = Checker(loaded.task, locked)
        for file, code in zip(files, codes, strict=True):
            results.append(checker.check(file, code))
            print(results[-1].json() if as_json else results[-1].words(), flush=True)
    return 0 if all(r.accepted for r in results) else REJECTED


def locked_by(sandbox: SandboxKind) -> list[str]:
    return [f"verify.sandbox={sandbox}"] if sandbox else []


# --- verifying ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of a reward file."""

    file: Path
    outcome: Verified | Rejected
    seconds: float

    @property
    def accepted(self) -> bool:
        return not _is_rejected(self.outcome)

    def json(self) -> str:
        """One JSON object on one line; what does not apply is null or empty."""
        return json.dumps({"file": str(self.file), **plain_verdict(self.outcome), "seconds": round(self.seconds, 3)})

    def words(self) -> str:
        from rewardsmith.types import Rejected

        if isinstance(self.outcome, Rejected):
            at = f":{self.outcome.line}" if self.outcome.line is not None else ""
            return (
                f"{self.file}{at}: rejected at {self.outcome.stage}: {self.outcome.reason} {self.outcome.hint}".rstrip()
            )
        graph = self.outcome.graph
        lines = [f"{self.file}: accepted in {self.seconds:.1f} s"]
        lines += [f"  reads {', '.join(graph.inputs)}"]
        lines += [f"  components {', '.join(graph.components) or 'none'}"]
        lines += [f"  warning: {warning}" for warning in self.outcome.warnings]
        return "\n".join(lines)


class Checker:
    """Passes one reward after the other through the three gates, with one sandbox and one set of real states."""

    def __init__(self, task: Task, sandbox: ProcessSandbox) -> None:
        from rewardsmith import sim
        from rewardsmith.play import random_states

        self._task, self._sandbox = task, sandbox
        sandbox.start()
        self._states: Mapping[str, Tensor] = random_states(task, sim.make, seed=0)
        sandbox.layers()  # so that no verdict is said to have taken the time of its start

    def check(self, file: Path, code: str) -> Verdict:
        from rewardsmith.types import Rejected, Verified

        started = time.monotonic()
        [attempt] = self._through_gates(code)
        assert isinstance(attempt.outcome, Verified | Rejected)
        return Verdict(file=file, outcome=attempt.outcome, seconds=time.monotonic() - started)

    def _through_gates(self, code: str) -> Sequence[Attempt]:
        from rewardsmith import verify as gates
        from rewardsmith.assemble import written
        from rewardsmith.types import Attempt, Drafted

        batch = (Attempt(candidate=written(code), outcome=Drafted()),)
        return gates.gauntlet(batch, self._task, self._sandbox, self._states)


def _is_rejected(outcome: object) -> bool:
    from rewardsmith.types import Rejected

    return isinstance(outcome, Rejected)


def plain_verdict(outcome: Verified | Rejected) -> dict[str, object]:
    from rewardsmith.types import Rejected

    if isinstance(outcome, Rejected):
        found = {"stage": outcome.stage, "reason": outcome.reason, "hint": outcome.hint, "line": outcome.line}
        return {"accepted": False, **found, "warnings": [], "graph_hash": None, "inputs": [], "components": []}
    graph = outcome.graph
    return {
        "accepted": True,
        "stage": None,
        "reason": None,
        "hint": None,
        "line": None,
        "warnings": list(outcome.warnings),
        "graph_hash": graph.sha256,
        "inputs": list(graph.inputs),
        "components": list(graph.components),
    }
