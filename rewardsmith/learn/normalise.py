"""Running means and variances, one set a policy, kept so that a policy's numbers never depend on its neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from rewardsmith.learn.formulas import recurrence


class RunningMoments:
    """Mean and variance of K streams of D numbers, merged batch by batch.

    Reference: Chan, Golub and LeVeque 1979, parallel variance.
    """

    def __init__(self, count: int, dim: int, *, device: torch.device) -> None:
        self.mean = torch.zeros(count, 1, dim, device=device)
        self.var = torch.ones(count, 1, dim, device=device)
        self._seen = torch.zeros(count, dtype=torch.float64)

    def rows(self) -> dict[str, Tensor]:
        """The tensors that hold a row a stream."""
        return {"mean": self.mean, "var": self.var, "seen": self._seen}

    def update(self, k: int, rows: Tensor) -> None:
        """Merge `rows (R, D)` into stream k; no rows, or rows that are not finite, change nothing."""
        if len(rows) == 0 or not bool(torch.isfinite(rows).all()):
            return
        var, mean = torch.var_mean(rows.double(), dim=0, correction=0)
        seen, new = float(self._seen[k]), float(len(rows))
        total = seen + new
        old_mean, old_var = self.mean[k, 0].double(), self.var[k, 0].double()
        delta = mean - old_mean
        merged = (old_var * seen + var * new + delta.square() * seen * new / total) / total
        self.mean[k, 0] = old_mean + delta * new / total
        self.var[k, 0] = merged
        self._seen[k] = total


class ReturnScale:
    """The standard deviation of K discounted returns, by which rewards are divided.

    Rewards keep their sign and mean; only their scale is taken out, so that reward code may use any units.
    """

    def __init__(self, count: int, num_envs: int, *, gamma: float, device: torch.device) -> None:
        self._moments = RunningMoments(count, 1, device=device)
        self._gamma = gamma
        self._returns = torch.zeros(count, num_envs, device=device)
        self._ended = torch.zeros(count, num_envs, dtype=torch.bool, device=device)

    def rows(self) -> dict[str, Tensor]:
        """The tensors that hold a row a candidate. Returns under way are not among them: episodes are not kept."""
        return self._moments.rows()

    def scale(self, rewards: Tensor, valid: Tensor, done: Tensor) -> Tensor:
        """Take in rewards `(K, T, N)` and return them `scaled`; `valid`, `done`: `(K, T, N)` bool."""
        before = torch.cat([self._ended[:, None], done[:, :-1]], dim=1)
        decay = torch.where(before, 0.0, torch.where(valid, self._gamma, 1.0))
        returns = recurrence(torch.where(valid, rewards, 0.0), decay, self._returns)
        self._returns, self._ended = returns[:, -1].clone(), done[:, -1].clone()
        for k in range(len(rewards)):
            self._moments.update(k, returns[k][valid[k]][:, None])
        return self.scaled(rewards)

    def scaled(self, rewards: Tensor) -> Tensor:
        """Rewards `(K, T, N)` over the deviation that is known, cut at 10; where there is none, as they are."""
        var = self._moments.var
        known = var > torch.finfo(var.dtype).tiny  # below, some devices take it for 0
        return (rewards * torch.where(known, torch.rsqrt(var), 1.0)).clamp(-10.0, 10.0)
