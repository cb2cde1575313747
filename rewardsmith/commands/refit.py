"""`refit` and `simplify`: change a finished run's reward without asking a model, by what is known and by training."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rewardsmith.commands.options import RUNS, RunName, RunsFolder, SandboxKind, Sets, refuse_folder
from rewardsmith.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from rewardsmith.config import EvolveConfig
    from rewardsmith.refit import Kept, Refitted
    from rewardsmith.store import Run
    from rewardsmith.types import Attempt

NOTHING_GAINED = 1
Which = Annotated[str | None, Parameter(help="The candidate, e.g. g003-02; without one, the best so far.")]


def refit(
    run: RunName,
    candidate: Which = None,
    /,
    *,
    output: Annotated[Path | None, Parameter(help="Where to write it, instead of RUN/refit/CANDIDATE.py.")] = None,
    sets: Sets = (),
    sandbox: SandboxKind = None,
    runs: RunsFolder = RUNS,
) -> int:
    """Fit a reward's weights and temperatures to the episodes a run knows, and write it as a file.

    Nothing is trained and no model is asked; --set refit.* says how. Exit code 0: written; 1: the present numbers rank
    episodes as well. Try the file with `rewardsmith train FILE --task TASK`, or breed from it with --seed-reward FILE.
    """
    from rewardsmith.refit import Kept
    from rewardsmith.store import Run, artefacts

    if output is not None:
        refuse_folder("--output", output)
    with Run.open(Run.resolve(run, runs), write=False) as opened:
        attempt = _chosen(opened, candidate)
        found = _refitted(opened, attempt, _settings(opened, sets, sandbox))
        print(_words(attempt.id, found))
        if isinstance(found, Kept):
            return NOTHING_GAINED
        path = output or opened.folder / "refit" / f"{attempt.id}.py"
        artefacts.write(path, artefacts.to_bytes(found.code))
        print(f"written: {os.path.relpath(path)}")
        return 0


def simplify(
    run: RunName,
    candidate: Which = None,
    /,
    *,
    sets: Sets = (),
    sandbox: SandboxKind = None,
    runs: RunsFolder = RUNS,
) -> None:
    """Train the winner, or a candidate, without each of its components, and drop those it can do without.

    Takes judge.simplify_seeds trainings for the reward and for each removal tried, in rounds until nothing can go;
    --set train.env_steps=N makes them shorter. Writes RUN/simplified/CANDIDATE.py and the table beside it.
    """
    from rewardsmith import farm, sim
    from rewardsmith.budget import Budget
    from rewardsmith.display import Board, Lines
    from rewardsmith.sandbox import ProcessSandbox
    from rewardsmith.session import simplify_candidate
    from rewardsmith.simplify import Tools
    from rewardsmith.store import Run
    from rewardsmith.store.artefacts import refuses

    with Run.open(Run.resolve(run, runs), write=False) as opened:
        attempt, config = _chosen(opened, candidate), _settings(opened, sets, sandbox)
        if (why := refuses(opened.folder)) is not None:
            raise UsageError(f"{opened.folder}: what is found could not be kept there ({why}). Allow writing in it.")
        with ProcessSandbox(config.verify) as started:
            tools = Tools(
                sandbox=started,
                simulator=sim.make,
                learner=farm.learner(config.train, sim.make),
                watch=Lines(Board(task=opened.task, generations=0), out=sys.stderr),
            )
            print(simplify_candidate(opened, attempt.id, tools, config, Budget(config.limits)))


def _settings(run: Run, sets: Sets, sandbox: SandboxKind) -> EvolveConfig:
    """The run's settings as they hold now, without its limits and with what is set anew."""
    from rewardsmith.config import LimitSettings, over, setting

    locked = [f"verify.sandbox={sandbox}"] if sandbox else []
    plain = run.settings.model_copy(update={"limits": LimitSettings()})
    return over(plain, [setting(text) for text in (*sets, *locked)])


def _chosen(run: Run, candidate: str | None) -> Attempt:
    """The attempt to work on: one that was judged, unless a person names another.

    Raises: UsageError: there is no such candidate, or nothing was judged.
    """
    known = {a.id: a for generation in run.history() for a in generation.attempts}
    if candidate is None:
        final, best = run.final(), run.best()
        if final is None and best is None:
            raise UsageError(f"{run.folder} has no judged candidate yet. Name one, e.g. rewardsmith refit RUN g001-00.")
        candidate = final.winner if final is not None else best.id if best is not None else ""
    if candidate not in known:
        listed = ", ".join(known) or "none yet"
        raise UsageError(f"There is no candidate '{candidate}'.{did_you_mean(candidate, known)} Known: {listed}.")
    return known[candidate]


def _refitted(run: Run, attempt: Attempt, config: EvolveConfig) -> Refitted | Kept:
    from rewardsmith import refit as operators
    from rewardsmith.sandbox import ProcessSandbox
    from rewardsmith.store.sharing import known_to

    with ProcessSandbox(config.verify) as sandbox:
        return operators.refit(
            attempt.candidate.code,
            known_to(run),
            run.people.said(),
            run.task,
            sandbox,
            config.refit,
            gamma=config.train.gamma,
        )


def _words(name: str, found: Refitted | Kept) -> str:
    from rewardsmith.refit import Kept
    from rewardsmith.report.tables import Table

    if isinstance(found, Kept):
        return f"{name} keeps its numbers. {found.why}"
    rows = [(c.name, f"{c.before:g}", f"{c.after:g}" if c.after != c.before else "as it was") for c in found.changes]
    table = Table(heading=("number", "before", "after"), rows=rows, right=frozenset({"before", "after"})).text()
    before, after = found.before, found.after
    return (
        f"{name}, fitted to {found.fitted_to} pairs of episodes:\n\n{table}\n"
        f"Of {found.held_out} held-out pairs {before.accuracy:.1%} were ranked right, now {after.accuracy:.1%}; "
        f"log-loss {before.loss:.3f}, now {after.loss:.3f}."
    )
