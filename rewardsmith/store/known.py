"""The files that a run's ledger records: which hashes each may have, and what is wrong with it on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.store import artefacts
from rewardsmith.store.codec import Json

WITH_FILES = ("run", "trajectories", "references", "generation", "final", "files", "frames", "repaired")
"""Kinds of events that record files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFile:
    """A file as the ledger knows it: the hashes it may have, and whether it must be there."""

    file: str
    hashes: frozenset[str] = frozenset()
    written: bool = False

    def fault(self, root: Path) -> str | None:
        """What is wrong with the file in a run's folder; None where nothing is."""
        if not self.written and artefacts.is_inside(self.file) and not (root / self.file).exists():
            return None
        return artefacts.fault(root, self.file, any_of=self.hashes)


def known_files(events: Iterable[tuple[str, Json]]) -> dict[str, KnownFile]:
    """Every file that events, given as kind and body in order, recorded.

    Most files are written once. One that is replaced may still be as it was before: its new hash is recorded first. A
    repair takes away what was set aside.
    """
    found: dict[str, KnownFile] = {}
    for kind, body in events:
        given = body if isinstance(body, dict) else {}
        files, written = given.get("artefacts"), bool(given.get("written", True))
        for file, sha in files.items() if isinstance(files, dict) else ():
            if kind == "repaired":
                found.pop(file, None)
            else:
                before = found.get(file, KnownFile(file=file))
                found[file] = KnownFile(file=file, hashes=before.hashes | {str(sha)}, written=before.written or written)
    return found
