"""`verify` and `train`: one reward file at a time, outside any run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from rewardsmith.commands.options import AsJson, ConfigFile, SandboxKind, Seed, Sets
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from rewardsmith.config import EvolveConfig
    from rewardsmith.interfaces import Trainee
    from rewardsmith.sandbox import ProcessSandbox
    from rewardsmith.types import Attempt, Judged, Rejected, Task, Verified

Reference = Literal["expert", "sparse"]
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
    from rewardsmith.assemble import make_sandbox, read_reward
    from rewardsmith.config import resolve

    loaded = taskfile.load(task)
    if not files:
        raise UsageError("Which files? Expected rewardsmith verify FILE... --task TASK.")
    codes = [read_reward(file) for file in files]
    checker = _Checker(loaded.task, make_sandbox(resolve(loaded.settings, sets=_locked_by(sandbox))))
    results = []
    try:
        for file, code in zip(files, codes, strict=True):
            results.append(checker.check(file, code))
            print(results[-1].json() if as_json else results[-1].words(), flush=True)
    finally:
        checker.close()
    return 0 if all(r.accepted for r in results) else REJECTED


def train(
    file: Annotated[Path | None, Parameter(help="A reward file; leave it out with --reference.")] = None,
    /,
    *,
    task: Annotated[str, Parameter(help="The task: a name that ships, or a path to a task file.")],
    reference: Annotated[
        Reference | None, Parameter(help="Train the environment's own reward, or the fitness as one, instead.")
    ] = None,
    seed: Seed = None,
    sets: Sets = (),
    config: ConfigFile = None,
    policy: Annotated[
        Path | None, Parameter(help="Where to write the policy, as .safetensors, e.g. for `rewardsmith render`.")
    ] = None,
    sandbox: SandboxKind = None,
    as_json: AsJson = False,
) -> int:
    """Verify, train and judge one reward. Exit code 1 where it is rejected on the way."""
    from rewardsmith import taskfile
    from rewardsmith.config import resolve

    if (file is None) == (reference is None):
        raise UsageError("Which reward? Expected either a FILE or --reference expert|sparse.")
    if policy is not None:
        _can_hold(policy)
    loaded = taskfile.load(task)
    words = [*sets, *([f"seed={seed}"] if seed is not None else []), *_locked_by(sandbox)]
    settings = resolve(loaded.settings, file=config, sets=words)
    started = time.monotonic()
    name = str(file) if file is not None else f"{reference} reward"
    outcome = _outcome(file, reference, loaded.task, settings)
    if policy is not None:
        _write(policy, outcome)
    return _tell(name, outcome, loaded.task, seconds=time.monotonic() - started, as_json=as_json)


def _can_hold(policy: Path) -> None:
    """Raises: UsageError: no policy can be written there. It is asked before the training, not after."""
    if policy.suffix != ".safetensors":
        raise UsageError(f"--policy {policy}: expected a file that ends in .safetensors.")
    try:
        policy.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--policy {policy}: the folder cannot be made ({error.strerror}).") from error


def _locked_by(sandbox: SandboxKind) -> list[str]:
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
        return json.dumps({"file": str(self.file), **_plain(self.outcome), "seconds": round(self.seconds, 3)})

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


class _Checker:
    """Passes one reward after the other through the three gates, with one sandbox and one set of real states."""

    def __init__(self, task: Task, sandbox: ProcessSandbox) -> None:
        from rewardsmith import sim
        from rewardsmith.play import random_states

        self._task, self._sandbox = task, sandbox
        sandbox.layers()  # started now, so that no verdict is said to have taken the time of it
        self._states: Mapping[str, Tensor] = random_states(task, sim.make, seed=0)

    def check(self, file: Path, code: str) -> Verdict:
        from rewardsmith.types import Rejected, Verified

        started = time.monotonic()
        [attempt] = self._through_gates(code)
        assert isinstance(attempt.outcome, Verified | Rejected)
        return Verdict(file=file, outcome=attempt.outcome, seconds=time.monotonic() - started)

    def close(self) -> None:
        self._sandbox.close()

    def _through_gates(self, code: str) -> Sequence[Attempt]:
        from rewardsmith import verify as gates
        from rewardsmith.assemble import written
        from rewardsmith.types import Attempt, Drafted

        batch = (Attempt(candidate=written(code), outcome=Drafted()),)
        return gates.gauntlet(batch, self._task, self._sandbox, self._states)


def _is_rejected(outcome: object) -> bool:
    from rewardsmith.types import Rejected

    return isinstance(outcome, Rejected)


def _plain(outcome: Verified | Rejected) -> dict[str, object]:
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


# --- training -------------------------------------------------------------------------------------------------------


def _outcome(file: Path | None, reference: Reference | None, task: Task, settings: EvolveConfig) -> Judged | Rejected:
    from rewardsmith.types import Rejected

    verified = _verified(file, task, settings) if file is not None else None
    if isinstance(verified, Rejected):
        return verified
    return _judged(_trainee(verified, reference, task), task, settings)


def _verified(file: Path, task: Task, settings: EvolveConfig) -> Verified | Rejected:
    from rewardsmith.assemble import make_sandbox, read_reward

    checker = _Checker(task, make_sandbox(settings))
    try:
        return checker.check(file, read_reward(file)).outcome
    finally:
        checker.close()


def _trainee(verified: Verified | None, reference: Reference | None, task: Task) -> Trainee:
    from rewardsmith import train as training
    from rewardsmith.interfaces import Trainee
    from rewardsmith.readings import Readings

    readings = Readings(task)
    if verified is not None:
        return Trainee(id="reward", reward=training.graph_reward(verified.graph, readings), verified=verified)
    if reference == "sparse":
        return Trainee(id="sparse", reward=training.sparse_reward(readings), verified=None)
    if task.references.expert is None:
        raise UsageError(f"Task '{task.name}' declares no expert reward (references.expert).")
    return Trainee(id="expert", reward=training.expert_reward(readings), verified=None)


def _judged(trainee: Trainee, task: Task, settings: EvolveConfig) -> Judged | Rejected:
    from rewardsmith import farm, judge, sim
    from rewardsmith.display import Board, Lines
    from rewardsmith.seeds import stream
    from rewardsmith.types import Rejected

    watch = Lines(Board(task=task, generations=0), out=sys.stderr)
    learner = farm.learner(settings.train, sim.make)
    [(trained, _)] = learner.train([trainee], task, seed=stream(settings.seed, 0, "train"), watch=watch, race=False)
    if isinstance(trained, Rejected):
        return trained
    [outcome] = judge.outcomes(
        [(trainee.id, trained)],
        task,
        sim.make,
        seed=stream(settings.seed, 0, "judge"),
        episodes=settings.judge.final_episodes,
        watch=watch,
    )
    return outcome


def _write(path: Path, outcome: Judged | Rejected) -> None:
    """Keep the policy that was judged, where one was."""
    from rewardsmith.policies import write_policy
    from rewardsmith.types import Rejected

    if not isinstance(outcome, Rejected):
        write_policy(path, outcome.policy)


def _tell(name: str, outcome: Judged | Rejected, task: Task, *, seconds: float, as_json: bool) -> int:
    from rewardsmith.store.pages import outcome_words
    from rewardsmith.types import Rejected

    if isinstance(outcome, Rejected):
        words = f"{name}: {outcome_words(outcome, unit='1')} {outcome.hint}".rstrip()
        plain = {"reward": name, **_plain(outcome)}
    else:
        words = (
            f"{name}: {outcome_words(outcome, unit=task.fitness.unit)}, after {outcome.trained.env_steps:,} env steps"
        )
        plain = {"reward": name, "accepted": True, **_measured(outcome)}
    print(json.dumps({**plain, "seconds": round(seconds, 3)}) if as_json else f"{words} ({seconds:.0f} s)")
    return REJECTED if isinstance(outcome, Rejected) else 0


def _measured(outcome: Judged) -> dict[str, object]:
    score, trained = outcome.score, outcome.trained
    return {
        "fitness": score.mean,
        "fitness_ci95": score.ci95,
        "success_rate": score.success_rate,
        "mean_length": score.mean_length,
        "episodes": list(score.episodes),
        "env_steps": trained.env_steps,
        "train_seconds": round(trained.seconds, 3),
        "curves": {c.name: {"env_steps": list(c.env_steps), "values": list(c.values)} for c in trained.curves},
    }
