"""Adam for stacked policies: every row of one tensor has its own learning rate and its own gradient norm."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

MIN_LEARNING_RATE, MAX_LEARNING_RATE = 1e-5, 2e-3
"""Where `Adam.adapt` stops, unless it was given a rate beyond."""


class Rows(Protocol):
    """What is moved: a row a candidate, `flat (K, P)`."""

    @property
    def flat(self) -> Tensor: ...


class Adam:
    """Adam over rows of one flat tensor, each with a learning rate and a gradient norm of its own.

    Reference: Kingma and Ba 2015, arXiv:1412.6980; eps 1e-5 as in Andrychowicz et al. 2021.
    """

    def __init__(self, net: Rows, *, learning_rate: float) -> None:
        self._flat = net.flat.detach()
        self._least, self._most = min(MIN_LEARNING_RATE, learning_rate), max(MAX_LEARNING_RATE, learning_rate)
        self._first = torch.zeros_like(self._flat)
        self._second = torch.zeros_like(self._flat)
        self._rate = torch.full((len(self._flat), 1), learning_rate, device=self._flat.device)
        self._count = torch.zeros_like(self._rate)

    def rows(self) -> dict[str, Tensor]:
        """The tensors that hold a row a policy."""
        return {"first": self._first, "second": self._second, "rate": self._rate, "count": self._count}

    def step(self, grad: Tensor, *, max_grad_norm: float) -> None:
        """One step; each row's gradient is first cut to `max_grad_norm`."""
        self._count += 1
        norm = grad.norm(dim=1, keepdim=True)
        grad = grad.mul_((max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        self._first.lerp_(grad, 0.1)
        self._second.mul_(0.999).addcmul_(grad, grad, value=0.001)
        bias1, bias2 = 1 - 0.9**self._count, 1 - 0.999**self._count
        denominator = (self._second / bias2).sqrt_().add_(1e-5)
        self._flat.sub_((self._first * (self._rate / bias1)).div_(denominator))

    def adapt(self, kl: Tensor, target: float) -> None:
        """Halve-ish the rate of rows whose KL is twice the target, raise it where it is under half (`kl: (K,)`)."""
        factor = torch.where(kl > 2 * target, 1 / 1.5, torch.where((kl < target / 2) & (kl > 0), 1.5, 1.0))
        adapted = (self._rate * factor[:, None]).clamp(self._least, self._most)
        self._rate.copy_(torch.where(self._rate > 0, adapted, 0.0))  # a stopped row stays so

    def reset(self, k: int) -> None:
        """Stop row k: no momentum and no rate."""
        self._first[k], self._second[k], self._rate[k] = 0.0, 0.0, 0.0
