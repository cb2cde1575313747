"""A point on a line that should go to a target: small enough to work out by hand, for tests and first tries.

It is no physics and no benchmark: no MuJoCo, no inertia. Each control step moves the point by 0.1 m times the action;
start and target are drawn in [-1, 1] m. It obeys the same contract as the real ones.

    obs     position [m], target [m], target - position [m]
    info    position [m], distance [m] to the target, reached (1.0 within 0.05 m)
    reward  -distance
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rewardsmith.errors import ConfigError, did_you_mean
from rewardsmith.interfaces import Frame, Picture
from rewardsmith.types import EnvSpec, Measure, References, Signal, Task

ID = "Point-v0"
STRIDE_M = 0.1
REACHED_M = 0.05
INFO_FIELDS = ("distance", "position", "reached")
OPTIONS = ("edge",)


class PointSimulator:
    """A batch of points. Environment i's starts and targets come from `env_seeds[i]` alone.

    The option `edge`, in metres, ends an episode (terminated) when the point is further than that from 0; without it
    episodes end only by truncation, after `task.episode_steps`.

    Raises: ConfigError: another id, an unknown option or info field, or an edge that is not a positive number.
    """

    def __init__(
        self,
        task: Task,
        *,
        env_seeds: Sequence[int],
        info_fields: Sequence[str],
        threads: int | None = None,  # noqa: ARG002 - it needs none
        picture: Picture | None = None,
    ) -> None:
        self._edge_m = _edge(task)
        _check_info_fields(info_fields)
        self.num_envs = len(env_seeds)
        self.action_low, self.action_high = torch.tensor([-1.0]), torch.tensor([1.0])
        self._info_fields, self._episode_steps = tuple(info_fields), task.episode_steps
        self._draws = [np.random.default_rng(seed) for seed in env_seeds]
        self._position, self._target = np.zeros((2, self.num_envs), dtype=np.float32)
        self._picture = picture or Picture()
        self._elapsed = np.zeros(self.num_envs, dtype=np.int64)
        self._ended = np.ones(self.num_envs, dtype=bool)

    def reset(self) -> Frame:
        self._ended = np.ones(self.num_envs, dtype=bool)
        return self.step(torch.zeros(self.num_envs, 1))

    def step(self, actions: Tensor) -> Frame:
        started = self._ended
        self._position += STRIDE_M * actions[:, 0].numpy()
        self._elapsed = np.where(started, 0, self._elapsed + 1)
        for i in np.flatnonzero(started):  # wherever the action took it
            self._position[i], self._target[i] = self._draws[i].uniform(-1.0, 1.0, size=2)
        terminated = (np.abs(self._position) > self._edge_m) & ~started
        truncated = (self._elapsed >= self._episode_steps) & ~terminated & ~started
        self._ended = terminated | truncated
        return self._frame(started, terminated, truncated)

    def render(self, env: int) -> NDArray[np.uint8]:
        """The line from -2 m to 2 m in grey, the target in green, the point in red; no OpenGL is asked for."""
        width, height = self._picture.width, self._picture.height
        pixels = np.full((height, width, 3), 255, dtype=np.uint8)
        pixels[height // 2] = 128
        size = max(1, height // 16)
        for place_m, colour in ((self._target[env], (0, 160, 0)), (self._position[env], (200, 0, 0))):
            column = int((float(place_m) + 2.0) / 4.0 * (width - 1))
            pixels[height // 2 - size : height // 2 + size, max(0, column - size) : max(0, column + size)] = colour
        return pixels

    def close(self) -> None:
        """There is nothing to free."""

    def _frame(self, started: np.ndarray, terminated: np.ndarray, truncated: np.ndarray) -> Frame:
        offset = self._target - self._position
        distance = np.abs(offset)
        info = {
            "distance": distance,
            "position": self._position.copy(),
            "reached": (distance < REACHED_M).astype(np.float32),
        }
        return Frame(
            obs={"obs": torch.from_numpy(np.stack([self._position, self._target, offset], axis=1))},
            info={name: torch.from_numpy(info[name]) for name in self._info_fields},
            reward=torch.from_numpy(np.where(started, 0.0, -distance).astype(np.float32)),
            terminated=torch.from_numpy(terminated),
            truncated=torch.from_numpy(truncated),
            started=torch.from_numpy(started),
        )


def point_task(*, episode_steps: int = 20, edge: float | None = None) -> Task:
    """The task that goes with it: be at the target when the episode ends. 20 steps reach any target from any start."""
    return Task(
        name="point",
        goal="Move the point to its target and stay there.",
        env=EnvSpec(backend="point", id=ID, options={} if edge is None else {"edge": edge}),
        signals=(
            Signal(name="position", shape=(), unit="m", doc="where the point is", source="obs[0]"),
            Signal(name="target", shape=(), unit="m", doc="where it should be", source="obs[1]"),
            Signal(name="offset", shape=(), unit="m", doc="target minus position", source="obs[2]"),
            Signal(name="distance", shape=(), unit="m", doc="distance to the target", source="info.distance"),
            Signal(name="action", shape=(1,), unit="1", doc="velocity command, -1 to 1", source="action"),
        ),
        fitness=Measure(source="-distance", reduce="final", unit="m", doc="distance left at the end, negative"),
        success=Measure(source="info.reached", reduce="final", at_least=1.0, doc="at the target at the end"),
        references=References(expert="reward", sparse="info.reached"),
        episode_steps=episode_steps,
        control_dt_s=0.1,
    )


def _edge(task: Task) -> float:
    """The `edge` option in metres, infinity where there is none."""
    where = task.path or task.name
    if task.env.id != ID:
        raise ConfigError(
            f"{where}: the point simulator has no environment '{task.env.id}'.{did_you_mean(task.env.id, [ID])} "
            f"Known: {ID}."
        )
    for name in task.env.options:
        if name not in OPTIONS:
            raise ConfigError(
                f"{where}: '{ID}' has no option '{name}'.{did_you_mean(name, OPTIONS)} Known: {', '.join(OPTIONS)}."
            )
    edge = task.env.options.get("edge", float("inf"))
    if isinstance(edge, bool) or not isinstance(edge, int | float) or not edge > 0:
        raise ConfigError(f"{where}: option 'edge' is {edge!r}; expected a positive number of metres.")
    return float(edge)


def _check_info_fields(names: Sequence[str]) -> None:
    for name in names:
        if name not in INFO_FIELDS:
            raise ConfigError(
                f"info has no field '{name}'.{did_you_mean(name, INFO_FIELDS)} Known: {', '.join(INFO_FIELDS)}."
            )
