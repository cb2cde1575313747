"""Soft actor-critic for some of the candidates, acting and learning together in one thread. Groups share nothing.

It stands where `group.Group` stands for PPO: a rollout in, some gradient steps, and a candidate's whole learning state,
what it remembers included, taken out as rows of tensors and put back in any company.

What is not as in the papers: critics are normed (Ball et al. 2023, arXiv:2302.02948), targets look several steps ahead,
and rewards are divided by the running deviation of their discounted returns, as for PPO, so that any units will do.

Shapes: K candidates, T control steps a rollout, N environments a candidate, B rows a gradient step, D observation
numbers, A actions.
References: Haarnoja et al. 2018, arXiv:1812.05905 (SAC, with its temperature learned).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Rollout
from rewardsmith.learn.adam import Adam
from rewardsmith.learn.draws import Draws
from rewardsmith.learn.formulas import LOG_SQRT_TWO_PI
from rewardsmith.learn.group import State, alike
from rewardsmith.learn.normalise import ReturnScale, RunningMoments
from rewardsmith.learn.perceptrons import Perceptrons, first
from rewardsmith.learn.policy import ACTIVATIONS, Shape, normalised
from rewardsmith.learn.replay import FACTS, Remembered, Replay
from rewardsmith.types import Policy

CRITICS = 2
COPIES = 3  # of what is remembered, where a leg that has begun is saved
LOG_STD_LOW, LOG_STD_HIGH = -5.0, 2.0
NO_LIMIT = 1e9  # of a gradient's norm


def fresh(shape: Shape, settings: TrainSettings, *, seed: int) -> State:
    """The state in which a candidate begins: everybody's first weights, and nothing to remember."""
    draw = torch.Generator().manual_seed(seed)
    actor, critic = _widths(shape)
    group = SacGroup([], shape, settings, device=torch.device("cpu"))
    state = dict(group.state(0))
    state["actor"] = first(actor, 1, last_gain=0.01, draw=draw)
    state["critic"] = first(critic, CRITICS, last_gain=1.0, draw=draw)
    state["target"] = state["critic"].clone()
    return state


def fits(found: State, fresh: State, settings: TrainSettings, *, rollouts: int) -> bool:
    """Whether `found` is shaped as what a `fresh` state becomes in so many rollouts: what is remembered grows."""
    held = min(rollouts, _blocks(settings))
    grown = {
        name: torch.empty(held, *tensor.shape[1:], device="meta")
        for name, tensor in fresh.items()
        if name.startswith("replay.") and tensor.dim()
    }
    return alike(found, {**fresh, **grown}) and int(found["replay.added"]) == rollouts


def _blocks(s: TrainSettings) -> int:
    """How many rollouts are remembered."""
    return max(1, min(s.sac.replay_steps, s.env_steps) // (s.num_envs * s.rollout_steps))


def remembered_mib(shape: Shape, settings: TrainSettings) -> float:
    """Of a candidate, at most: its ring, what it brought from the leg before, and a checkpoint's copy."""
    rows = _blocks(settings) * (settings.rollout_steps + 1) * settings.num_envs
    return COPIES * rows * (shape.obs_dim + shape.action_dim + FACTS) * torch.float32.itemsize / 2**20


def _widths(shape: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the actor, which gives means and deviations, and of a critic."""
    actor = (shape.obs_dim, *shape.hidden, 2 * shape.action_dim)
    return actor, (shape.obs_dim + shape.action_dim, *shape.hidden, 1)


def sampled(head: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Actions `(K, B, A)` in (-1, 1) and their log densities `(K, B)`, from what the actor gave `(K, B, 2 A)`.

    A Gaussian draw goes through tanh. Its deviation is `LOG_STD_LOW` to `LOG_STD_HIGH` in logs.
    """
    mean, raw = head.chunk(2, dim=-1)
    log_std = LOG_STD_LOW + 0.5 * (LOG_STD_HIGH - LOG_STD_LOW) * (torch.tanh(raw) + 1.0)
    before = mean + log_std.exp() * noise
    out = before.abs()  # log (1 - tanh^2), without cancellation; softplus's last bits depend on a number's place
    slope = 2.0 * (math.log(2.0) - out - torch.log1p((-2.0 * out).exp()))
    return torch.tanh(before), -(0.5 * noise.square() + log_std + LOG_SQRT_TWO_PI + slope).sum(-1)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A number for each candidate, `flat (K, 1)`."""

    flat: Tensor


class SacGroup:
    """The candidates of `states`, in that order."""

    def __init__(self, states: Sequence[State], shape: Shape, settings: TrainSettings, *, device: torch.device) -> None:
        self._count, self._shape, self._settings, self._device = max(1, len(states)), shape, settings, device
        actor, critic = _widths(shape)
        self._actor = Perceptrons(self._count, 1, actor, normed=False, device=device)
        self._critic = Perceptrons(self._count, CRITICS, critic, normed=True, device=device)
        self._target = self._critic.flat.detach().clone()
        self._log_temperature = Numbers(torch.full((self._count, 1), math.log(settings.sac.temperature), device=device))
        self._adams = {
            name: Adam(holder, learning_rate=settings.sac.learning_rate)
            for name, holder in (("actor", self._actor), ("critic", self._critic), ("heat", self._log_temperature))
        }
        self._moments = RunningMoments(self._count, shape.obs_dim, device=device)
        self._scale = ReturnScale(self._count, settings.num_envs, gamma=settings.gamma, device=device)
        self._replay = self._memory()
        self._taken: list[Tensor] = []
        for k, state in enumerate(states):
            for name, tensor in self._rows().items():
                tensor[k] = state[name]
            self._replay.put_back(k, _under("replay.", state))

    def _memory(self) -> Replay:
        s = self._settings
        return Replay(
            self._count,
            blocks=_blocks(s),
            steps=s.rollout_steps,
            num_envs=s.num_envs,
            obs_dim=self._shape.obs_dim,
            action_dim=self._shape.action_dim,
            device=self._device,
        )

    def _rows(self) -> dict[str, Tensor]:
        """Every tensor that holds a row a candidate, but for what is remembered."""
        return {
            "actor": self._actor.flat.detach(),
            "critic": self._critic.flat.detach(),
            "target": self._target,
            "heat": self._log_temperature.flat,
            **{f"adam.{net}.{name}": t for net, adam in self._adams.items() for name, t in adam.rows().items()},
            **{f"obs.{name}": t for name, t in self._moments.rows().items()},
            **{f"returns.{name}": t for name, t in self._scale.rows().items()},
        }

    def state(self, k: int) -> State:
        """Candidate k's rows, copied to the CPU, and what it remembers."""
        remembered = {f"replay.{name}": tensor for name, tensor in self._replay.rows(k).items()}
        return {name: tensor[k].cpu().clone() for name, tensor in self._rows().items()} | remembered

    def policy(self, k: int, low: Tensor, high: Tensor) -> Policy:
        """Candidate k's actor as plain tensors; its actions are the tanh of the first A numbers it gives."""
        return Policy(
            tensors={
                **{f"actor.{name}": tensor for name, tensor in self._actor.row(k).items()},
                "log_std": torch.zeros(1, self._shape.action_dim),
                "obs_mean": self._moments.mean[k].cpu().clone(),
                "obs_var": self._moments.var[k].cpu().clone(),
                "action_low": low[None].cpu().clone(),
                "action_high": high[None].cpu().clone(),
                "activation": torch.tensor(ACTIVATIONS.index("relu")),
                "squashed": torch.tensor(1),
            }
        )

    # --- acting ---

    def begin_rollout(self) -> None:
        """Forget the previous rollout's actions."""
        self._taken = []

    def act(self, obs: Tensor, noise: Tensor) -> Tensor:
        """Actions `(K, N, A)` in [-1, 1] on the group's device for `obs (K, N, D)` and Gaussian noise `(C, N, A)`.

        They are uniform at first: the same noise, through its own distribution function.
        """
        noise = noise.to(self._device)
        if self.warming:
            action = torch.erf(noise / math.sqrt(2.0)).expand(self._count, -1, -1)
        else:
            action, _ = sampled(self._actor(self._normalise(obs.to(self._device)))[:, 0], noise)
        self._taken.append(action)
        return action

    @property
    def warming(self) -> bool:
        """Whether actions are still drawn at random, whatever the policies."""
        s = self._settings
        return self._replay.added * s.num_envs * s.rollout_steps < s.sac.warmup_steps

    def _normalise(self, obs: Tensor) -> Tensor:
        return normalised(obs, self._moments.mean, self._moments.var)

    # --- learning ---

    def learn(self, rollout: Rollout, states: Tensor, rewards: Tensor, draws: Draws) -> None:
        """Remember a rollout of all candidates, side by side, and take the gradient steps that are due to it.

        `states (T + 1, K * N, D)` is what the policies saw, `rewards (T, K * N)` each candidate's own.
        """
        states, rewards, valid = self._mine(states), self._mine(rewards), self._mine(rollout.valid)
        terminated = self._mine(rollout.terminated) & valid
        done = (terminated | self._mine(rollout.truncated)) & valid
        if self._settings.normalise_reward:
            self._scale.scale(rewards, valid, done)
        if self._settings.normalise_obs:
            for k in range(self._count):
                self._moments.update(k, states[k, 1:][valid[k]])
        self._replay.add(states, torch.stack(self._taken, dim=1), rewards, terminated=terminated, valid=valid)
        if not self.warming:
            self._steps(draws)

    def _mine(self, x: Tensor) -> Tensor:
        """`(T, K * N, ...)` as `(K, T, N, ...)` on the group's device."""
        return x.view(len(x), self._count, -1, *x.shape[2:]).transpose(0, 1).contiguous().to(self._device)

    def _steps(self, draws: Draws) -> None:
        s = self._settings
        count = max(1, round(s.num_envs * s.rollout_steps * s.sac.steps_per_env_step))
        places = draws.each(lambda stream: self._replay.places((count, s.sac.batch), stream))
        size = (2, s.sac.batch, self._shape.action_dim)
        for i, at in enumerate(places.unbind(1)):
            noise = draws.each(lambda stream: torch.randn(size, generator=stream, device=self._device))
            batch = self._looked_up(at)
            self._learn_values(batch, noise[:, 0])
            if i % s.sac.actor_every == 0:
                self._learn_actor(batch, noise[:, 1])
            self._target.lerp_(self._critic.flat.detach(), s.sac.target_rate)

    def _looked_up(self, at: Tensor) -> Remembered:
        """A batch, normalised by what is known now."""
        found = self._replay.look_up(at, ahead=self._settings.sac.ahead, gamma=self._settings.gamma)
        return replace(
            found,
            obs=self._normalise(found.obs),
            later=self._normalise(found.later),
            rewards=self._scaled(found.rewards),
        )

    def _scaled(self, rewards: Tensor) -> Tensor:
        return self._scale.scaled(rewards[:, None])[:, 0] if self._settings.normalise_reward else rewards

    def _learn_values(self, b: Remembered, noise: Tensor) -> None:
        wanted = self._targets(b, noise)
        with torch.enable_grad():
            error = self._critic(torch.cat([b.obs, b.action], dim=-1))[..., 0] - wanted[:, None]
            loss = (error.square() * b.weight[:, None]).mean(dim=-1).sum()
            [grad] = torch.autograd.grad(loss, [self._critic.flat])
        self._adams["critic"].step(grad, max_grad_norm=NO_LIMIT)

    def _targets(self, b: Remembered, noise: Tensor) -> Tensor:
        """What the critics should say of each row, `(K, B)`."""
        action, log_prob = sampled(self._actor(b.later)[:, 0], noise)
        values = self._critic(torch.cat([b.later, action], dim=-1), flat=self._target)[..., 0].amin(dim=1)
        return b.rewards + b.discount * (values - self._temperature * log_prob)

    @property
    def _temperature(self) -> Tensor:
        """`(K, 1)`."""
        return self._log_temperature.flat.exp()

    def _learn_actor(self, b: Remembered, noise: Tensor) -> None:
        """The actor towards actions that the critics value, and the temperature towards the entropy that is wanted."""
        with torch.enable_grad():
            action, log_prob = sampled(self._actor(b.obs)[:, 0], noise)
            values = self._critic(torch.cat([b.obs, action], dim=-1), flat=self._critic.flat.detach())[..., 0]
            loss = ((self._temperature * log_prob - values.amin(dim=1)) * b.weight).mean(dim=-1).sum()
            [grad] = torch.autograd.grad(loss, [self._actor.flat])
        self._adams["actor"].step(grad, max_grad_norm=NO_LIMIT)
        wanted = self._settings.sac.entropy * self._shape.action_dim
        missing = (log_prob.detach() + wanted).mean(dim=-1, keepdim=True)  # above 0 where there is too little
        self._adams["heat"].step(-self._temperature * missing, max_grad_norm=NO_LIMIT)

    def broken(self) -> list[int]:
        """Candidates whose weights are not finite; each is set to zero and never moves again."""
        whole = torch.isfinite(self._actor.flat).all(dim=1) & torch.isfinite(self._critic.flat).all(dim=1)
        found: list[int] = (~whole).nonzero().flatten().tolist()
        for k in found:
            for rows in (self._actor.flat, self._critic.flat, self._target, self._log_temperature.flat):
                rows.detach()[k] = 0.0
            for adam in self._adams.values():
                adam.reset(k)
        return found


def _under(prefix: str, state: State) -> Mapping[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
