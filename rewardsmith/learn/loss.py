"""PPO's loss for a stacked population, as its gradients written out.

Shapes: K candidates, B rows each, A actions; C is 1 or K (`draws.py`). The loss of a row is the clipped surrogate, plus
`value_coef` times half the squared error of the value, less `entropy_coef` times the entropy; rows are averaged with
`weight`. Reference: Schulman et al. 2017, arXiv:1707.06347.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith.config import TrainSettings
from rewardsmith.learn.draws import rows_at
from rewardsmith.learn.formulas import LOG_SQRT_TWO_PI


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What an update learns from, rows of each candidate: `(K, B, ...)`."""

    obs: Tensor
    actions: Tensor  # raw, before scaling
    log_prob: Tensor
    advantage: Tensor
    returns: Tensor
    value: Tensor
    weight: Tensor  # 1.0 where the row is a transition, else 0.0

    def parts(self, order: Tensor, count: int) -> Iterator[Batch]:
        """The rows in another `order (C, B)`, in `count` parts of nearly equal size."""
        scalars = [self.log_prob, self.advantage, self.returns, self.value, self.weight]
        rest = rows_at(torch.cat([self.actions, torch.stack(scalars, dim=-1)], dim=-1), order)
        obs = rows_at(self.obs, order)
        for one, other in zip(obs.chunk(count, dim=1), rest.chunk(count, dim=1), strict=True):
            log_prob, advantage, returns, value, weight = other[..., -len(scalars) :].unbind(-1)
            yield Batch(
                obs=one,
                actions=other[..., : -len(scalars)],
                log_prob=log_prob,
                advantage=advantage,
                returns=returns,
                value=value,
                weight=weight,
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Gradients:
    """The loss's gradients by what the networks gave, and the approximate KL to the policy that acted, `(K,)`."""

    mean: Tensor  # (K, B, A)
    log_std: Tensor  # (K, 1, A)
    value: Tensor  # (K, B)
    kl: Tensor


def gradients(b: Batch, *, mean: Tensor, log_std: Tensor, value: Tensor, s: TrainSettings) -> Gradients:
    """The gradients where the networks gave `mean (K, B, A)`, `log_std (K, 1, A)` and `value (K, B)` on the batch."""
    weight = b.weight / b.weight.sum(1, keepdim=True).clamp(min=1.0)
    inverse_std = (-log_std).exp()
    z = (b.actions - mean).mul_(inverse_std)
    squares = z * z
    log_ratio = squares.sum(-1).mul_(-0.5) - (log_std + LOG_SQRT_TWO_PI).sum(-1) - b.log_prob
    ratio = log_ratio.exp()

    # d loss / d log_prob: where the clipped branch is the smaller one and flat, nothing flows
    surrogate = ratio * b.advantage
    clipped = ratio.clamp(1 - s.clip_coef, 1 + s.clip_coef) * b.advantage
    by_log_prob = torch.where(surrogate <= clipped, surrogate, 0.0).mul_(weight).neg_()
    by_log_std = (by_log_prob[..., None] * (squares - 1.0)).sum(1, keepdim=True) - s.entropy_coef

    error = value - b.returns
    by_value = error * weight * s.value_coef
    if s.clip_value:
        moved = value - b.value
        near = b.value + moved.clamp(-s.clip_coef, s.clip_coef) - b.returns
        flows = (moved.abs() <= s.clip_coef) | (error.square() > near.square())
        by_value = torch.where(flows, by_value, 0.0)
    return Gradients(
        mean=z.mul_(inverse_std).mul_(by_log_prob[..., None]),
        log_std=by_log_std,
        value=by_value,
        kl=((ratio - 1 - log_ratio) * weight).sum(1),
    )
