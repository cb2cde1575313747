"""`screen`: hold reward files against the episodes of a run, without training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rewardsmith.commands.options import RUNS, AsJson, RunsFolder, SandboxKind, Sets
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.config import EvolveConfig, Layer
    from rewardsmith.screen import Verdict
    from rewardsmith.screen.duplicates import Twin
    from rewardsmith.types import Rejected, Task, Trajectory, Verified

ALL_TESTS = ("screen.duplicates=shaped", "screen.preference=auc", "screen.demonstration=true")
FAILED = 1


def screen(
    files: Annotated[tuple[Path, ...], Parameter(help="Reward files.")],
    /,
    *,
    task: Annotated[str, Parameter(help="The task: a name that ships, or a path to a task file.")],
    against: Annotated[
        str, Parameter(help="A run of the task, or a file of episodes that `rewardsmith trajectories` wrote.")
    ],
    sets: Sets = (),
    sandbox: SandboxKind = None,
    runs: RunsFolder = RUNS,
    as_json: AsJson = False,
) -> int:
    """Hold rewards against the episodes a run knows: is one worth training? Nothing is trained.

    All tests are asked, whatever the task's settings; --set screen.* says otherwise. Exit code 0: none failed; 1: one
    did; 2: wrong words or files. With --json, one object a line and file.
    """
    from rewardsmith import taskfile
    from rewardsmith.codetext import read_reward
    from rewardsmith.config import over, resolve, setting
    from rewardsmith.environment import first_frame
    from rewardsmith.screen import Failed, Screen
    from rewardsmith.types import Rejected

    if not files:
        raise UsageError("Which files? Expected rewardsmith screen FILE... --task TASK --against RUN.")
    loaded = taskfile.load(task)
    locked = [f"verify.sandbox={sandbox}"] if sandbox else []
    config = resolve(loaded.settings, sets=[*ALL_TESTS, *sets, *locked])
    codes = [read_reward(file) for file in files]
    episodes, twins, trained_with = _known(against, runs, loaded.task)
    config = over(config, [trained_with, *map(setting, sets)])
    first_frame(loaded)
    tests = Screen(loaded.task, config, trajectories=episodes)
    failed = False
    for file, outcome in zip(files, _checked(codes, loaded.task, config), strict=True):
        verdicts = [] if isinstance(outcome, Rejected) else tests.verdicts(outcome.graph, twins)
        failed |= isinstance(outcome, Rejected) or any(isinstance(v, Failed) for v in verdicts)
        print(_json(file, outcome, verdicts) if as_json else _words(file, outcome, verdicts), flush=True)
    return FAILED if failed else 0


def _known(against: str, runs: Path, task: Task) -> tuple[tuple[Trajectory, ...], list[Twin], Layer]:
    """The episodes to hold rewards against, the rewards a run has judged, and how it counts and scales returns.

    Raises: UsageError: the run is of another task. ConfigError: the file is. RunError: there is no such run.
    """
    from rewardsmith.screen.duplicates import judged_twins
    from rewardsmith.store import Run
    from rewardsmith.store.sharing import known_to, meaning, read_shared

    if Path(against).is_file():
        return read_shared([Path(against)], task), [], {}
    with Run.open(Run.resolve(against, runs), write=False) as run:
        if meaning(run.task) != meaning(task):
            raise UsageError(
                f"--against {against}: it is a run of '{run.task.name}', whose world, signals or fitness are not those "
                f"of '{task.name}' as it is now. Expected a run of the same task."
            )
        episodes, train = tuple(known_to(run)), run.config.train
        twins = judged_twins([a for generation in run.history() for a in generation.attempts])
        return episodes, twins, {"train": {"gamma": train.gamma, "normalise_reward": train.normalise_reward}}


def _checked(codes: Sequence[str], task: Task, config: EvolveConfig) -> list[Verified | Rejected]:
    """Each code through the gates of verification."""
    from rewardsmith import sim, verify
    from rewardsmith.assemble import written
    from rewardsmith.play import random_states
    from rewardsmith.sandbox import ProcessSandbox
    from rewardsmith.types import Attempt, Drafted, Rejected, Verified

    batch = [Attempt(candidate=written(code, index=i), outcome=Drafted()) for i, code in enumerate(codes)]
    with ProcessSandbox(config.verify) as sandbox:
        sandbox.start()
        found = verify.gauntlet(batch, task, sandbox, random_states(task, sim.make, seed=0))
    return [a.outcome for a in found if isinstance(a.outcome, Verified | Rejected)]


def _words(file: Path, outcome: Verified | Rejected, verdicts: Sequence[Verdict]) -> str:
    from rewardsmith.screen import Failed, Undecided
    from rewardsmith.types import Rejected

    if isinstance(outcome, Rejected):
        return f"{file}: rejected at {outcome.stage}: {outcome.reason} {outcome.hint}".rstrip()
    failed = next((v for v in verdicts if isinstance(v, Failed)), None)
    lines = [f"{file}: {'would be trained' if failed is None else 'would be skipped'}"]
    for verdict in verdicts:
        match verdict:
            case Failed():
                lines += [f"  {verdict.test}: failed. {verdict.reason} {verdict.hint}"]
            case Undecided():
                lines += [f"  {verdict.test}: undecided. {verdict.words}"]
            case _:
                lines += [f"  {verdict.test}: passed. {verdict.words}"]
    beside = failed.text.partition("\n\n")[2] if failed is not None else ""
    return "\n".join([*lines, *(f"  {line}".rstrip() for line in beside.splitlines())])


def _json(file: Path, outcome: Verified | Rejected, verdicts: Sequence[Verdict]) -> str:
    from rewardsmith.screen.records import plain
    from rewardsmith.types import Rejected

    rejected = {"stage": outcome.stage, "reason": outcome.reason} if isinstance(outcome, Rejected) else None
    return json.dumps({"file": str(file), "rejected": rejected, "tests": [plain(v) for v in verdicts]})
