"""Writes the tables into docs/anchors.md, between its two marks, from benchmarks/anchors and results/solves.json.

Run it after `rewardsmith anchors` or `benchmarks/solves.py`: `python docs/make_anchors_page.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rewardsmith import resources, taskfile
from rewardsmith.anchors.record import Record, Scored, read
from rewardsmith.anchors.scale import anchors
from rewardsmith.report.anchors import fitness_words
from rewardsmith.report.tables import NOTHING, Table
from rewardsmith.types import Anchor

PAGE = Path(__file__).resolve().parent / "anchors.md"
BEGIN = "<!-- made by docs/make_anchors_page.py from benchmarks/anchors -->"
END = "<!-- end of what is made -->"
BUDGETS = {300_000: "300k", 1_000_000: "1M"}
TRIES = PAGE.parent.parent / "benchmarks" / "results" / "solves.json"
SOLVED = 0.9  # of the episodes succeed


def page(text: str) -> str:
    """The page with its table made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{made(records())}\n{_tried()}{END}{after}"


def records() -> list[Record]:
    """All that was measured, in the tasks' order of names."""
    files = ((resources.anchors_folder() / f"{name}.json") for name in taskfile.names())
    return [read(file) for file in files if file.is_file()]


def made(found: Sequence[Record]) -> str:
    """The table, where it was measured, and what is not solved."""
    heading = (
        "task",
        "unit",
        "random",
        *(f"{reward} {words}" for reward in ("expert", "sparse") for words in BUDGETS.values()),
        "env steps/s",
    )
    table = Table(heading=heading, rows=[_row(record) for record in found], right=frozenset({"env steps/s"}))
    machines = {f"{m.cpu}, {m.cores} cores{f', {m.gpu}' if m.gpu else ''}" for r in found for m in r.machines}
    dates = sorted({t.date for r in found for t in r.trainings})
    when = " to ".join(sorted({dates[0], dates[-1]})) if dates else ""
    measured = f"Measured {when} on {'; '.join(sorted(machines))}." if dates else "None so far."
    whole = {r.task for r in found if {t.env_steps for t in r.trainings} >= BUDGETS.keys()}
    lacking = [name for name in taskfile.names() if name not in whole]
    rest = f"Not measured yet, or not in whole: {', '.join(lacking)}.\n" if lacking else ""
    return "\n".join([table.markdown(), f"{measured}\n", rest, _unsolved(found)]).replace("\n\n\n", "\n\n")


def _row(record: Record) -> tuple[str, ...]:
    by_policy = {(a.policy, a.env_steps): a for a in anchors(record)}
    trained = [by_policy.get((reward, steps)) for reward in ("expert", "sparse") for steps in BUDGETS]
    speeds = [t.env_steps_per_s for t in record.trainings if t.env_steps_per_s]
    return (
        record.task,
        record.unit,
        _words(by_policy.get(("random", 0))),
        *map(_words, trained),
        f"{max(speeds):,.0f}" if speeds else NOTHING,
    )


def _words(anchor: Anchor | None) -> str:
    if anchor is None:
        return NOTHING
    rate = "" if anchor.success_rate is None else f" ({anchor.success_rate:.0%})"
    return f"{fitness_words(anchor)}{rate}"


def _unsolved(found: Sequence[Record]) -> str:
    """The tasks that have a success, and in which PPO finds it too seldom under the environment's own reward."""
    lines = list(_short_of(found))
    return "\n".join(["## Not solved by PPO within 1M env steps under the environment's own reward\n", *lines, ""])


def _short_of(found: Sequence[Record]) -> Iterator[str]:
    for record in found:
        for a in anchors(record):
            asked = (a.policy, a.env_steps) == ("expert", max(BUDGETS))
            if asked and a.success_rate is not None and a.success_rate < SOLVED:
                yield f"- `{record.task}`: {a.success_rate:.0%} of the episodes succeed{_by_seed(record)}"


def _by_seed(record: Record) -> str:
    """How much of the expert's episodes succeed under each seed, after the largest budget."""
    longest = [t.result for t in record.trainings if (t.reward, t.env_steps) == ("expert", max(BUDGETS))]
    rates = [f"{r.success_rate:.0%}" for r in longest if isinstance(r, Scored) and r.success_rate is not None]
    return f": {', '.join(rates)} by seed" if len(rates) > 1 else ""


def _tried() -> str:
    """What else was tried on them, one line each."""
    if not TRIES.is_file():
        return ""
    tries: list[dict[str, Any]] = json.loads(TRIES.read_text(encoding="utf-8"))["tries"]
    rows = [_try(t) for t in sorted(tries, key=lambda t: (t["task"], t["by_seed"][0][0]))]
    table = Table(
        heading=("task", "learner", "env steps", "success, by seed"), rows=rows, right=frozenset({"env steps"})
    )
    return f"## What more was tried\n\n{table.markdown()}\n"


def _try(one: dict[str, Any]) -> tuple[str, str, str, str]:
    sets = dict(text.split("=", 1) for text in one["settings"])
    learner = sets.pop("train.algorithm", "ppo").upper()
    sets.pop("train.env_steps", None)
    more = "".join(f", {name.removeprefix('train.')} {value}" for name, value in sets.items())
    rates = ", ".join(NOTHING if success is None else f"{success:.0%}" for _, _, success in one["by_seed"])
    return one["task"], f"{learner}{more}", f"{one['by_seed'][0][0]:,}", rates


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
