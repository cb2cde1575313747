"""`evolve` and `resume`: begin a run, or go on with one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from rewardsmith.commands.options import (
    RUNS,
    ChangedSets,
    ConfigFile,
    Plain,
    RunName,
    RunsFolder,
    SandboxKind,
    Seed,
    Sets,
    TaskName,
)
from rewardsmith.errors import ConfigError, LimitReached, RunError, UsageError

if TYPE_CHECKING:
    from rewardsmith.assemble import Extras
    from rewardsmith.config import EvolveConfig
    from rewardsmith.sandbox import ProcessSandbox
    from rewardsmith.store import Run


Model = Annotated[
    str | None,
    Parameter(help="offline, manual[:FOLDER], replay:PATH, or provider/model, e.g. openai/gpt-5 or ollama/llama3.2."),
]
Method = Annotated[
    str | None, Parameter(help="A published method that ships (`rewardsmith methods`) or your own file.")
]
BaseUrl = Annotated[
    str | None, Parameter(help="Address of an OpenAI-compatible server, e.g. http://localhost:8000/v1.")
]
Seeds = Annotated[
    tuple[Path, ...],
    Parameter(name="--seed-reward", negative="", show_default=False, help="Your own reward as a start; repeatable."),
]
References = Annotated[
    bool,
    Parameter(negative="", show_default=False, help="Also train the expert's and the sparse reward, to compare with."),
]
Trajectories = Annotated[
    tuple[Path, ...],
    Parameter(
        name="--trajectories", negative="", show_default=False,
        help="Episodes of other runs of the task (`rewardsmith trajectories`) to begin with; repeatable.",
    ),
]  # fmt: skip
Human = Annotated[
    Literal["never", "after-generation"] | None,
    Parameter(help="When to wait for `rewardsmith feedback` (setting human.when)."),
]
HumanTimeout = Annotated[
    float | None, Parameter(validator=Number(gt=0), help="Seconds to wait for a person (setting human.timeout_s).")
]
Race = Annotated[
    bool | None,
    Parameter(
        help="Stop candidates that are clearly behind, solved, or hacking their reward (setting train.race.enabled); "
        "--no-race trains all for the whole budget.",
    ),
]
AuditScreen = Annotated[
    float | None,
    Parameter(
        validator=Number(gte=0, lte=1),
        help="Share, 0 to 1, of what the screen skips that is trained all the same (setting screen.audit).",
    ),
]
Name = Annotated[str | None, Parameter(help="The run's folder name, instead of <time>-<task>.")]
DryRun = Annotated[
    bool, Parameter(negative="", show_default=False, help="Print the plan and what it may cost; run nothing.")
]


def evolve(
    task: TaskName,
    /,
    *,
    model: Model = None,
    method: Method = None,
    seed: Seed = None,
    sets: Sets = (),
    config: ConfigFile = None,
    base_url: BaseUrl = None,
    seed_rewards: Seeds = (),
    references: References = False,
    trajectories: Trajectories = (),
    human: Human = None,
    human_timeout: HumanTimeout = None,
    sandbox: SandboxKind = None,
    race: Race = None,
    audit_screen: AuditScreen = None,
    runs: RunsFolder = RUNS,
    name: Name = None,
    dry_run: DryRun = False,
    plain: Plain = False,
) -> None:
    """Search for a better reward: ask, verify, train, judge, tell, and ask again.

    Settings: defaults < preset < method < task < --config FILE < --set < options of their own. The run is kept in
    RUNS/<time>-<task>/; Ctrl-C stops it cleanly and `rewardsmith resume` goes on with it.
    """
    from rewardsmith import taskfile
    from rewardsmith.config import resolve
    from rewardsmith.propose import rooted
    from rewardsmith.sandbox import ProcessSandbox

    loaded = taskfile.load(task)
    options: dict[str, str | int | float | None] = {
        "model": model,
        "seed": seed,
        "human.when": human,
        "human.timeout_s": human_timeout,
    }
    options |= {"verify.sandbox": sandbox, "train.race.enabled": race, "screen.audit": audit_screen}
    settings = rooted(resolve(loaded.settings, method=method, file=config, sets=[*sets, *_as_settings(options)]))
    with ProcessSandbox(settings.verify) as locked:
        if not dry_run:
            locked.start()  # while all that follows is imported and tried
        from rewardsmith.assemble import Extras, begin, prove, prove_sight, read_seeds
        from rewardsmith.environment import first_frame
        from rewardsmith.propose.endpoint import public
        from rewardsmith.store import claim_folder
        from rewardsmith.store.sharing import read_shared

        read_shared(trajectories, loaded.task)  # so that a wrong file is told before there is a run
        given = tuple(file.resolve() for file in trajectories)
        extras = Extras(base_url=base_url, references=references, seeded=read_seeds(seed_rewards), trajectories=given)
        folder = _folder(runs, loaded.task.name, name)
        prove(settings, extras, run_folder=folder, tell=_to_stderr)
        first_frame(loaded)
        prove_sight(loaded.task, settings)
        if dry_run:
            from rewardsmith.plan import plan_words

            print("\n".join(plan_words(loaded.task, settings, extras)))
            return
        if base_url and public(base_url) != base_url:
            _to_stderr(f"--base-url is kept as {public(base_url)}; give it in full again on `rewardsmith resume`.")
        with begin(folder if name else claim_folder(runs, loaded.task.name), loaded, settings, extras) as run:
            _say_start(run)
            _work(run, extras, settings, plain=plain, sandbox=locked)


def resume(
    run: RunName,
    /,
    *,
    sets: ChangedSets = (),
    base_url: BaseUrl = None,
    runs: RunsFolder = RUNS,
    plain: Plain = False,
) -> None:
    """Continue a run that was stopped or killed; it ends as if nothing had happened.

    Only limits, human, train.where, .farm, .workers, .at_once and .checkpoint_minutes, and propose.concurrency,
    .timeout_s and .retries may be set anew, and then hold until they are set again: all else would make it another run.
    A run whose files were damaged is refused; `rewardsmith fsck` says which.
    """
    from rewardsmith.assemble import extras_of
    from rewardsmith.commands.runs import print_run
    from rewardsmith.sandbox import ProcessSandbox
    from rewardsmith.store import Run

    folder = Run.resolve(run, runs)
    with Run.open(folder, write=False) as seen:
        if seen.finished:
            print(f"{folder} is finished: there is nothing to resume.\n")
            print_run(seen)
            return
        session_settings(seen.settings, sets)  # a wrong word is told before anything is written
    with Run.open(folder, write=True) as opened:
        _refuse_damaged(opened)
        extras = extras_of(opened)
        if base_url is not None:
            extras = extras.model_copy(update={"base_url": base_url})
        opened.change(session_settings(opened.settings, sets))
        with ProcessSandbox(opened.settings.verify) as locked:
            _work(opened, extras, opened.settings, plain=plain, sandbox=locked)


def _refuse_damaged(run: Run) -> None:
    """Raises: RunError: a file of the run is not what was recorded."""
    from rewardsmith.store.ledger import remedy

    damaged = run.damaged()
    if damaged:
        more = f" So are {len(damaged) - 1} more files." if len(damaged) > 1 else ""
        raise RunError(f"{damaged[0]}{more} {remedy(run.folder)}")


def session_settings(recorded: EvolveConfig, sets: Iterable[str]) -> EvolveConfig:
    """A run's own settings with those of `config.CHANGEABLE` that are set anew.

    Raises: UsageError: another setting is to be changed. ConfigError: a key or value does not fit.
    """
    from rewardsmith.config import CHANGEABLE, over, setting

    for text in sets:
        key = text.partition("=")[0].strip()
        if not any(f"{key}.".startswith(f"{path}.") for path in CHANGEABLE):
            raise UsageError(
                f"--set {text}: a run that is resumed keeps its settings, but for {', '.join(CHANGEABLE)}. "
                "Begin a new run for the others."
            )
    return over(recorded, [setting(text) for text in sets])


def _as_settings(flags: dict[str, str | int | float | None]) -> list[str]:
    """Flags that stand for settings, as `--set` would have them; quoted, so that any text is taken as it is."""
    from rewardsmith.yamlfile import quoted

    return [f"{key}={quoted(value)}" for key, value in flags.items() if value is not None]


def _folder(runs: Path, task_name: str, name: str | None) -> Path:
    from rewardsmith.store import new_folder

    if name is None:
        return new_folder(runs, task_name)
    if name in {"", ".", ".."} or "/" in name or os.sep in name:
        raise UsageError(f"--name '{name}' cannot name a folder. Expected one word; --runs says where it lies.")
    return runs / name


def _say_start(run: Run) -> None:
    config = run.config
    print(
        f"{run.folder}: {run.task.name} with {config.model}, method {config.method}, "
        f"{config.search.generations} generations x {config.search.offspring} rewards x "
        f"{config.train.env_steps:,} env steps, seed {config.seed}",
        flush=True,
    )


def _work(run: Run, extras: Extras, config: EvolveConfig, *, plain: bool, sandbox: ProcessSandbox) -> None:
    """Work on the run; where it stops short, say how to go on."""
    from rewardsmith import display, session

    try:
        session.work(run, extras, config, display.make(run.task, config, plain=plain), sandbox=sandbox)
    except KeyboardInterrupt:
        _to_stderr(
            f"interrupted; all finished generations are saved. Go on with: rewardsmith resume {quote(str(run.folder))}"
        )
        raise
    except (LimitReached, session.NothingJudged, ConfigError):
        raise
    except Exception:
        _to_stderr(
            f"stopped; all finished generations are saved. Go on with: rewardsmith resume {quote(str(run.folder))}"
        )
        raise


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
