"""A task beside its real environment: does every source read, has every signal its declared shape, how fast is it?

For `check`, for the plan of a dry run, and before a run begins, so that a wrong task file costs seconds, not hours.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from rewardsmith import sim, sources, taskfile
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Frame, Simulator
from rewardsmith.readings import Readings
from rewardsmith.rollouts import on_device
from rewardsmith.seeds import env_seeds
from rewardsmith.taskfile import LoadedTask
from rewardsmith.types import Task
from rewardsmith.yamlfile import Place, complain


def first_frame(loaded: LoadedTask) -> Frame:
    """A frame that a random step returned; every source of the task was read from it and fits.

    Raises: ConfigError: the environment cannot be made, or the task file does not fit it; with file and line.
    """
    fields = Readings(loaded.task).info_fields
    try:
        frame, actions = _one_step(loaded.task, fields)
    except ConfigError as fault:
        lacking = {field: told for field in fields if (told := _lacks(loaded.task, field))}
        if not lacking:
            raise
        problems = [(place, lacking[field]) for field in lacking for place in _asking(loaded.task, field)]
        if not problems:
            raise
        raise complain(problems, at=loaded.document.at) from fault
    taskfile.check_against(loaded, frame, actions=actions)
    return frame


def unreported_at_reset(task: Task) -> dict[str, tuple[str, ...]]:
    """Info fields that a reset does not report, and the signals that read them: `prev_` of these begins as if at 0."""
    asked = {s.name: sources.parse(s.source).info_fields for s in task.signals}
    fields = sorted(frozenset().union(*asked.values()))
    return {
        field: tuple(name for name, of in asked.items() if field in of)
        for field in sim.unreported_at_reset(task, fields)
    }


def raw_env_steps_per_s(task: Task, *, num_envs: int, seconds: float = 1.0) -> float:
    """Env steps a second of the bare simulator under random actions, measured for about `seconds`."""
    simulator = sim.make(task, env_seeds=env_seeds(0, num_envs), info_fields=())
    draw = torch.Generator().manual_seed(0)
    try:
        simulator.reset()
        actions = [_random_actions(simulator, draw) for _ in range(8)]
        simulator.step(actions[0])
        started, batches = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            frame = simulator.step(actions[batches % len(actions)])
            batches += 1
        float(frame.reward.sum())  # waits for a device
        elapsed = time.perf_counter() - started
    finally:
        simulator.close()
    return batches * num_envs / elapsed


def _one_step(task: Task, fields: Sequence[str]) -> tuple[Frame, Tensor]:
    """The frame after one random step of two environments, and the actions that led there."""
    simulator = sim.make(task, env_seeds=env_seeds(0, 2), info_fields=fields)
    try:
        simulator.reset()
        actions = _random_actions(simulator, torch.Generator().manual_seed(0))
        return on_device(simulator.step(actions), actions.device), actions
    finally:
        simulator.close()


def _lacks(task: Task, field: str) -> str:
    """What the environment says of this info field when it is asked for it alone; empty where it has it."""
    try:
        _one_step(task, [field])
    except ConfigError as fault:
        told = str(fault)
        return told if told.startswith(f"info has no field '{field}'") else ""
    return ""


def _asking(task: Task, field: str) -> Iterable[Place]:
    """Where in the task file an info field is asked for; not what only asks through a signal."""
    signals = {s.name: sources.parse(s.source) for s in task.signals}
    yield from (("signals", name, "source") for name, source in signals.items() if field in source.info_fields)
    nothing = dict.fromkeys(signals, sources.parse("0"))
    measures: list[tuple[Place, str | None]] = [
        (("fitness", "of"), task.fitness.source),
        (("success", "of"), task.success.source if task.success else None),
        (("hidden_fitness", "of"), task.hidden_fitness.source if task.hidden_fitness else None),
        (("references", "expert"), task.references.expert),
        (("references", "sparse"), task.references.sparse),
    ]
    for place, text in measures:
        if text is not None and field in sources.parse(text, signals=nothing).info_fields:
            yield place


def _random_actions(simulator: Simulator, draw: torch.Generator) -> Tensor:
    """Uniform within bounds, `(N, A)`; where an action has no bound, it counts as 1."""
    low = torch.nan_to_num(simulator.action_low, neginf=-1.0)
    high = torch.nan_to_num(simulator.action_high, posinf=1.0)
    return low + (high - low) * torch.rand(simulator.num_envs, len(low), generator=draw)
