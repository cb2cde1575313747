"""What candidates have lived through, kept to be learned from again: the memory of an off-policy learner.

A memory is a ring of rollouts. Each is kept as its T + 1 states, so that it is whole by itself: whatever comes next,
be it the rollout after it or a leg's fresh episodes, no step is ever followed by a state that it did not lead to.

Shapes: K candidates, T control steps a rollout, N environments, D observation numbers, A actions, B rows of a
batch; C is 1 or K (`draws.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardsmith.learn.draws import rows_at

FACTS = 3  # of a step: reward, 1 where it ended the task, 1 where a transition


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """A batch of `(K, B, ...)`: a state, what was done in it, and what some steps later had come of it."""

    obs: Tensor  # (K, B, D)
    action: Tensor  # (K, B, A)
    rewards: Tensor  # (K, B): discounted sum over the steps in between
    later: Tensor  # (K, B, D): the state after them
    discount: Tensor  # (K, B): of that state's value; 0 where the episode had terminated
    weight: Tensor  # (K, B): 0 where the row only reset its environment, else 1


class Replay:
    """The latest `blocks` rollouts of K candidates, all of one shape."""

    def __init__(
        self, count: int, *, blocks: int, steps: int, num_envs: int, obs_dim: int, action_dim: int, device: torch.device
    ) -> None:
        self._blocks, self._steps, self._num_envs = blocks, steps, num_envs
        size = (count, blocks, steps + 1, num_envs)
        self._obs = torch.zeros(*size, obs_dim, device=device)
        self._action = torch.zeros(*size, action_dim, device=device)
        self._facts = torch.zeros(*size, FACTS, device=device)
        self._added = 0

    @property
    def added(self) -> int:
        """How many rollouts were ever added."""
        return self._added

    @property
    def held(self) -> int:
        """How many of them are still there."""
        return min(self._added, self._blocks)

    def add(self, obs: Tensor, action: Tensor, reward: Tensor, *, terminated: Tensor, valid: Tensor) -> None:
        """Take in a rollout: `obs (K, T + 1, N, D)`, `action (K, T, N, A)`, the others `(K, T, N)`."""
        at = self._added % self._blocks
        self._obs[:, at] = obs
        self._action[:, at, :-1] = action
        self._facts[:, at, :-1] = torch.stack([reward, terminated.float(), valid.float()], dim=-1)
        self._added += 1

    def places(self, shape: tuple[int, ...], draw: torch.Generator) -> Tensor:
        """Random steps in `shape`; every one that is held is as likely as any other."""
        per_block = self._steps * self._num_envs
        found = torch.randint(self.held * per_block, shape, generator=draw, device=self._obs.device)
        return found + found // per_block * self._num_envs  # past each block's last state

    def look_up(self, places: Tensor, *, ahead: int, gamma: float) -> Remembered:
        """The steps at `places (C, B)` and what came of each within `ahead` steps: fewer where the episode ended.

        A step that ended an episode is followed by one that only resets, in a state that is still the episode's last.
        """
        obs, action, facts = (x.flatten(1, 3) for x in (self._obs, self._action, self._facts))
        weight = rows_at(facts, places)[..., 2]
        rewards, terminated, steps = torch.zeros_like(weight), torch.zeros_like(weight), torch.zeros_like(weight)
        alive = torch.ones_like(weight)
        for j in range(ahead):  # a block's last state is no transition, so nothing looks past it
            at = (places + j * self._num_envs).clamp(max=facts.shape[1] - 1)
            reward, ended, transition = rows_at(facts, at).unbind(-1)
            alive = alive * transition
            rewards = rewards + alive * gamma**j * reward
            terminated = terminated + alive * ended
            steps = steps + alive
            alive = alive * (1 - ended)
        return Remembered(
            obs=rows_at(obs, places),
            action=rows_at(action, places),
            rewards=rewards,
            later=rows_at(obs, places + steps.long() * self._num_envs),
            discount=gamma**steps * (1 - terminated),
            weight=weight,
        )

    # --- between legs ---

    def rows(self, k: int) -> Mapping[str, Tensor]:
        """Candidate k's part of what is held, in the ring's order, on the CPU."""
        held = self.held
        found = {"obs": self._obs[k, :held], "action": self._action[k, :held], "facts": self._facts[k, :held]}
        return {**{name: x.cpu().clone() for name, x in found.items()}, "added": torch.tensor(self._added)}

    def put_back(self, k: int, rows: Mapping[str, Tensor]) -> None:
        """Hold what `rows` gave of a candidate; all candidates of a memory have lived through as many rollouts."""
        held = len(rows["obs"])
        self._obs[k, :held], self._action[k, :held], self._facts[k, :held] = rows["obs"], rows["action"], rows["facts"]
        self._added = int(rows["added"])
