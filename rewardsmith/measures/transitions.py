"""Real transitions, sampled from whole episodes, and how they are taken apart and put together anew.

Reward code reads a transition (s, a, s') by name: `prev_<signal>` is of s, `<signal>` of s' and of the action that led
there, `episode_progress` of the arrival. So any state can be put before any arrival, and a reward, being a function,
says what it would pay: `Joined` does that. Two things make it right for rewards as they are written:

- The action and s' stay together, as they occurred. A signal may hold both, and no measure needs them apart.
- States are put together within their context alone. What never changes within an episode (a goal, the place of a
  box) is no part of the state: it makes the episode a task of its own, and a reward that takes the distance from
  `prev_hand` to `goal` means one and the same goal. Episodes that agree in all such numbers share a context, as they do
  where every policy plays the same seeds; a task without such numbers is one context.

**The coverage distribution.** Every episode gives the same number of transitions, whatever its length, drawn from it at
random; so a random policy's seven steps count as much as an expert's thousand, and where the episodes reach from random
to expert, so does the sample. Imagined states are drawn from the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rewardsmith import pool
from rewardsmith.types import EPISODE_PROGRESS, PREVIOUS, Trajectory

if TYPE_CHECKING:
    from rewardsmith.graph import RewardGraph

Inputs = Mapping[str, Tensor]
"""Reward inputs by name, `(N, *shape)` each, as `RewardGraph` takes them."""
Reward = Callable[[Inputs], Tensor]
"""What a reward pays for N rows of inputs: `(N,)`. It must be a function of the inputs alone."""

STILL = 1e-5
"""A number that never moves by more than this within an episode is the context's, not the state's."""


def total(graph: RewardGraph) -> Reward:
    """A graph as a reward: its total, without the components."""
    return lambda inputs: graph(inputs)[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Transitions:
    """N transitions really made, in C contexts, and for each context M of them whose arrivals are imagined elsewhere.

    Keys of `before` are signals; `after` holds `episode_progress` too.
    """

    before: Inputs  # (N, *shape) what s says
    after: Inputs  # (N, *shape) what s' and the action say
    context: Tensor  # (N,) int64, 0 to C - 1
    imagined: Tensor  # (C, M) int64: rows of `after`

    @property
    def rows(self) -> Inputs:
        """The transitions as reward inputs."""
        return Joined(self.before, self.after)

    def __len__(self) -> int:
        return len(self.context)


@dataclass(frozen=True, slots=True)
class Joined(Mapping[str, Tensor]):
    """Reward inputs of which `prev_` names are read in `before` and all others in `after`, row by row."""

    before: Inputs
    after: Inputs

    def __getitem__(self, name: str) -> Tensor:
        return self.after[name] if name in self.after else self.before[name.removeprefix(PREVIOUS)]

    def __iter__(self) -> Iterator[str]:
        return iter([*self.after, *(PREVIOUS + name for name in self.before)])

    def __len__(self) -> int:
        return len(self.before) + len(self.after)


@dataclass(frozen=True, slots=True)
class Picked(Mapping[str, Tensor]):
    """Some rows of inputs, taken when they are asked for."""

    inputs: Inputs
    rows: Tensor  # int64

    def __getitem__(self, name: str) -> Tensor:
        return self.inputs[name][self.rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self.inputs)

    def __len__(self) -> int:
        return len(self.inputs)


def sample(
    trajectories: Sequence[Trajectory], *, episode_steps: int, rows: int = 512, imagined: int = 64, seed: int = 0
) -> Transitions:
    """At least `rows` transitions, and `imagined` arrivals a context, of the given episodes; the same for a seed.

    Raises: ValueError: there is no episode, or one without a transition.
    """
    if not trajectories or not all(len(t.actions) for t in trajectories):
        raise ValueError("measures need at least one episode, and a transition in each")
    draw = torch.Generator().manual_seed(seed)
    each = -(-rows // len(trajectories))
    picked = [torch.randint(len(t.actions), (each,), generator=draw) for t in trajectories]
    names = [*trajectories[0].signals]
    context = torch.tensor(contexts(trajectories)).repeat_interleave(each)
    return Transitions(
        before=_gathered(trajectories, picked, [PREVIOUS + n for n in names], episode_steps=episode_steps),
        after=_gathered(trajectories, picked, [*names, EPISODE_PROGRESS], episode_steps=episode_steps),
        context=context,
        imagined=torch.stack([_drawn(context == c, imagined, draw) for c in range(int(context.max()) + 1)]),
    )


def contexts(trajectories: Sequence[Trajectory]) -> list[int]:
    """The number of each episode's context, counted from 0 in the order they are met."""
    names = sorted(trajectories[0].signals)
    still = {name: ~_moving(trajectories, name) for name in names}
    known: dict[tuple[float, ...], int] = {}
    return [known.setdefault(_numbers(t, still), len(known)) for t in trajectories]


def _numbers(trajectory: Trajectory, still: Mapping[str, Tensor]) -> tuple[float, ...]:
    values = torch.cat([trajectory.signals[name][0][mask].flatten() for name, mask in still.items()])
    return tuple(round(float(value), 4) for value in values)


def _moving(trajectories: Sequence[Trajectory], name: str) -> Tensor:
    """Which numbers of a signal change within any episode, `(*shape)` bool."""
    ranges = [(t.signals[name] - t.signals[name][:1]).abs().amax(dim=0) for t in trajectories]
    return torch.stack(ranges).amax(dim=0) > STILL


def _gathered(
    trajectories: Sequence[Trajectory], picked: Sequence[Tensor], names: Sequence[str], *, episode_steps: int
) -> dict[str, Tensor]:
    """The picked rows of all episodes, end to end; the names lose their `prev_`."""
    every = [pool.rows(t, names, episode_steps=episode_steps) for t in trajectories]
    return {
        name.removeprefix(PREVIOUS): torch.cat([rows[name][i] for rows, i in zip(every, picked, strict=True)])
        for name in names
    }


def _drawn(mine: Tensor, count: int, draw: torch.Generator) -> Tensor:
    """`count` of the rows marked, each about equally often."""
    rows = mine.nonzero()[:, 0]
    times = -(-count // len(rows))
    return torch.cat([rows[torch.randperm(len(rows), generator=draw)] for _ in range(times)])[:count]
