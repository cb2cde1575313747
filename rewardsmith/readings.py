"""Reads a rollout through a task's eyes: signals for reward code, fitness and success for the judge, references.

The two never meet: `inputs` holds what reward code may read, `fitness` and `success` what it may not.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from rewardsmith.interfaces import Frame, Rollout
from rewardsmith.sources import Source, View, parse
from rewardsmith.types import EPISODE_PROGRESS, PREVIOUS, Task


class Readings:
    """A task's sources, parsed once.

    Shapes: T transitions of N environments; a signal of shape S reads as `(T, N, *S)`.
    """

    def __init__(self, task: Task) -> None:
        self._episode_steps = task.episode_steps
        self._obs_key = task.env.observation
        self._signals = {s.name: parse(s.source) for s in task.signals}
        self._fitness = parse(task.fitness.source, signals=self._signals)
        self._success = parse(task.success.source, signals=self._signals) if task.success else None
        hidden = task.hidden_fitness
        self._hidden = parse(hidden.source, signals=self._signals) if hidden else None
        expert, sparse = task.references.expert, task.references.sparse
        self._expert = parse(expert, signals=self._signals) if expert else None
        self._sparse = parse(sparse, signals=self._signals) if sparse else self._fitness
        self.info_fields = tuple(sorted(frozenset().union(*(s.info_fields for s in self._all()))))

    def _all(self) -> list[Source]:
        optional = [s for s in (self._success, self._expert, self._hidden) if s is not None]
        return [*self._signals.values(), self._fitness, self._sparse, *optional]

    def policy_obs(self, frame: Frame) -> Tensor:
        """What the policy sees, `(N, D)`."""
        obs = frame.obs[self._obs_key]
        return obs.reshape(len(obs), -1)

    def policy_states(self, rollout: Rollout) -> Tensor:
        """What the policy saw in every state, `(T + 1, N, D)`."""
        obs = rollout.obs[self._obs_key]
        return obs.reshape(*obs.shape[:2], -1)

    def inputs(self, rollout: Rollout, names: Iterable[str]) -> dict[str, Tensor]:
        """Reward inputs by name, one row a transition: a signal after the step, `prev_` before it."""
        states = View(obs=rollout.obs, info=rollout.info, action=rollout.led_by, reward=None)
        found: dict[str, Tensor] = {}
        read: dict[str, Tensor] = {}
        for name in names:
            if name == EPISODE_PROGRESS:
                found[name] = rollout.elapsed[1:].float() / self._episode_steps
                continue
            previous = name not in self._signals
            signal = name.removeprefix(PREVIOUS) if previous else name
            if signal not in read:
                read[signal] = self._signals[signal].read(states)
            found[name] = read[signal][:-1] if previous else read[signal][1:]
        return found

    def signals(self, rollout: Rollout) -> dict[str, Tensor]:
        """Every declared signal in every state, `(T + 1, N, *shape)`."""
        states = View(obs=rollout.obs, info=rollout.info, action=rollout.led_by, reward=None)
        return {name: source.read(states) for name, source in self._signals.items()}

    def fitness(self, rollout: Rollout) -> Tensor:
        """The fitness quantity at each transition, `(T, N)`."""
        return self._after(self._fitness, rollout)

    def success(self, rollout: Rollout) -> Tensor | None:
        """The success quantity at each transition, `(T, N)`; None where the task declares none."""
        return self._after(self._success, rollout) if self._success else None

    def hidden(self, rollout: Rollout) -> Tensor | None:
        """The hidden fitness quantity at each transition, `(T, N)`; None where the task declares none."""
        return self._after(self._hidden, rollout) if self._hidden else None

    def expert(self, rollout: Rollout) -> Tensor:
        """The environment's own reward, `(T, N)`; only ever a reference to compare with."""
        found = self.expert_or_none(rollout)
        if found is None:
            raise ValueError("the task declares no expert reward")
        return found

    def expert_or_none(self, rollout: Rollout) -> Tensor | None:
        """The same, None where the task declares no expert reward."""
        return self._after(self._expert, rollout) if self._expert else None

    def sparse(self, rollout: Rollout) -> Tensor:
        """The fitness quantity as a reward, `(T, N)`; only ever a reference to compare with."""
        return self._after(self._sparse, rollout)

    def _after(self, source: Source, rollout: Rollout) -> Tensor:
        view = View(
            obs={k: v[1:] for k, v in rollout.obs.items()},
            info={k: v[1:] for k, v in rollout.info.items()},
            action=rollout.led_by[1:],
            reward=rollout.reward,
        )
        return torch.broadcast_to(source.read(view), rollout.reward.shape)
