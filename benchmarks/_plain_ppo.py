"""PPO as single-file implementations write it (CleanRL's shape): one policy, autograd, a step of the environments at a
time, learning while the simulator waits. Written for the comparison; on EnvPool, with our settings.

After Huang et al. 2022, "The 37 implementation details of PPO".
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import SimulatorFactory
from rewardsmith.readings import Readings
from rewardsmith.types import Task


class Agent(nn.Module):
    def __init__(self, obs_dim: int, action_dim: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.critic = _net(obs_dim, hidden, 1, last=1.0)
        self.actor = _net(obs_dim, hidden, action_dim, last=0.01)
        self.log_std = nn.Parameter(torch.zeros(action_dim))

    def policy(self, obs: Tensor) -> torch.distributions.Normal:
        return torch.distributions.Normal(self.actor(obs), self.log_std.exp())


def _net(inputs: int, hidden: tuple[int, ...], outputs: int, *, last: float) -> nn.Sequential:
    sizes = [inputs, *hidden]
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [_orthogonal(nn.Linear(a, b), 2.0**0.5), nn.Tanh()]
    return nn.Sequential(*layers, _orthogonal(nn.Linear(sizes[-1], outputs), last))


def _orthogonal(layer: nn.Linear, gain: float) -> nn.Linear:
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


def train(task: Task, s: TrainSettings, *, rollouts: int, make: SimulatorFactory) -> None:
    """Train one policy on the environment's own reward for `rollouts` rollouts."""
    readings = Readings(task)
    envs = make(task, env_seeds=list(range(s.num_envs)), info_fields=())
    obs = readings.policy_obs(envs.reset())
    steps, n = s.rollout_steps, s.num_envs
    agent = Agent(obs.shape[1], len(envs.action_low), tuple(s.hidden))
    optimiser = torch.optim.Adam(agent.parameters(), lr=s.learning_rate, eps=1e-5)
    mean, var, count = obs.mean(0), obs.var(0), float(n)
    for _ in range(rollouts):
        seen, acted, logp = torch.zeros(steps, n, obs.shape[1]), torch.zeros(steps, n, len(envs.action_low)), []
        rewards, done, values = torch.zeros(steps, n), torch.zeros(steps, n), torch.zeros(steps + 1, n)
        for t in range(steps):
            mean, var, count = _updated(mean, var, count, obs)
            seen[t] = ((obs - mean) / (var + 1e-8).sqrt()).clamp(-10, 10)
            with torch.no_grad():
                policy = agent.policy(seen[t])
                acted[t] = policy.sample()
                logp.append(policy.log_prob(acted[t]).sum(1))
                values[t] = agent.critic(seen[t]).squeeze(1)
            frame = envs.step(torch.clamp(acted[t], envs.action_low, envs.action_high))
            obs, rewards[t] = readings.policy_obs(frame), frame.reward.float()
            done[t] = (frame.terminated | frame.truncated).float()
        with torch.no_grad():
            values[steps] = agent.critic(((obs - mean) / (var + 1e-8).sqrt()).clamp(-10, 10)).squeeze(1)
        advantages = torch.zeros(steps, n)
        running = torch.zeros(n)
        for t in reversed(range(steps)):
            delta = rewards[t] + s.gamma * values[t + 1] * (1 - done[t]) - values[t]
            running = delta + s.gamma * s.gae_lambda * (1 - done[t]) * running
            advantages[t] = running
        flat = (seen.flatten(0, 1), acted.flatten(0, 1), torch.cat(logp), advantages.flatten(), values[:-1].flatten())
        _update(agent, optimiser, flat, s)
    envs.close()


def _update(agent: Agent, optimiser: torch.optim.Optimizer, flat: tuple[Tensor, ...], s: TrainSettings) -> None:
    for _ in range(s.epochs):
        for rows in torch.randperm(len(flat[0])).chunk(s.minibatches):
            obs, actions, logp, advantages, values = (x[rows] for x in flat)
            policy = agent.policy(obs)
            ratio = (policy.log_prob(actions).sum(1) - logp).exp()
            scaled = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
            clipped = ratio.clamp(1 - s.clip_coef, 1 + s.clip_coef)
            policy_loss = -torch.min(ratio * scaled, clipped * scaled).mean()
            value_loss = 0.5 * (agent.critic(obs).squeeze(1) - (advantages + values)).square().mean()
            entropy = policy.entropy().sum(1).mean()
            optimiser.zero_grad()
            (policy_loss + s.value_coef * value_loss - s.entropy_coef * entropy).backward()
            nn.utils.clip_grad_norm_(agent.parameters(), s.max_grad_norm)
            optimiser.step()


def _updated(mean: Tensor, var: Tensor, count: float, obs: Tensor) -> tuple[Tensor, Tensor, float]:
    """Running mean and variance (Chan et al. 1979)."""
    new, total = len(obs), count + len(obs)
    delta = obs.mean(0) - mean
    mean = mean + delta * new / total
    m2 = var * count + obs.var(0, unbiased=False) * new + delta.square() * count * new / total
    return mean, m2 / total, total
