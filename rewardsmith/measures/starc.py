"""STARC: a distance between rewards that overlooks scale, offset and potential shaping, on real transitions alone.

Of all rewards that differ by a potential shaping, the smallest stands for them all (the paper's minimal
canonicalisation, with the root mean square over the transitions as the size):

    C(R) = R + g Phi(s') - Phi(s),   with the Phi that makes it smallest

It is divided by its size, and the distance is half the size of the difference of two such. Phi is a linear function of
`features`, found by least squares, so C is a projection: linear, the same when taken twice, and any shaping whose
potential the features hold vanishes to rounding; of others as much stays as the features miss.

The paper's value-adjusted form was tried and left: the value of the policies that played explains nearly all that they
earned where world and policies are deterministic, as they are here, and a fit to the little that is left is noise.

Unlike EPIC it imagines nothing: a velocity and a difference of positions are one reward here. The price is that it
knows no transition that nobody made, so give it episodes of several policies, from random to expert.

Reference: Skalse, Farnik, Motwani, Jenner, Gleave and Abate 2024, "STARC: A General Framework For Quantifying
Differences Between Reward Functions", arXiv:2309.15257.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rewardsmith.measures import features
from rewardsmith.measures.transitions import Reward, Transitions

NOTHING = 1e-4
"""What is left of a reward, as a share of its size, when nothing but the error of the fit is left."""


def starc_distance(first: Reward, second: Reward, transitions: Transitions, *, gamma: float) -> float | None:
    """The distance in [0, 1] between two rewards: 0 equal but for scale and shaping, 1 opposite, 0.71 unrelated.

    None where nothing is left of either: it is constant, nothing but shaping, or not finite. Give it a few times as
    many transitions as there are features, about 2000, or the fit explains more than it should.
    """
    states = features.of_transitions(transitions)
    one, two = (normalised(canonical(r(transitions.rows), states, gamma=gamma)) for r in (first, second))
    return None if one is None or two is None else min(1.0, float((one - two).square().mean().sqrt()) / 2)


def canonical(paid: Tensor, states: tuple[Tensor, Tensor], *, gamma: float) -> Tensor:
    """The least that any shaping leaves of the rewards `paid (N,)`, `(N,)` float64; all zeros where that is nothing.

    `states` are features of the states before and after, `(N, F)`. What is not finite leaves nothing.
    """
    reward, (before, after) = paid.double(), states
    if not bool(torch.isfinite(reward).all()):
        return torch.zeros_like(reward)
    shaping = gamma * after - before
    weights: Tensor = torch.linalg.lstsq(shaping, reward, driver="gelsd", rcond=1e-8).solution
    left = reward - shaping @ weights
    return left if _size(left) > NOTHING * _size(reward) else left * 0.0


def normalised(canonical: Tensor) -> Tensor | None:
    """The same with a root mean square of 1; None for zeros."""
    size = _size(canonical)
    return canonical / size if size > 0 else None


def _size(values: Tensor) -> float:
    return float(values.square().mean().sqrt())
