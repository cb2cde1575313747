"""The tables in Gymnasium's documentation that say what each number of an observation or action is.

Only a section's first table with rows 0, 1, 2, ... counts: later ones tell of other things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from rewardsmith import envdoc
from rewardsmith.types import EnvSpec

UNITS = {"m": "m", "rad": "rad", "m/s": "m/s", "rad/s": "rad/s", "n": "N", "n m": "N m", "nm": "N m", "s": "s"}
MOST_ROWS_ALONE = 24
"""A longer table is proposed in runs of rows of one kind and unit, a shorter one row by row."""


WITH_MORE = ("AntEnv", "HumanoidEnv", "HumanoidStandupEnv")
"""Gymnasium's environments whose table is followed by numbers that the text alone describes."""
CUTS = ("exclude_", "include_")
"""How options begin that leave out or add numbers of an observation, so that the table does not hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Neighbouring numbers and what they are; `unit` is None where the table does not say."""

    start: int
    texts: tuple[str, ...]
    unit: str | None

    @property
    def stop(self) -> int:
        return self.start + len(self.texts)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    text: str
    kind: str  # joint and type, e.g. "hinge angle (rad)"; empty where the table has no columns for them
    unit: str | None


def observation_runs(env: EnvSpec, *, size: int) -> tuple[Run, ...]:
    """What the documentation says of the observation's `size` numbers, from the first on; empty where none fits."""
    rows = _rows(env.id, "Observation Space")
    if not _fits(env, len(rows), size=size):
        return ()
    by_row = [(position, [row]) for position, row in enumerate(rows)]
    runs = by_row if len(rows) <= MOST_ROWS_ALONE else list(_by_kind(rows))
    return tuple(Run(start=start, texts=tuple(r.text for r in run), unit=run[0].unit) for start, run in runs)


def action_texts(env_id: str) -> tuple[str, ...]:
    """What the documentation says of each number of an action; empty where it says nothing."""
    return tuple(row.text for row in _rows(env_id, "Action Space"))


def _fits(env: EnvSpec, rows: int, *, size: int) -> bool:
    """Whether a table of so many rows tells of an observation of so many numbers."""
    import gymnasium

    spec = gymnasium.registry.get(env.id.rpartition(":")[2])
    if spec is None or any(name.startswith(CUTS) for name in (*spec.kwargs, *env.options)):
        return False
    creator = spec.entry_point if isinstance(spec.entry_point, str) else getattr(spec.entry_point, "__name__", "")
    return rows == size or (rows < size and creator.rpartition(":")[2] in WITH_MORE)


def _by_kind(rows: list[_Row]) -> Iterator[tuple[int, list[_Row]]]:
    start = 0
    for _, run in groupby(rows, key=lambda row: (row.kind, row.unit)):
        found = list(run)
        yield start, found
        start += len(found)


def _rows(env_id: str, section: str) -> list[_Row]:
    text = envdoc.sections(envdoc.docstring(env_id)).get(section, "")
    rows: list[_Row] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) < 2 or cells[0] != str(len(rows)):
            continue
        rows.append(_row(cells))
    return rows


def _row(cells: list[str]) -> _Row:
    last = cells[-1].lower()
    named = re.search(r"\(([^()]*)\)\s*$", last)
    unit = "1" if "unitless" in last else UNITS.get(named[1].strip()) if named and len(cells) > 2 else None
    return _Row(text=cells[1].replace("`", ""), kind=" ".join(cells[5:]), unit=unit)
