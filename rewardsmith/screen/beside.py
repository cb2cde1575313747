"""Two episodes beside each other under one reward, in words: what it pays each, in sum and at a few telling steps.

Numbers and words of ours only; a component's name is the candidate's own word and is made safe to show.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith.quoting import one_line
from rewardsmith.types import Trajectory

NAME_LIMIT = 48
COMPONENTS = 6
STEPS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Paid:
    """An episode and what a reward pays for it. `called` says what it is: "success", "expert", ...

    `weights` make the score that was compared the sum of the weighted steps; `scored` says in words what that is.
    """

    called: str
    played: Trajectory
    reward: Tensor  # (T,)
    components: Mapping[str, Tensor]  # (T,) each
    weights: Tensor  # (T,)
    scored: str

    @property
    def total(self) -> float:
        return self.score(self.reward)

    def score(self, steps: Tensor) -> float:
        """What a score counts of the reward, or of one component: `(T,)` to a number."""
        return float((steps.double() * self.weights).sum())


def beside(better: Paid, worse: Paid) -> str:
    """Both episodes, of which `worse` scored too high, as a paragraph, a line on the components, and a table."""
    names = _largest_gaps(better, worse)
    lines = [
        f"The {better.called} it scores lowest ({_who(better)}) beside the {worse.called} it scores highest "
        f"({_who(worse)}), A and B:",
        f"- {better.scored}: {'; '.join(_sums(better, worse, names))}",
    ]
    blamed = favouring(better, worse)
    lines += [f"- paid more in B: {', '.join(f'`{_name(n)}`' for n in blamed)}"] if blamed else []
    return "\n".join([*lines, "", *_table(better, worse, names)])


def favouring(better: Paid, worse: Paid) -> list[str]:
    """The components that pay the worse episode more, the largest gap first."""
    return [name for name in _largest_gaps(better, worse) if _sum(worse, name) > _sum(better, name)]


def _who(paid: Paid) -> str:
    source = paid.played.source
    whose = "random actions" if source == "random" else f"the policy of {one_line(source, limit=NAME_LIMIT)}"
    return f"{whose}, {len(paid.reward)} steps, {'terminated' if paid.played.terminated else 'ran to its limit'}"


def _largest_gaps(better: Paid, worse: Paid) -> list[str]:
    """Component names in order of how differently the two are paid; a gap that is not finite comes first."""

    def gap(name: str) -> float:
        found = abs(_sum(better, name) - _sum(worse, name))
        return found if math.isfinite(found) else math.inf

    return sorted(better.components, key=lambda name: (-gap(name), name))[:COMPONENTS]


def _sums(better: Paid, worse: Paid, names: list[str]) -> list[str]:
    each = [f"`{_name(name)}` {_g(_sum(better, name))} against {_g(_sum(worse, name))}" for name in names]
    return [f"reward {_g(better.total)} against {_g(worse.total)}", *each]


def _table(better: Paid, worse: Paid, names: list[str]) -> list[str]:
    """Rows of a Markdown table: step, then A and B of the reward and of each component."""
    columns = ["reward", *(f"`{_name(name)}`" for name in names)]
    head = ["step", *(f"{column} {side}" for column in columns for side in "AB")]
    rows = [[str(step + 1), *_at(better, worse, names, step)] for step in telling_steps(better, worse)]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _at(better: Paid, worse: Paid, names: list[str], step: int) -> list[str]:
    pairs = [(better.reward, worse.reward), *((better.components[n], worse.components[n]) for n in names)]
    return [_g(float(values[step])) if step < len(values) else "ended" for pair in pairs for values in pair]


def telling_steps(better: Paid, worse: Paid) -> list[int]:
    """Steps (from 0) spread evenly over the longer episode, and the one where B is paid most beyond A."""
    longest = max(len(better.reward), len(worse.reward))
    both = min(len(better.reward), len(worse.reward))
    spread = {round(i * (longest - 1) / (STEPS - 1)) for i in range(STEPS)}
    return sorted(spread | {int(torch.argmax(worse.reward[:both] - better.reward[:both]))})


def _sum(paid: Paid, name: str) -> float:
    return paid.score(paid.components[name])


def _name(name: str) -> str:
    return one_line(name, limit=NAME_LIMIT).replace("`", "'")


def _g(value: float) -> str:
    if not math.isfinite(value):
        return "not finite"
    return f"{value:.3g}" if value else "0"
