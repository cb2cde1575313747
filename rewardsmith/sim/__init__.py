"""Simulators: batches of environments behind one contract (`interfaces.Simulator`), found by a task's `env.backend`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rewardsmith.interfaces import Picture, Renders, Simulator
    from rewardsmith.types import Task

BACKENDS = {
    "envpool": "rewardsmith.sim.envpool:EnvPoolSimulator",
    "gymnasium": "rewardsmith.sim.gymnasium:GymnasiumSimulator",
    "mjcf": "rewardsmith.sim.mjcf.simulator:MjcfSimulator",
    "point": "rewardsmith.sim.point:PointSimulator",
}


def make(task: Task, *, env_seeds: Sequence[int], info_fields: Sequence[str], threads: int | None = None) -> Simulator:
    """Build the simulator that `task.env.backend` names, one environment a seed; `threads` None: one a core.

    Raises: ConfigError: no such backend, no such environment, or an option the environment does not know.
    """
    from rewardsmith import plugins

    backend = plugins.load("simulator", task.env.backend, BACKENDS)
    return backend(task, env_seeds=env_seeds, info_fields=info_fields, threads=threads)  # type: ignore[no-any-return, operator]


def make_visible(
    task: Task, *, env_seeds: Sequence[int], info_fields: Sequence[str], picture: Picture, threads: int | None = None
) -> Renders:
    """The same as something that can be looked at. What it plays does not depend on whether anybody looks.

    Raises: ConfigError: as `make`, or the backend draws no pictures. CannotRender: nothing here can draw them.
    """
    from rewardsmith import plugins
    from rewardsmith.errors import ConfigError

    backend = plugins.load("simulator", task.env.backend, BACKENDS)
    if not callable(getattr(backend, "render", None)):
        raise ConfigError(f"The simulator '{task.env.backend}' draws no pictures: it has no method 'render'.")
    return backend(  # type: ignore[no-any-return, operator]
        task, env_seeds=env_seeds, info_fields=info_fields, threads=threads, picture=picture
    )


def refuses(task: Task) -> str | None:
    """Why the task's simulator cannot be disturbed as `task.env.disturbance` says; None where it can."""
    from rewardsmith import plugins

    backend = plugins.load("simulator", task.env.backend, BACKENDS)
    ask = getattr(backend, "refuses", None)
    if callable(ask):
        return ask(task)  # type: ignore[no-any-return]
    return f"The simulator '{task.env.backend}' offers no disturbances."


def unreported_at_reset(task: Task, fields: Sequence[str]) -> tuple[str, ...]:
    """Those of the info `fields` that are zeros before an episode's first step, since a reset does not report them.

    Raises: ConfigError: the environment cannot be made or reset.
    """
    from rewardsmith import plugins

    ask = getattr(plugins.load("simulator", task.env.backend, BACKENDS), "unreported", None)
    return tuple(ask(task, fields)) if fields and callable(ask) else ()


def files_of(task: Task) -> tuple[Path, ...]:
    """The files of the task's own that its simulator reads, such as a robot's model and its meshes; often none.

    Raises: ConfigError: no such backend, or an option it does not know.
    """
    from rewardsmith import plugins

    ask = getattr(plugins.load("simulator", task.env.backend, BACKENDS), "files_of", None)
    return tuple(ask(task)) if callable(ask) else ()
