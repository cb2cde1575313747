"""What simplifying a candidate came to, as text: a table of what was tried and the change as a diff."""

from __future__ import annotations

import difflib

import numpy as np

from rewardsmith.judge import mean_ci95
from rewardsmith.quoting import one_line
from rewardsmith.report.tables import NOTHING, Table
from rewardsmith.simplify import Fitness, Simplified, Tried
from rewardsmith.store.pages import number

_VERDICTS = {
    "dropped": "dropped",
    "spare": "could go, asked again",
    "needed": "needed",
    "stuck": "left: ",
}


def simplified_page(found: Simplified, *, name: str, unit: str) -> str:
    """Markdown for `simplified/<name>.md`."""
    table, diff = _table(found, name, unit).markdown(), diff_of(found, name)
    return f"# {name}, simplified\n\n{outcome(found)}\n\n{table}\n```diff\n{diff}```\n"


def simplified_words(found: Simplified, *, name: str, unit: str) -> str:
    """The same for a terminal."""
    return f"{_table(found, name, unit).text()}\n{diff_of(found, name)}\n{outcome(found)}\n"


def outcome(found: Simplified) -> str:
    """In a sentence or two: what went, and what it took."""
    if found.dropped:
        went = f"Dropped: {', '.join(one_line(c) for c in found.dropped)}."
    else:
        went = "Nothing was tried." if found.stopped and not found.tried else "No component can go."
    stopped = f" It ended early: {found.stopped}." if found.stopped else ""
    return f"{went}{stopped} It took {found.spend.env_steps:,} env steps beside the run's own."


def diff_of(found: Simplified, name: str) -> str:
    """The change from the candidate to what is left, as a unified diff; empty where there is none."""
    before, after = (code.splitlines(keepends=True) for code in (found.before, found.after))
    lines = difflib.unified_diff(before, after, fromfile=f"candidates/{name}.py", tofile=f"simplified/{name}.py")
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _table(found: Simplified, name: str, unit: str) -> Table:
    fitness = "fitness" if unit == "1" else f"fitness [{one_line(unit)}]"
    rows = [(NOTHING, f"({name})", _fitness(found.winner), f"over {len(found.winner)} trainings")]
    rows += [(str(t.turn), t.component, _fitness(t.fitness), _verdict(t)) for t in found.tried]
    return Table(heading=("round", "without", fitness, "verdict"), rows=rows, right=frozenset({"round", fitness}))


def _fitness(values: Fitness | None) -> str:
    return f"{number(float(np.mean(values)))} +- {number(mean_ci95(np.array(values)))}" if values else NOTHING


def _verdict(tried: Tried) -> str:
    why = f": {tried.why}" if tried.why and tried.verdict == "needed" else tried.why
    return f"{_VERDICTS[tried.verdict]}{why}"
