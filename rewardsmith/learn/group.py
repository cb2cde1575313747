"""Some of the candidates, acting and learning together in one thread. Groups share nothing.

A candidate's whole learning state is its rows of a few tensors: `state` takes them out, and a group is made of them
again, in any company, so that candidates can be dealt anew between the legs of a training.

Shapes: K candidates, T control steps a rollout, N environments a candidate, R = T * N rows, D observation numbers
(padded, see `policy.ALIGN`), A actions; C is 1 or K (`draws.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Rollout
from rewardsmith.learn.adam import Adam
from rewardsmith.learn.draws import Draws
from rewardsmith.learn.formulas import gae, gaussian_log_prob, standardised
from rewardsmith.learn.loss import Batch, gradients
from rewardsmith.learn.normalise import ReturnScale, RunningMoments
from rewardsmith.learn.policy import Shape, StackedNet, export, fused, initial, normalised, padded, padded_width
from rewardsmith.types import Checkpoint, Policy

State = Mapping[str, Tensor]
"""One candidate's rows: parameters, optimiser, normalisers."""


def alike(found: State, expected: State) -> bool:
    """Whether two states hold tensors of the same names, shapes and types."""
    return {n: (t.shape, t.dtype) for n, t in found.items()} == {n: (t.shape, t.dtype) for n, t in expected.items()}


def fresh(shape: Shape, settings: TrainSettings, *, seed: int, start: Checkpoint | None = None) -> State:
    """The state in which a candidate begins: everybody's first weights, or those fused with a policy to start from.

    Of that policy the share `settings.warm_start` goes into the actor and its deviation, and its normaliser as it is;
    the critic, which judged another reward, and the optimiser begin anew.
    """
    first, cpu = initial(shape, seed=seed), torch.device("cpu")
    if start is None:
        return Group([], shape, settings, device=cpu, first=first).state(0)
    state = Group([], shape, settings, device=cpu, first=fused(first, start.policy, settings.warm_start)).state(0)
    state["obs.mean"][:, : shape.obs_dim] = start.policy.tensors["obs_mean"]
    state["obs.var"][:, : shape.obs_dim] = start.policy.tensors["obs_var"]
    state["obs.seen"].fill_(start.env_steps)
    return state


class Group:
    """The candidates of `states`, in that order."""

    def __init__(
        self,
        states: Sequence[State],
        shape: Shape,
        settings: TrainSettings,
        *,
        device: torch.device,
        first: Mapping[str, Tensor] | None = None,
    ) -> None:
        count, self._settings, self._device = max(1, len(states)), settings, device
        blank = {name: torch.zeros(size) for name, size in shape.parameters().items()}
        self._net = StackedNet(shape, [first or blank] * count, device=device)
        self._adam = Adam(self._net, learning_rate=settings.learning_rate)
        self._obs_moments = RunningMoments(count, padded_width(shape.obs_dim), device=device)
        self._scale = ReturnScale(count, settings.num_envs, gamma=settings.gamma, device=device)
        self._raw: list[Tensor] = []
        for k, state in enumerate(states):
            for name, tensor in self._rows().items():
                tensor[k] = state[name]
        self._count = count

    def _rows(self) -> dict[str, Tensor]:
        """Every tensor that holds a row a candidate."""
        return {
            "weights": self._net.flat,
            **{f"adam.{name}": t for name, t in self._adam.rows().items()},
            **{f"obs.{name}": t for name, t in self._obs_moments.rows().items()},
            **{f"returns.{name}": t for name, t in self._scale.rows().items()},
        }

    def state(self, k: int) -> State:
        """Candidate k's rows, copied to the CPU."""
        return {name: tensor[k].cpu().clone() for name, tensor in self._rows().items()}

    def policy(self, k: int, low: Tensor, high: Tensor) -> Policy:
        """Candidate k's policy as plain tensors."""
        return export(self._net, k, obs_mean=self._obs_moments.mean, obs_var=self._obs_moments.var, low=low, high=high)

    # --- acting ---

    warming = False  # never: the policies act from the first step on

    def begin_rollout(self) -> None:
        """Forget the previous rollout's actions."""
        self._raw = []

    def act(self, obs: Tensor, noise: Tensor) -> Tensor:
        """Sampled raw actions `(K, N, A)` on the group's device for `obs (K, N, D)` and noise `(C, N, A)`."""
        mean = self._net.mean(self._normalise(padded(obs.to(self._device))))
        raw = mean + self._net.log_std.exp() * noise.to(self._device)
        self._raw.append(raw)
        return raw

    def _normalise(self, obs: Tensor) -> Tensor:
        return normalised(obs, self._obs_moments.mean, self._obs_moments.var)

    # --- learning ---

    def learn(self, rollout: Rollout, states: Tensor, rewards: Tensor, draws: Draws) -> None:
        """One PPO update of every candidate.

        `rollout` holds the environments of all of them side by side; `states (T + 1, K * N, D)` is what the policies
        saw, `rewards (T, K * N)` each candidate's own. Each epoch's order of the R rows comes from `draws`.
        """
        rows = rewards.numel() // self._count
        shuffles = [
            draws.each(lambda stream: torch.randperm(rows, generator=stream, device=self._device))
            for _ in range(self._settings.epochs)
        ]
        by_candidate = padded(self._mine(states)).to(self._device)
        valid = self._mine(rollout.valid)
        batch = self._batch(rollout, by_candidate, self._mine(rewards), valid)
        for shuffle in shuffles:
            self._epoch(batch, shuffle)
        if self._settings.normalise_obs:  # else the moments stay 0 and 1, in training as in the exported policy
            everything = bool(valid.all())
            for k in range(self._count):
                after = by_candidate[k, 1:]
                self._obs_moments.update(k, after.flatten(0, 1) if everything else after[valid[k]])

    def _mine(self, x: Tensor) -> Tensor:
        """`(T, K * N, ...)` as `(K, T, N, ...)` on the group's device."""
        return x.view(len(x), self._count, -1, *x.shape[2:]).transpose(0, 1).contiguous().to(self._device)

    def _batch(self, rollout: Rollout, states: Tensor, rewards: Tensor, valid: Tensor) -> Batch:
        s, (count, t, n) = self._settings, rewards.shape
        terminated = self._mine(rollout.terminated)
        done = (terminated | self._mine(rollout.truncated)) & valid
        if s.normalise_reward:
            rewards = self._scale.scale(rewards, valid, done)
        obs = self._normalise(states.flatten(1, 2))
        values = self._net.value(obs).reshape(count, t + 1, n)
        advantage = gae(rewards, values, terminated=terminated, done=done, valid=valid, gamma=s.gamma, lam=s.gae_lambda)
        raw = torch.stack(self._raw, dim=1).flatten(1, 2)
        obs = obs[:, : t * n]
        weight = valid.float().flatten(1)
        flat = advantage.contiguous().flatten(1)  # a view of one environment would be summed in another order
        return Batch(
            obs=obs,
            actions=raw,
            log_prob=gaussian_log_prob(raw, self._net.mean(obs), self._net.log_std),
            advantage=standardised(flat, weight),
            returns=flat + values[:, :t].flatten(1),
            value=values[:, :t].flatten(1),
            weight=weight,
        )

    def _epoch(self, batch: Batch, shuffle: Tensor) -> None:
        s = self._settings
        for part in batch.parts(shuffle, s.minibatches):
            kl = self._step(part)
            if s.target_kl is not None:
                self._adam.adapt(kl, s.target_kl)

    def _step(self, b: Batch) -> Tensor:
        """One gradient step of every candidate; returns the approximate KL `(K,)` to the policy that acted."""
        net = self._net
        actor, critic = net.forward("actor", b.obs), net.forward("critic", b.obs)
        found = gradients(
            b, mean=actor[-1][..., : net.shape.action_dim], log_std=net.log_std, value=critic[-1][..., 0],
            s=self._settings,
        )  # fmt: skip
        net.backward("actor", actor, padded(found.mean))
        net.backward("critic", critic, padded(found.value[..., None]))
        net.set_log_std_gradient(found.log_std)
        self._adam.step(net.grad, max_grad_norm=self._settings.max_grad_norm)
        return found.kl

    def broken(self) -> list[int]:
        """Candidates whose weights are not finite; each is set to zero and never moves again."""
        found: list[int] = (~torch.isfinite(self._net.flat).all(dim=1)).nonzero().flatten().tolist()
        for k in found:
            self._net.flat[k] = 0.0
            self._adam.reset(k)
        return found
