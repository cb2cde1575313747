"""Run folders by name: what a new one is called, and which one a person means."""

from __future__ import annotations

import difflib
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rewardsmith.errors import RunError

LEDGER = "ledger.sqlite"
BACKUP = "ledger.backup.sqlite"
LOCK = "lock"
TOLD = "run.json"
NAMED_AT = "%Y%m%d-%H%M%S"


def new_folder(runs: Path, task_name: str, *, now: datetime | None = None) -> Path:
    """A folder that does not exist yet, such as `runs/20261121-062000-hopper_hop`; the time is UTC."""
    at = (now or datetime.now(UTC)).astimezone(UTC)
    name = f"{at:{NAMED_AT}}-{re.sub(r'[^A-Za-z0-9_.-]+', '_', task_name)}"
    folder, again = runs / name, 2
    while folder.exists():
        folder, again = runs / f"{name}-{again}", again + 1
    return folder


def claim_folder(runs: Path, task_name: str) -> Path:
    """A new folder, made at once, so that runs that begin in the same second get one each.

    Raises: RunError: it cannot be made.
    """
    while True:
        folder = new_folder(runs, task_name)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not runs.is_dir():
                raise RunError(f"{runs} is no folder. Choose another one for runs (--runs).") from None
        except OSError as error:
            raise RunError(f"{folder} cannot be made: {error.strerror}. Choose another folder for runs.") from error
        else:
            return folder


def list_runs(runs: Path) -> tuple[Path, ...]:
    """All run folders directly in `runs`, oldest first; one that may not be looked into is none.

    Raises: RunError: `runs` itself may not be looked into.
    """
    if not runs.is_dir():
        return ()
    try:
        found = [folder for folder in runs.iterdir() if is_file(folder / LEDGER)]
    except OSError as error:
        raise RunError(f"{runs} cannot be read ({error.strerror}). Choose another folder for runs (--runs).") from error
    return tuple(sorted(found, key=lambda folder: (_began(folder), folder.name)))


def is_file(path: Path) -> bool:
    """Whether there is a file; what may not be looked at is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _began(folder: Path) -> str:
    """When a run began, in UTC: as its name says, or, where a person named it, when what it began with was written."""
    if found := re.match(r"\d{8}-\d{6}(?=-)", folder.name):
        return found[0]
    for written in (folder / TOLD, folder):
        with suppress(OSError):
            return f"{datetime.fromtimestamp(written.stat().st_mtime, UTC):{NAMED_AT}}"
    return ""


def resolve(text: str, runs: Path) -> Path:
    """The run a person means by a folder's path, a name in `runs`, the beginning of one, or `latest`.

    Raises: RunError: none fits, or several do; the message lists the nearest.
    """
    if is_file(Path(text) / LEDGER):
        return Path(text)
    known = list_runs(runs)
    if not known:
        raise RunError(f"There is no run called '{text}': {runs} holds none. Begin one with `rewardsmith evolve`.")
    if text == "latest":
        return known[-1]
    exact = [f for f in known if f.name == text]
    meant = exact or [f for f in known if f.name.startswith(text)]
    if len(meant) != 1:
        raise RunError(_which(text, runs, meant, known))
    return meant[0]


def _which(text: str, runs: Path, meant: list[Path], known: tuple[Path, ...]) -> str:
    if meant:
        return f"'{text}' begins {len(meant)} runs in {runs}: {_names(meant)}. Write more of the name."
    near = difflib.get_close_matches(text, [f.name for f in known], n=3, cutoff=0.3)
    shown = [f for f in known if f.name in near] or list(known[-3:])
    return f"There is no run called '{text}' in {runs}. Nearest: {_names(shown)}. `latest` is {known[-1].name}."


def _names(folders: list[Path], most: int = 5) -> str:
    more = f" and {len(folders) - most} more" if len(folders) > most else ""
    return ", ".join(f.name for f in folders[:most]) + more
