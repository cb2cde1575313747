"""From what a batched environment returns to a `Frame`; shared by the backends that reset on the step after `done`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rewardsmith.errors import ConfigError, did_you_mean
from rewardsmith.interfaces import Frame
from rewardsmith.types import Task

ReadField = Callable[[Mapping[str, Any], str], Tensor]
"""An info and a field's name to that field, `(N, *shape)`."""


class FrameMaker:
    """Makes the frames of one batch and remembers which episodes ended, since their next step only resets.

    Where an environment gives several observations, each is `obs.<key>`; if the policy is to see `obs`, that is all of
    them in one row, in the order of their keys.
    """

    def __init__(self, task: Task, num_envs: int, info_fields: Sequence[str], read: ReadField) -> None:
        self._num_envs, self._info_fields, self._read = num_envs, tuple(info_fields), read
        self._in_one_row = task.env.observation == "obs"
        self._ended = torch.ones(num_envs, dtype=torch.bool)

    def first(self, obs: Any, info: Mapping[str, Any]) -> Frame:
        """The frame of a reset of the whole batch."""
        self._ended = torch.ones(self._num_envs, dtype=torch.bool)
        nothing = np.zeros(self._num_envs)
        return self.next(obs, nothing, nothing, nothing, info)

    def next(
        self, obs: Any, reward: np.ndarray, terminated: np.ndarray, truncated: np.ndarray, info: Mapping[str, Any]
    ) -> Frame:
        """The frame of a step; where an episode had ended it is the first of the next, and earns nothing."""
        started = self._ended
        frame = Frame(
            obs=self._observations(obs),
            info={name: self._read(info, name) for name in self._info_fields},
            reward=float32(reward).masked_fill_(started, 0.0),
            terminated=torch.from_numpy(np.array(terminated, dtype=bool)),
            truncated=torch.from_numpy(np.array(truncated, dtype=bool)),
            started=started,
        )
        self._ended = frame.terminated | frame.truncated
        return frame

    def _observations(self, obs: Any) -> dict[str, Tensor]:
        if not isinstance(obs, Mapping):
            return {"obs": float32(obs)}
        found = {f"obs.{key}": float32(obs[key]) for key in sorted(obs)}
        if self._in_one_row:
            found["obs"] = torch.cat([value.reshape(self._num_envs, -1) for value in found.values()], dim=1)
        return found


def numeric(info: Mapping[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of numbers in a batch's info, nested ones as `a.b`; Gymnasium's `_a` says only who reported `a`."""
    found: dict[str, np.ndarray] = {}
    for key, value in info.items():
        if isinstance(value, Mapping):
            found |= numeric(value, f"{prefix}{key}.")
        elif not key.startswith("_") and isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            found[prefix + key] = value
    return found


def no_such_field(name: str, known: Mapping[str, object]) -> ConfigError:
    """The error for an info field that the environment does not report."""
    return ConfigError(f"info has no field '{name}'.{did_you_mean(name, known)} Known: {', '.join(sorted(known))}.")


def float32(value: np.ndarray) -> Tensor:
    """A copy as a float32 tensor."""
    return torch.from_numpy(np.array(value, dtype=np.float32))
