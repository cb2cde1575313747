"""Simulators: batches of environments behind one contract (`interfaces.Simulator`), found by a task's `env.backend`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rewardsmith.interfaces import Simulator
    from rewardsmith.types import Task

BACKENDS = {
    "envpool": "rewardsmith.sim.envpool:EnvPoolSimulator",
    "gymnasium": "rewardsmith.sim.gymnasium:GymnasiumSimulator",
    "point": "rewardsmith.sim.point:PointSimulator",
}


def make(task: Task, *, env_seeds: Sequence[int], info_fields: Sequence[str]) -> Simulator:
    """Build the simulator that `task.env.backend` names, one environment a seed.

    Raises: ConfigError: no such backend, no such environment, or an option the environment does not know.
    """
    from rewardsmith import plugins

    backend = plugins.load("simulator", task.env.backend, BACKENDS)
    return backend(task, env_seeds=env_seeds, info_fields=info_fields)  # type: ignore[no-any-return, operator]
