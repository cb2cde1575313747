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


def make(task: Task, *, env_seeds: Sequence[int], info_fields: Sequence[str], threads: int | None = None) -> Simulator:
    """Build the simulator that `task.env.backend` names, one environment a seed; `threads` None: one a core.

    Raises: ConfigError: no such backend, no such environment, or an option the environment does not know.
    """
    from rewardsmith import plugins

    backend = plugins.load("simulator", task.env.backend, BACKENDS)
    return backend(task, env_seeds=env_seeds, info_fields=info_fields, threads=threads)  # type: ignore[no-any-return, operator]


def refuses(task: Task) -> str | None:
    """Why the task's simulator cannot be disturbed as `task.env.disturbance` says; None where it can."""
    from rewardsmith import plugins

    backend = plugins.load("simulator", task.env.backend, BACKENDS)
    ask = getattr(backend, "refuses", None)
    if callable(ask):
        return ask(task)  # type: ignore[no-any-return]
    return f"The simulator '{task.env.backend}' offers no disturbances."
