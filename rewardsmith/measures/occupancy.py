"""How far has a policy gone from a reference policy? The chi-squared divergence of what the two visit.

    chi2(p, q) = sum over cells of p^2 / q, minus 1

with p and q the discounted shares of time that policy and reference spend in each cell of the states they visit. It is
0 where they visit alike and grows fast where the policy stays in what the reference seldom saw; a proxy reward that
correlates with the true one under the reference says little there, which is where hacking happens. Cells are the
nearest of a few visited states. Cutting states into cells can only lower the divergence, so this is a lower estimate;
half a visit is added to every cell, so it is finite, and never larger than the samples can tell.

Reference: Laidlaw, Singhal and Dragan 2024, "Correlated Proxies: A New Definition and Improved Mitigation for Reward
Hacking", arXiv:2403.03185.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rewardsmith.types import Trajectory


def chi_squared(policy: Tensor, reference: Tensor) -> float:
    """The divergence of two distributions over the same K cells, `(K,)` each, not negative, none of `reference` 0."""
    p, q = policy.double() / policy.double().sum(), reference.double() / reference.double().sum()
    return max(0.0, float((p.square() / q).sum()) - 1.0)


def occupancy_divergence(
    policy: Sequence[Trajectory],
    reference: Sequence[Trajectory],
    *,
    gamma: float = 1.0,
    cells: int = 32,
    seed: int = 0,
) -> float | None:
    """Chi-squared of the policy's visits from the reference's; None where either has fewer than `cells` visits.

    `gamma` 1 counts every step alike; below, step t counts gamma^t. Signals and actions are standardised over both.
    """
    mine, theirs = _visits(policy), _visits(reference)
    if min(len(mine), len(theirs)) < cells:
        return None
    both = torch.cat([mine, theirs])
    spread = both.std(dim=0, correction=0)
    both = (both - both.mean(dim=0)) / torch.where(spread > 1e-6, spread, 1.0)
    cell = torch.cdist(both, _centres(both, cells, seed)).argmin(dim=1)
    p = _shares(cell[: len(mine)], policy, gamma, cells)
    q = _shares(cell[len(mine) :], reference, gamma, cells)
    return chi_squared(p, q)


def _visits(trajectories: Sequence[Trajectory]) -> Tensor:
    """Every state arrived at, with the action that led there if it is a signal: `(R, D)` float64."""
    rows = [
        torch.cat([t.signals[n][1:].double().reshape(len(t.actions), -1) for n in sorted(t.signals)], dim=1)
        for t in trajectories
    ]
    return torch.cat(rows) if rows else torch.empty(0, 0, dtype=torch.float64)


def _centres(states: Tensor, count: int, seed: int) -> Tensor:
    """`count` states far from one another: each next one is drawn by its squared distance (k-means++)."""
    draw = torch.Generator().manual_seed(seed)
    chosen = states[torch.randint(len(states), (1,), generator=draw)]
    nearest = (states - chosen).square().sum(dim=1)
    while len(chosen) < count:
        weight = nearest if bool(nearest.any()) else torch.ones_like(nearest)
        new = states[torch.multinomial(weight, 1, generator=draw)]
        chosen = torch.cat([chosen, new])
        nearest = torch.minimum(nearest, (states - new).square().sum(dim=1))
    return chosen


def _shares(cell: Tensor, trajectories: Sequence[Trajectory], gamma: float, cells: int) -> Tensor:
    """How many visits each cell had, discounted, and half a visit more."""
    weight = torch.cat([gamma ** torch.arange(len(t.actions), dtype=torch.float64) for t in trajectories])
    weight = weight * len(weight) / weight.sum()
    return torch.full((cells,), 0.5, dtype=torch.float64).scatter_add(0, cell, weight)
