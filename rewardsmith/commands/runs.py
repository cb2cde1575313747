"""`show` and `feedback`: look at a run, and tell it what you think; both work while it is being worked on."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rewardsmith.commands.options import RUNS, RunName, RunsFolder, refuse_folder
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.store import Run
    from rewardsmith.types import HumanInput

Pair = tuple[str, str]


def show(
    run: RunName = "latest",
    /,
    *,
    hacking: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Print instead which rewards were earned without the task."),
    ] = False,
    runs: RunsFolder = RUNS,
) -> None:
    """Print a run's table and lineage."""
    from rewardsmith.store import Run

    with Run.open(Run.resolve(run, runs), write=False) as opened:
        if hacking:
            from rewardsmith.report.hacking import hacking_page

            print(hacking_page(opened), end="")
        else:
            print_run(opened)


def print_run(run: Run) -> None:
    """The run as `show` prints it: what it is, every candidate, the winner's lineage, and what was measured again."""
    from rewardsmith.display import final_words, spend_words
    from rewardsmith.report import lineage, table

    config, final = run.config, run.final()
    state = run.ended() or "under way, or killed"
    print(f"{run.folder}: {run.task.name} with {config.model}, method {config.method}, seed {config.seed}; {state}\n")
    print(table(run))
    print(lineage(run))
    for line in final_words(final, run.history(), run.task) if final is not None else ():
        print(line)
    print(f"spent: {spend_words(run.cost())}")


def trajectories(
    run: RunName = "latest",
    /,
    *,
    out: Annotated[Path, Parameter(help="The file to write.")],
    runs: RunsFolder = RUNS,
) -> None:
    """Write the episodes a run knows to a file, for `rewardsmith evolve TASK --trajectories FILE`."""
    from rewardsmith.store import Run
    from rewardsmith.store.sharing import share

    refuse_folder("--out", out)
    with Run.open(Run.resolve(run, runs), write=False) as opened:
        count = share(opened, out)
        print(f"{out}: {count} episode{'' if count == 1 else 's'} of {opened.task.name}, from {opened.folder.name}")


def feedback(
    run: RunName,
    /,
    *,
    note: Annotated[str | None, Parameter(help="A note, in your own words; the next prompt carries it.")] = None,
    on: Annotated[str, Parameter(help="The candidate the note is about; without it, the whole run.")] = "",
    prefer: Annotated[Pair | None, Parameter(negative="", help="Two candidates, the better one first.")] = None,
    tie: Annotated[Pair | None, Parameter(negative="", help="Two candidates that are equally good.")] = None,
    veto: Annotated[str | None, Parameter(help="A candidate never to be a parent, nor the winner.")] = None,
    pin: Annotated[str | None, Parameter(help="The candidate to breed from; the last pin wins.")] = None,
    runs: RunsFolder = RUNS,
) -> None:
    """Tell a run what you think of its rewards; the next generation hears it, after the last the choice of the winner.

    Works from another shell while the run goes on. All that is said stands in the ledger with who and when.
    """
    from rewardsmith.store import Run
    from rewardsmith.store.pages import human_words

    said = inputs(note=note, on=on, prefer=prefer, tie=tie, veto=veto, pin=pin)
    with Run.open(Run.resolve(run, runs), write=False) as opened:
        opened.say(*said)
        for each in said:
            print(f"{opened.folder.name}: {human_words(each)}")
        if opened.finished:
            print(f"{opened.folder.name} is finished: this is kept in its ledger, and no generation will hear it.")


def inputs(
    *, note: str | None, on: str, prefer: Pair | None, tie: Pair | None, veto: str | None, pin: str | None
) -> list[HumanInput]:
    """What the options say, with who says it and when. Raises: UsageError: nothing is said, or it does not fit."""
    from rewardsmith.store.ledger import utc_now
    from rewardsmith.types import Mark, Note, Preference

    who, when = _who(), utc_now()
    said: list[HumanInput] = []
    if note is not None:
        if not note.strip():
            raise UsageError('--note is empty. Expected words, e.g. --note "it drags a foot".')
        said.append(Note(text=note, on=on, who=who, when=when))
    elif on:
        raise UsageError(f"--on {on} says which candidate a note is about, but there is no --note.")
    for pair, p_first in ((prefer, 1.0), (tie, 0.5)):
        if pair is None:
            continue
        if pair[0] == pair[1]:
            raise UsageError(f"A candidate cannot be compared with itself; got {pair[0]} twice.")
        first, second = pair
        said.append(Preference(first=first, second=second, p_first=p_first, source="person", who=who, when=when))
    said += [Mark(kind="veto", on=veto, who=who, when=when)] if veto else []
    said += [Mark(kind="pin", on=pin, who=who, when=when)] if pin else []
    if not said:
        raise UsageError(
            "Nothing was said. Expected --note TEXT [--on ID], --prefer A B, --tie A B, --veto ID or --pin ID."
        )
    return said


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user id, as in some containers
        return "unknown"
