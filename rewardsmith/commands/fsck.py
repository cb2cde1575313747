"""`fsck`: is everything of a run as it was recorded? And if not, back to the last good state."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rewardsmith.commands.options import RUNS, RunName, RunsFolder

if TYPE_CHECKING:
    from rewardsmith.store.fsck import Report

DAMAGED = 3


def fsck(
    run: RunName = "latest",
    /,
    *,
    repair: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Do what is proposed; nothing is deleted."),
    ] = False,
    runs: RunsFolder = RUNS,
) -> int:
    """Check every event and every file of a run against what was recorded.

    Ends with 3 where something is damaged and was not repaired. --repair writes anew what can be told from elsewhere,
    moves the rest into RUN/damaged/, and takes the run back to its last good state, from which `resume` goes on.
    """
    from rewardsmith.store import fsck as store

    folder = _folder(run, runs)
    report = store.repair(folder) if repair else store.check(folder)
    print("\n".join(words(report)))
    return DAMAGED if report.faults and report.aside is None else 0


def words(report: Report) -> list[str]:
    """What was found, line by line."""
    folder = report.folder
    looked = f"{folder}: {report.events} events and {report.files} files looked at"
    begun = [f"under way: {', '.join(report.under_way)}"] if report.under_way else []
    if not report.faults:
        return [f"{looked}; all is as it was recorded", *begun]
    each = [f"- {fault.what.rstrip('.')}.\n  {fault.cure}" for fault in report.faults]
    if report.aside is not None:
        return [f"{looked}; repaired:", *each, f"What was taken out lies in {report.aside}."]
    todo = f"`rewardsmith fsck {quote(str(folder))} --repair` does what stands under each; nothing is deleted."
    return [f"{looked}; {len(each)} found:", *each, *begun, todo]


def _folder(run: str, runs: Path) -> Path:
    """The run's folder; one whose ledger is gone counts while its backup is there."""
    from rewardsmith.store import Run
    from rewardsmith.store.folders import BACKUP

    for folder in (Path(run), runs / run):
        if (folder / BACKUP).is_file():
            return folder
    return Run.resolve(run, runs)
