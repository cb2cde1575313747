"""Anchors in words and tables: for `rewardsmith anchors`, and as rows for scale under a run's result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewardsmith.anchors.record import Failed, Record
from rewardsmith.anchors.scale import anchors
from rewardsmith.report.tables import NOTHING, Table
from rewardsmith.store.pages import number
from rewardsmith.types import Anchor

HEADING = ("task", "policy", "env steps", "seeds", "fitness", "unit", "success", "env steps/s")


def anchor_table(records: Iterable[Record]) -> Table:
    """All anchors, a row each."""
    rows = [_row(record, anchor) for record in records for anchor in anchors(record)]
    return Table(heading=HEADING, rows=rows, right=frozenset({"env steps", "seeds", "env steps/s"}))


def failures(records: Iterable[Record]) -> tuple[str, ...]:
    """A line for each training that gave no score."""
    return tuple(
        f"{record.task}: the {t.reward} reward failed at {t.env_steps:,} env steps, seed {t.seed}: {t.result.reason}"
        for record in records
        for t in record.trainings
        if isinstance(t.result, Failed)
    )


def scale_rows(found: Sequence[Anchor]) -> list[tuple[str, ...]]:
    """Policy, fitness, no worst episode, success and seeds of anchors, as rows of a run's result."""
    return [
        (_policy(a), fitness_words(a), NOTHING, _rate(a), f"{a.seeds} seed{'s' if a.seeds > 1 else ''}") for a in found
    ]


def fitness_words(anchor: Anchor) -> str:
    """`12.3 ± 0.4`, or `12.3` of a single seed."""
    return number(anchor.fitness) + ("" if anchor.ci95 is None else f" ± {number(anchor.ci95)}")


def success_words(anchor: Anchor) -> str:
    """`75% (62% to 88%)`."""
    interval = anchor.success_ci95
    return _rate(anchor) + ("" if interval is None else f" ({interval[0]:.0%} to {interval[1]:.0%})")


def _rate(anchor: Anchor) -> str:
    return NOTHING if anchor.success_rate is None else f"{anchor.success_rate:.0%}"


def _policy(anchor: Anchor) -> str:
    if anchor.policy == "random":
        return "for scale: random actions"
    return f"for scale: {anchor.policy} reward, {anchor.env_steps:,} env steps"


def _row(record: Record, anchor: Anchor) -> tuple[str, ...]:
    same = [t for t in record.trainings if (t.reward, t.env_steps) == (anchor.policy, anchor.env_steps)]
    speeds = [t.env_steps_per_s for t in same if t.env_steps_per_s is not None]
    return (
        record.task,
        anchor.policy,
        f"{anchor.env_steps:,}" if anchor.env_steps else NOTHING,
        f"{anchor.seeds} of {anchor.seeds + anchor.failed}" if anchor.failed else str(anchor.seeds),
        fitness_words(anchor),
        record.unit,
        success_words(anchor),
        f"{sum(speeds) / len(speeds):,.0f}" if speeds else NOTHING,
    )
