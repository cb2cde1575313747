"""EPIC: a distance between rewards that overlooks scale, offset and potential shaping, and everything else counts.

Every reward is brought into one form, which no potential shaping changes, on transitions really made:

    C(R)(s, a, s') = R(s, a, s') + g E[R(s', A, S')] - E[R(s, A, S')] - g E[R(S, A, S')]

and two such forms are compared by Pearson's distance, which no positive scale and no offset changes. S, A and S' are
drawn as `transitions.py` says, S and S' from the same states of one context; so for F = g Phi(s') - Phi(s) the four
terms cancel to rounding, however few are drawn, not only in expectation, and Phi may depend on the context.

What it cannot see: a potential of time (`episode_progress`); and what holds in real transitions alone. A velocity and
the difference of two positions pay the same in every real step and not in an imagined one, so they are two rewards
here. `starc` and `shaping.fitted` look at real transitions alone.

Reference: Gleave, Dennis, Legg, Russell and Leike 2021, "Quantifying Differences in Reward Functions",
arXiv:2006.13900.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rewardsmith.measures.correlation import standardised
from rewardsmith.measures.transitions import Inputs, Joined, Picked, Reward, Transitions

ROUNDING = 1e-5
"""What is left of a reward, as a share of its size, when nothing but rounding is left."""


def epic_distance(first: Reward, second: Reward, transitions: Transitions, *, gamma: float) -> float | None:
    """The distance in [0, 1] between two rewards: 0 equal but for scale and shaping, 1 opposite, 0.71 unrelated.

    None where either is constant or nothing but shaping, or not finite on an imagined transition.
    """
    return pearson_distance(
        canonical(first, transitions, gamma=gamma),
        canonical(second, transitions, gamma=gamma),
    )


def canonical(reward: Reward, transitions: Transitions, *, gamma: float) -> Tensor:
    """The canonical form on the N transitions, `(N,)` float64; all zeros where nothing but shaping was there.

    Keep it where one reward is compared with many: it costs about 2 N M rows of the reward.
    """
    t, count = transitions, transitions.imagined.shape[1]
    paid = reward(t.rows).double()
    arrivals = Picked(t.after, t.imagined[t.context].flatten())
    onward = _mean(reward, Picked(t.after, _each(len(t), count)), arrivals, count)
    here = _mean(reward, Picked(t.before, _each(len(t), count)), arrivals, count)
    anywhere = _mean(
        reward, Picked(t.after, t.imagined.roll(1, dims=1).flatten()), Picked(t.after, t.imagined.flatten()), count
    )
    found = paid + gamma * onward - here - gamma * anywhere[t.context]
    only_rounding = float((found - found.mean()).abs().max()) <= ROUNDING * float(paid.abs().max())
    return found * 0.0 if only_rounding else found


def pearson_distance(first: Tensor, second: Tensor) -> float | None:
    """sqrt((1 - rho) / 2) of two rows `(N,)`; None where either is constant or not finite.

    It is worked out as half the distance of the two standardised, the same number without the loss of digits.
    """
    one, two = standardised(first), standardised(second)
    return None if one is None or two is None else min(1.0, float((one - two).square().mean().sqrt()) / 2)


def _mean(reward: Reward, states: Inputs, arrivals: Inputs, count: int) -> Tensor:
    """What states and arrivals pay, joined row by row, `count` rows averaged into one; float64."""
    return reward(Joined(states, arrivals)).double().reshape(-1, count).mean(dim=1)


def _each(rows: int, count: int) -> Tensor:
    """0 to `rows` - 1, every number `count` times."""
    return torch.arange(rows).repeat_interleave(count)
