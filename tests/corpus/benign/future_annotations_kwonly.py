from __future__ import annotations

import torch
from torch import Tensor


def _gauss(err: Tensor, *, sigma: float = 0.25, weight: float = 1.0) -> Tensor:
    return weight * torch.exp(-(err**2) / (2 * sigma**2))


def _l2(x: Tensor, *, weight: float) -> Tensor:
    return weight * x.square().sum(dim=-1)


def compute_reward(
    torso_height: Tensor, x_velocity: Tensor, action: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Track a forward speed of 0.8 m/s at nominal torso height."""
    terms: dict[str, Tensor] = {
        "track": _gauss(x_velocity - 0.8, sigma=0.5, weight=2.0),
        "height": _gauss(torso_height - 1.2),
        "effort": _l2(action, weight=-0.02),
    }
    total = torch.stack(list(terms.values()), dim=0).sum(dim=0)
    return total, terms
