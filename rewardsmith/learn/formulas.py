"""The formulas of PPO, as pure functions on stacked tensors.

Shapes: K candidates, T control steps, N environments, R = T * N rows, A actions.
"""

from __future__ import annotations

import torch
from torch import Tensor

LOG_SQRT_TWO_PI = 0.9189385332046727


def gae(
    rewards: Tensor, values: Tensor, *, terminated: Tensor, done: Tensor, valid: Tensor, gamma: float, lam: float
) -> Tensor:
    """Generalised advantages `(K, T, N)`.

    `values: (K, T + 1, N)`, one a state; the state after a step that ended an episode is that episode's last, so
    `terminated` cuts the bootstrap and a truncation keeps it. Rows that are not `valid` (resets) get 0.
    """
    alive, carries = (~terminated).float(), (~done).float()
    delta = torch.where(valid, rewards + gamma * alive * values[:, 1:] - values[:, :-1], 0.0)
    decay = torch.where(valid, gamma * lam * carries, 0.0)
    return recurrence(delta.flip(1), decay.flip(1)).flip(1)


def recurrence(x: Tensor, decay: Tensor, start: Tensor | None = None) -> Tensor:
    """`y[t] = x[t] + decay[t] * y[t - 1]` along the second axis of `(K, T, N)`; `start (K, N)` comes before y[0]."""
    inputs, decays = x.transpose(0, 1).contiguous(), decay.transpose(0, 1).contiguous()
    found, last = torch.empty_like(inputs), torch.zeros_like(inputs[0]) if start is None else start
    for out, now, kept in zip(found.unbind(), inputs.unbind(), decays.unbind(), strict=True):
        last = torch.addcmul(now, kept, last, out=out)
    return found.transpose(0, 1)


def gaussian_log_prob(actions: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Log density `(K, B)` of `actions (K, B, A)` under a diagonal Gaussian; `log_std: (K, 1, A)`."""
    z = (actions - mean) * (-log_std).exp()
    return -(0.5 * z.square() + log_std + LOG_SQRT_TWO_PI).sum(-1)


def standardised(x: Tensor, weight: Tensor) -> Tensor:
    """`x (K, R)` less its weighted mean over its weighted deviation, row by row."""
    total = weight.sum(1, keepdim=True).clamp(min=1.0)
    mean = (x * weight).sum(1, keepdim=True) / total
    var = ((x - mean).square() * weight).sum(1, keepdim=True) / total
    return (x - mean) * torch.rsqrt(var + 1e-8)
