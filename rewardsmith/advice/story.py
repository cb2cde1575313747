"""An episode in numbers for a reader who has seen nothing: its signals at a few moments, their extremes, how it ended.

No reward, no component, no fitness and no word of a candidate is in it, so that none can sway who judges by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith.feedback.curves import evenly
from rewardsmith.feedback.signals import apart
from rewardsmith.feedback.wording import g, table, title
from rewardsmith.quoting import one_line
from rewardsmith.types import Signal, Task, Trajectory

MOMENTS = 6  # columns, the first and the last state included
ROWS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """An episode as it is told: how it ended, and a Markdown table of its signals with what it leaves out."""

    ending: str
    table: str


def story(trajectory: Trajectory, task: Task) -> Story:
    """The episode's signals at evenly spaced states, with the extremes of each and when they were reached."""
    states = len(trajectory.fitness_steps) + 1
    shown = evenly(states, MOMENTS)
    head = ["signal", *(f"step {i}" for i in shown), "lowest", "highest"]
    numbers = _numbers(trajectory, task)
    rows = [_row(name, values, shown) for name, values in numbers[:ROWS]]
    left_out = [name for name, _ in numbers[ROWS:]]
    more = f"\n\nNot shown, as the table is full: {one_line(', '.join(left_out))}." if left_out else ""
    return Story(ending=_ending(trajectory, task), table=table(head, rows) + more)


def _numbers(trajectory: Trajectory, task: Task) -> list[tuple[str, Tensor]]:
    """The signals as rows, each `(T + 1,)` with its name: short vectors apart, unless that makes more than `ROWS`."""
    found = [apart(title(s), trajectory.signals[s.name].double()) for s in task.signals]
    if sum(map(len, found)) > ROWS:
        found = [
            rows if len(rows) == 1 else [_norm(s, trajectory)] for s, rows in zip(task.signals, found, strict=True)
        ]
    return [row for rows in found for row in rows]


def _norm(signal: Signal, trajectory: Trajectory) -> tuple[str, Tensor]:
    values = trajectory.signals[signal.name].double()
    return f"norm of {title(signal)}", torch.linalg.vector_norm(values.flatten(1), dim=1)


def _ending(trajectory: Trajectory, task: Task) -> str:
    steps = len(trajectory.fitness_steps)
    lasted = f"{steps} of at most {task.episode_steps} control steps ({g(steps * task.control_dt_s)} s)"
    how = "the environment ended it early" if trajectory.terminated else "it was not ended early"
    return f"It lasted {lasted}; {how}."


def _row(name: str, values: Tensor, shown: list[int]) -> list[str]:
    """`values: (T + 1,)`, one number at every state."""
    low, high = int(values.nan_to_num().argmin()), int(values.nan_to_num().argmax())
    extremes = [f"{g(float(values[i]))} (step {i})" for i in (low, high)]
    return [name.replace("|", "/"), *(g(float(values[i])) for i in shown), *extremes]
