"""Is the difference of two rewards a potential shaping, F = g Phi(s') - Phi(s), which changes no best policy?

Two tests of unlike reach:

- `imagined` asks by form. Around every loop of states the discounted sum of a shaping follows from the start alone
  (with g = 1 it is 0). Loops seldom occur, but a reward is a function: states are joined as EPIC joins them, and what
  is left of F in EPIC's form is what no potential explains. No guess at Phi is needed, and it is exact.
- `fitted` asks on real stretches of episodes, where the sum of g^k F_k telescopes to g^n Phi(s_n) - Phi(s_0): the best
  Phi there is among `features` is fitted to half of the stretches and judged on the others; what F pays at every step
  alike is left out. It also sees what is a shaping by physics alone, such as a velocity, the change of a position among
  the signals. It is never exact, and on the episodes of a single policy every reward passes, its value being the
  potential; give it many policies.

Reference: Ng, Harada and Russell 1999, "Policy invariance under reward transformations", ICML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith import pool
from rewardsmith.measures import epic, features
from rewardsmith.measures.transitions import Inputs, Reward, Transitions
from rewardsmith.types import EPISODE_PROGRESS, PREVIOUS, Trajectory

IMAGINED, FITTED = 1e-4, 0.3
"""Shares of F that may stay unexplained in a shaping, besides the rewards' rounding: that of means, and a fit's error.

On episodes of shipped tasks shapings left 0.03 to 0.29, other differences 0.35 or more.
"""
ROUNDING = 2e-7
"""What float32 may leave of a difference where there is none, as a share of the two rewards it is of."""
RIDGE = 1e-4

Rewards = tuple[Reward, Reward]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shaping:
    """Whether F is a potential shaping; `residual` in [0, 1] is the share of its spread that no potential explains."""

    potential: bool
    residual: float


def imagined(first: Reward, second: Reward, transitions: Transitions, *, gamma: float) -> Shaping | None:
    """The test by form; None where the two rewards differ by a constant or by rounding, or not finitely."""

    def difference(inputs: Inputs) -> Tensor:
        return second(inputs).double() - first(inputs).double()

    left = epic.canonical(difference, transitions, gamma=gamma)
    one, other = (reward(transitions.rows).double() for reward in (first, second))
    return _judged(left, of=other - one, rounding=_rounding(one, other), below=IMAGINED)


def fitted(
    first: Reward,
    second: Reward,
    trajectories: Sequence[Trajectory],
    *,
    episode_steps: int,
    gamma: float,
    stretches: int = 2048,
    seed: int = 0,
) -> Shaping | None:
    """The test on real stretches; None where all of them pay the same difference, or not a finite one.

    Raises: ValueError: there is no episode, or one without a transition.
    """
    drawn = _draw(trajectories, (first, second), episode_steps, gamma, stretches, seed)
    if not bool(torch.isfinite(drawn.sums).all()):
        return None
    start, end = features.of_states(drawn.starts, drawn.ends)
    alike = drawn.lengths[:, None]
    telescoped = torch.cat([drawn.discounts[:, None] * end - start, alike], dim=1)
    left = drawn.sums - telescoped @ _solved(telescoped[::2], drawn.sums[::2])
    varying = drawn.sums - alike @ _solved(alike[::2], drawn.sums[::2])
    rounding = drawn.rounding * math.sqrt(float(drawn.lengths.max()))  # of steps, which do not all err the same way
    return _judged(left[1::2], of=varying[1::2], rounding=rounding, below=FITTED)


def _solved(rows: Tensor, sums: Tensor) -> Tensor:
    """Weights of the least squares, kept a little small so that stretches not fitted are met as well."""
    small = RIDGE * len(rows) * torch.eye(rows.shape[1], dtype=torch.float64)
    weights: Tensor = torch.linalg.solve(rows.mT @ rows + small, rows.mT @ sums)
    return weights


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stretches:
    """B stretches of episodes: states at either end, the discounted sum of F between, and the discount there."""

    starts: dict[str, Tensor]  # (B, *shape)
    ends: dict[str, Tensor]
    sums: Tensor  # (B,) float64
    lengths: Tensor  # (B,) float64: what a reward of 1 a step sums to
    discounts: Tensor  # (B,) float64: gamma to the number of steps
    rounding: float  # of a single step's F


def _draw(
    trajectories: Sequence[Trajectory], rewards: Rewards, episode_steps: int, gamma: float, count: int, seed: int
) -> _Stretches:
    """The same number of stretches from every episode, each at most as long as the discount looks ahead."""
    if not trajectories or not all(len(t.actions) for t in trajectories):
        raise ValueError("the test needs at least one episode, and a transition in each")
    draw = torch.Generator().manual_seed(seed)
    horizon = 100 if gamma > 0.99 else max(1, round(1 / (1 - gamma)))
    each = -(-count // len(trajectories))
    found = [_of_episode(t, rewards, episode_steps, gamma, horizon, each, draw) for t in trajectories]
    mixed = torch.randperm(each * len(trajectories), generator=draw)
    names = list(trajectories[0].signals)
    return _Stretches(
        starts={n: torch.cat([f.starts[n] for f in found])[mixed] for n in names},
        ends={n: torch.cat([f.ends[n] for f in found])[mixed] for n in names},
        sums=torch.cat([f.sums for f in found])[mixed],
        lengths=torch.cat([f.lengths for f in found])[mixed],
        discounts=torch.cat([f.discounts for f in found])[mixed],
        rounding=max(f.rounding for f in found),
    )


def _of_episode(
    t: Trajectory, rewards: Rewards, episode_steps: int, gamma: float, horizon: int, count: int, draw: torch.Generator
) -> _Stretches:
    steps = len(t.actions)
    names = [*t.signals, *(PREVIOUS + name for name in t.signals), EPISODE_PROGRESS]
    rows = pool.rows(t, names, episode_steps=episode_steps)
    one, other = (reward(rows).double() for reward in rewards)
    paid = other - one
    first = torch.randint(steps, (count,), generator=draw)
    length = 1 + (torch.rand(count, generator=draw) * (steps - first).clamp(max=horizon)).long()
    ahead = torch.arange(min(horizon, steps))
    within = ahead[None, :] < length[:, None]
    later = (first[:, None] + ahead[None, :]).clamp(max=steps - 1)
    weight = torch.where(within, gamma ** ahead.double(), 0.0)
    return _Stretches(
        starts={name: value[first] for name, value in t.signals.items()},
        ends={name: value[first + length] for name, value in t.signals.items()},
        sums=(paid[later] * weight).sum(dim=1),
        lengths=weight.sum(dim=1),
        discounts=gamma ** length.double(),
        rounding=_rounding(one, other),
    )


def _rounding(one: Tensor, other: Tensor) -> float:
    return ROUNDING * float((one.abs() + other.abs()).max())


def _judged(left: Tensor, *, of: Tensor, rounding: float, below: float) -> Shaping | None:
    """What is left against what there was, both up to `rounding`; None where there was no more than that."""
    whole, rest = (float(values.double().std(correction=0)) for values in (of, left))
    if not (math.isfinite(whole) and math.isfinite(rest)) or whole <= rounding:
        return None
    residual = min(1.0, rest / whole)
    return Shaping(potential=residual < below + rounding / whole, residual=residual)
