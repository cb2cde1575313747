"""Some of the candidates of a training, acting and learning together in one thread.

Shapes: K candidates, T control steps a rollout, N environments a candidate, R = T * N rows, D observation numbers
(padded, see `policy.ALIGN`), A actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Rollout, Trainee
from rewardsmith.learn.adam import Adam
from rewardsmith.learn.formulas import LOG_SQRT_TWO_PI, gae, gaussian_log_prob, standardised
from rewardsmith.learn.normalise import ReturnScale, RunningMoments
from rewardsmith.learn.policy import Shape, StackedNet, export, initial, normalised, padded, padded_width
from rewardsmith.rollouts import columns
from rewardsmith.types import Policy, Rejected


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """What an update learns from, rows of each candidate: `(K, R, ...)`, R = T * N."""

    obs: Tensor
    actions: Tensor  # raw, before scaling
    log_prob: Tensor
    advantage: Tensor
    returns: Tensor
    value: Tensor
    weight: Tensor  # 1.0 where the row is a transition, else 0.0

    def packed(self) -> Tensor:
        """All columns side by side, each part padded, so that one gather shuffles them all."""
        rest = torch.stack([self.log_prob, self.advantage, self.returns, self.value, self.weight], dim=-1)
        return torch.cat([self.obs, padded(self.actions), padded(rest)], dim=-1)

    @staticmethod
    def unpacked(rows: Tensor, obs_dim: int, action_dim: int) -> _Batch:
        """The columns again; the inverse of `packed`."""
        obs, actions, rest = torch.split(
            rows, [padded_width(obs_dim), padded_width(action_dim), padded_width(5)], dim=-1
        )
        actions = actions[..., :action_dim]
        log_prob, advantage, returns, value, weight = rest[..., :5].unbind(-1)
        return _Batch(
            obs=obs,
            actions=actions,
            log_prob=log_prob,
            advantage=advantage,
            returns=returns,
            value=value,
            weight=weight,
        )


class Group:
    """Some of the candidates, learning together in one thread. Groups share nothing."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        shape: Shape,
        settings: TrainSettings,
        *,
        seed: int,
        device: torch.device,
        offset: int,
    ) -> None:
        count = len(trainees)
        self.trainees, self.span = trainees, slice(offset, offset + count)
        self.faults: list[Rejected | None] = [None] * count
        self._settings, self._device = settings, device
        self._net = StackedNet(shape, [initial(shape, seed=seed)] * count, device=device)
        self._adam = Adam(self._net, learning_rate=settings.learning_rate)
        self._obs_moments = RunningMoments(count, padded_width(shape.obs_dim), device=device)
        self._scale = ReturnScale(count, settings.num_envs, gamma=settings.gamma, device=device)
        self._raw: list[Tensor] = []
        self._means: list[dict[str, float]] = [{} for _ in trainees]
        self._steps = 0

    # --- acting ---

    def begin_rollout(self) -> None:
        """Forget the previous rollout's actions."""
        self._raw = []

    @torch.no_grad()
    def act(self, obs: Tensor, noise: Tensor) -> Tensor:
        """Sampled raw actions `(K, N, A)` on the CPU for `obs (K, N, D)` and noise `(N, A)`."""
        mean = self._net.mean(self._normalise(padded(obs.to(self._device))))
        raw = mean + self._net.log_std.exp() * noise.to(self._device)
        self._raw.append(raw)
        return raw.cpu()

    def _normalise(self, obs: Tensor) -> Tensor:
        return normalised(obs, self._obs_moments.mean, self._obs_moments.var)

    def policy(self, k: int, low: Tensor, high: Tensor) -> Policy:
        """Candidate k's policy as plain tensors."""
        return export(self._net, k, obs_mean=self._obs_moments.mean, obs_var=self._obs_moments.var, low=low, high=high)

    def reward_means(self, k: int) -> dict[str, float]:
        """Candidate k's own reward and components in the last rollout, mean per step."""
        return self._means[k]

    # --- learning ---

    def learn(self, rollout: Rollout, states: Tensor, shuffles: Sequence[Tensor]) -> None:
        """One PPO update of every candidate. `rollout` and `states (T + 1, K * N, D)` are of this group alone."""
        count, n = len(self.trainees), self._settings.num_envs
        by_candidate = padded(states.view(len(states), count, n, -1).transpose(0, 1)).contiguous().to(self._device)
        rewards = self._rewards(rollout)
        batch = self._batch(rollout, by_candidate, rewards)
        for shuffle in shuffles:
            self._epoch(batch, shuffle.to(self._device))
        self._check_weights(len(rollout.valid))
        if self._settings.normalise_obs:  # else the moments stay 0 and 1, in training as in the exported policy
            valid = rollout.valid.view(-1, count, n).transpose(0, 1)
            for k in range(count):
                self._obs_moments.update(k, by_candidate[k, 1:][valid[k].to(self._device)])
        self._steps += len(rollout.valid)

    def _rewards(self, rollout: Rollout) -> Tensor:
        """Each candidate's rewards `(K, T, N)`; a candidate at fault gets zeros."""
        n, found = self._settings.num_envs, []
        for k, trainee in enumerate(self.trainees):
            mine = columns(rollout, k * n, (k + 1) * n)
            total, components = trainee.reward(mine)
            total = torch.where(mine.valid, total, 0.0)
            self._check_rewards(k, mine, total, components)
            if self.faults[k] is not None:
                total = torch.zeros_like(total)
            else:
                kept = mine.valid.sum().clamp(min=1)
                named = {"reward": total, **{f"component/{name}": v for name, v in components.items()}}
                self._means[k] = {
                    name: float(torch.where(mine.valid, v, 0.0).sum(dtype=torch.float64) / kept)
                    for name, v in named.items()
                }
            found.append(total)
        return torch.stack(found).to(self._device)

    def _check_rewards(self, k: int, rollout: Rollout, total: Tensor, components: Mapping[str, Tensor]) -> None:
        named = [(f"Component '{name}'", values) for name, values in components.items()]
        for where, values in [*named, ("The total reward", total)]:  # the component first: it says more
            bad = ~torch.isfinite(values) & rollout.valid
            if self.faults[k] is None and bool(bad.any()):
                step = int(bad.any(dim=1).nonzero()[0]) + self._steps
                self.faults[k] = Rejected(
                    stage="train",
                    reason=(
                        f"{where} is not finite in {int(bad.any(dim=0).sum())} of {bad.shape[1]} environments, "
                        f"first at control step {step} of training."
                    ),
                    hint="Usual causes: division by a distance near 0, log or sqrt of a negative, exp of a large "
                    "value. Add a small constant to divisors and clamp what goes into exp, log and sqrt.",
                )

    @torch.no_grad()
    def _batch(self, rollout: Rollout, states: Tensor, rewards: Tensor) -> _Batch:
        s, count = self._settings, len(self.trainees)
        t, n = s.rollout_steps, s.num_envs

        def mine(x: Tensor) -> Tensor:
            return x.view(len(x), count, n).transpose(0, 1).contiguous().to(self._device)

        valid, terminated, truncated = mine(rollout.valid), mine(rollout.terminated), mine(rollout.truncated)
        done = (terminated | truncated) & valid
        if s.normalise_reward:
            rewards = self._scale.scale(rewards, valid, done)
        obs = self._normalise(states.flatten(1, 2))
        values = self._net.value(obs).reshape(count, t + 1, n)
        advantage = gae(rewards, values, terminated=terminated, done=done, valid=valid, gamma=s.gamma, lam=s.gae_lambda)
        raw = torch.stack(self._raw, dim=1).flatten(1, 2)
        obs = obs[:, : t * n]
        log_prob = gaussian_log_prob(raw, self._net.mean(obs), self._net.log_std)
        weight = valid.float().flatten(1)
        flat = advantage.flatten(1)
        return _Batch(
            obs=obs,
            actions=raw,
            log_prob=log_prob,
            advantage=standardised(flat, weight),
            returns=flat + values[:, :t].flatten(1),
            value=values[:, :t].flatten(1),
            weight=weight,
        )

    def _epoch(self, batch: _Batch, shuffle: Tensor) -> None:
        s, shape = self._settings, self._net.shape
        rows = batch.packed().index_select(1, shuffle)
        for part in rows.chunk(s.minibatches, dim=1):
            kl = self._step(_Batch.unpacked(part, shape.obs_dim, shape.action_dim))
            if s.target_kl is not None:
                self._adam.adapt(kl, s.target_kl)

    def _step(self, b: _Batch) -> Tensor:
        """One gradient step of every candidate; returns the approximate KL `(K,)` to the policy that acted."""
        s = self._settings
        weight = b.weight / b.weight.sum(1, keepdim=True).clamp(min=1.0)
        log_prob = gaussian_log_prob(b.actions, self._net.mean(b.obs), self._net.log_std)
        log_ratio = log_prob - b.log_prob
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - s.clip_coef, 1 + s.clip_coef)
        policy_loss = -(torch.minimum(ratio * b.advantage, clipped * b.advantage) * weight).sum(1)

        value = self._net.value(b.obs)
        error = (value - b.returns).square()
        if s.clip_value:
            near = b.value + (value - b.value).clamp(-s.clip_coef, s.clip_coef)
            error = torch.maximum(error, (near - b.returns).square())
        value_loss = 0.5 * (error * weight).sum(1)

        loss = policy_loss + s.value_coef * value_loss
        if s.entropy_coef:
            loss = loss - s.entropy_coef * (self._net.log_std + 0.5 + LOG_SQRT_TWO_PI).sum((1, 2))
        self._adam.step(self._net.gradient(loss.sum()), max_grad_norm=s.max_grad_norm)
        with torch.no_grad():
            return ((ratio - 1 - log_ratio) * weight).sum(1)

    def _check_weights(self, steps: int) -> None:
        finite = torch.isfinite(self._net.flat).all(dim=1)
        for k in (~finite).nonzero().flatten().tolist():
            with torch.no_grad():
                self._net.flat[k] = 0.0
            self._adam.reset(k)
            if self.faults[k] is None:
                self.faults[k] = Rejected(
                    stage="train",
                    reason=f"The policy's weights stopped being finite after {self._steps + steps} control steps.",
                    hint="The reward's magnitude is probably extreme or jumps; bound each component, e.g. with tanh.",
                )
