"""`suites` and `anchors`: which tasks go together, and what random actions and reference rewards reach on them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from rewardsmith.commands.options import AsJson
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.anchors.measure import Job
    from rewardsmith.anchors.record import Record, Result
    from rewardsmith.config import EvolveConfig
    from rewardsmith.interfaces import Progress
    from rewardsmith.types import Task

FOLDER = Path("benchmarks/anchors")
BUDGETS = (300_000, 1_000_000)

What = Annotated[str, Parameter(help="A suite (`rewardsmith suites`) or a task, by its name or its file's path.")]
Tasks = Annotated[
    tuple[str, ...], Parameter(consume_multiple=True, negative="", show_default=False, help="Only these of the suite.")
]
SeedCount = Annotated[int, Parameter(validator=Number(gte=1), help="Seeds for each reward and budget: 0, 1, ...")]
Budgets = Annotated[
    tuple[Annotated[int, Parameter(validator=Number(gte=1))], ...],
    Parameter(consume_multiple=True, negative="", help="Env steps to train for; one or more."),
]
Folder = Annotated[Path, Parameter(help="Where the anchor files lie, one a task.")]


def suites(*, as_json: AsJson = False) -> None:
    """List the suites that ship, with their tasks."""
    from rewardsmith import suitefile

    found = [suitefile.load(name) for name in suitefile.names()]
    if as_json:
        print(json.dumps([suite.model_dump(mode="json") for suite in found], indent=2))
        return
    for suite in found:
        print(f"{suite.name}: {suite.about} ({suite.source})\n  {', '.join(suite.tasks)}")


def anchors(
    what: What,
    /,
    *,
    tasks: Tasks = (),
    seeds: SeedCount = 3,
    env_steps: Budgets = BUDGETS,
    folder: Folder = FOLDER,
    as_json: AsJson = False,
) -> None:
    """Measure what random actions and the reference rewards reach.

    Each task's environment reward (the expert's) and sparse reward are trained with the task's own settings for every
    budget and seed, and judged on fresh seeds. What FOLDER holds of the same task and settings is not measured again:
    a command that was stopped goes on where it stopped.
    """
    from rewardsmith import suitefile

    names = suitefile.tasks_of(what, only=tasks)
    plans = [_plan(name, folder, seeds=seeds, env_steps=env_steps) for name in names]
    _refuse_namesakes(dict(zip(names, plans, strict=True)))
    try:
        done = [_work(plan) for plan in plans]
    except KeyboardInterrupt:
        _say(f"interrupted; what was measured is kept in {folder}. The same command goes on from there.")
        raise
    print(_as_json(plans, done) if as_json else _words(done))


# --- measuring ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One task: what its anchor file holds and what is still to do."""

    task: Task
    config: EvolveConfig
    file: Path
    record: Record
    jobs: tuple[Job, ...]
    still: Callable[[Record], tuple[Job, ...]]
    """What a record lacks of all that is wanted."""


def _plan(name: str, folder: Path, *, seeds: int, env_steps: Sequence[int]) -> Plan:
    from rewardsmith import taskfile
    from rewardsmith.anchors.measure import missing
    from rewardsmith.anchors.record import begin
    from rewardsmith.config import resolve
    from rewardsmith.environment import first_frame

    loaded = taskfile.load(name)
    config = resolve(loaded.settings)
    file = folder / f"{loaded.task.name}.json"
    record = _known(file, begin(loaded.task, config.train, episodes=config.judge.final_episodes))
    still = partial(missing, task=loaded.task, env_steps=env_steps, seeds=seeds)
    jobs = still(record)
    if jobs:
        _prove(folder)
        first_frame(loaded)  # a task that does not fit its environment costs seconds, not the suite's hours
    return Plan(task=loaded.task, config=config, file=file, record=record, jobs=jobs, still=still)


def _refuse_namesakes(plans: Mapping[str, Plan]) -> None:
    """Raises: UsageError: two tasks have one anchor file, where each would set aside what the other measured."""
    first: dict[Path, str] = {}
    for name, plan in plans.items():
        other = first.setdefault(plan.file, name)
        if other != name:
            raise UsageError(
                f"{other} and {name} both have the name '{plan.task.name}', by which anchors are kept: one "
                f"{plan.file} cannot hold both. Change `name:` in one of them, or leave one out (--tasks)."
            )


def _prove(folder: Path) -> None:
    """Raises: UsageError: nothing can be written there, which is better known before hours of measuring."""
    from rewardsmith.store import artefacts

    if why := artefacts.refuses(folder):
        raise UsageError(f"--folder {folder}: nothing can be written there ({why}).")


def _known(file: Path, fresh: Record) -> Record:
    """What the file holds, or `fresh` where it holds nothing of the same task and settings."""
    from rewardsmith.anchors.record import read

    found = read(file) if file.exists() else fresh
    return found if found.of_same(fresh) else fresh


def _work(planned: Plan) -> Record:
    """Do what is missing; the file is written after each training."""
    from rewardsmith import farm, sim
    from rewardsmith.anchors.measure import Bench, measure, others_s, this_machine
    from rewardsmith.anchors.record import keep

    record = _known(planned.file, planned.record)  # another command may have measured some of it since
    plan = replace(planned, record=record, jobs=planned.still(record))
    if not plan.jobs:
        _say(f"{plan.task.name}: all measured already.")
        return plan.record
    bench = Bench(
        simulator=sim.make,
        learner=lambda settings: farm.learner(settings, sim.make),
        watch=_Quarters(plan.task.name),
        machine=this_machine(),
        others_s=others_s,
    )
    steps = measure(plan.record, plan.jobs, plan.task, plan.config, bench)
    for number, job in enumerate(plan.jobs, start=1):
        started = time.monotonic()
        _say(f"{plan.task.name} {number}/{len(plan.jobs)}: {_job_words(job)}")
        record = next(steps)
        aside = keep(plan.file, record)
        if aside is not None:
            _say(f"{plan.task.name}: {plan.file} was of another task or other settings; it is kept as {aside}.")
        _say(f"{plan.task.name} {number}/{len(plan.jobs)}: {_result_words(record, job)}, {_took(started)}")
    return _known(plan.file, record)


class _Quarters:
    """A line on stderr for every quarter of a training."""

    def __init__(self, task: str) -> None:
        self._task, self._told = task, 0

    def __call__(self, progress: Progress) -> None:
        quarter = int(4 * progress.fraction)
        if progress.stage == "train" and quarter != self._told:
            self._told = quarter
            if 0 < quarter < 4:
                speed = f", {progress.env_steps_per_s:,.0f} env steps/s" if progress.env_steps_per_s else ""
                _say(f"{self._task}: {25 * quarter}% trained{speed}")


# --- telling --------------------------------------------------------------------------------------------------------


def _words(records: Sequence[Record]) -> str:
    from rewardsmith.report.anchors import anchor_table, failures

    return "\n".join([anchor_table(records).text(), *failures(records)])


def _as_json(plans: Sequence[Plan], records: Sequence[Record]) -> str:
    from rewardsmith.anchors.scale import anchors as of

    rows = [
        {
            "task": record.task,
            "file": str(plan.file),
            "unit": record.unit,
            "episodes": record.episodes,
            "anchors": [asdict(anchor) for anchor in of(record)],
        }
        for plan, record in zip(plans, records, strict=True)
    ]
    return json.dumps(rows, indent=2)


def _job_words(job: Job) -> str:
    return "random actions" if job is None else f"the references, {job.env_steps:,} env steps, {_seeds(job.seeds)}"


def _result_words(record: Record, job: Job) -> str:
    """What the job measured, e.g. `expert 12.3 m, sparse 0.2 m`."""
    if job is None:
        assert record.random is not None
        return f"random {_one(record.random.result, record.unit)}"
    found = [t for t in record.trainings if t.env_steps == job.env_steps and t.seed in job.seeds]
    return ", ".join(f"{t.reward} {_one(t.result, record.unit)}" for t in found)


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"


def _one(result: Result, unit: str) -> str:
    from rewardsmith.anchors.record import Failed
    from rewardsmith.store.pages import number

    if isinstance(result, Failed):
        return f"failed ({result.reason})"
    success = "" if result.success_rate is None else f" (success {result.success_rate:.0%})"
    return f"{number(result.fitness)}{'' if unit == '1' else f' {unit}'}{success}"


def _took(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
