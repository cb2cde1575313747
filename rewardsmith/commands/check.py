"""`check`: a task beside its environment, every signal with what it really was under random actions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rewardsmith.commands.options import AsJson, PlaySeed, TaskName

if TYPE_CHECKING:
    from torch import Tensor

    from rewardsmith.interfaces import Rollout
    from rewardsmith.readings import Readings
    from rewardsmith.types import Task, Trajectory

PLAYED = 8  # environments, and episodes
MOST_STEPS = 2000
SPEED_ENVS = 64


def check(task: TaskName, /, *, seed: PlaySeed = 0, as_json: AsJson = False) -> int:
    """Load a task's environment, step it, and print every signal.

    Shape, unit and observed range of every signal and of the expert's reward under random actions that are held for
    four steps each; fitness and success of 8 episodes of random actions, as anchors have them; and how fast the bare
    environment steps.
    """
    from rewardsmith import judge, sim, taskfile
    from rewardsmith.environment import first_frame, raw_env_steps_per_s, unreported_at_reset
    from rewardsmith.play import random_rollout
    from rewardsmith.readings import Readings
    from rewardsmith.types import Rejected

    loaded = taskfile.load(task)
    first_frame(loaded)
    found = loaded.task
    rollout = random_rollout(found, sim.make, seed=seed, num_envs=PLAYED, steps=min(found.episode_steps, MOST_STEPS))
    played = judge.play_random(found, sim.make, seed=seed, episodes=PLAYED, watch=lambda _: None, keep=PLAYED)
    fault = played.reason if isinstance(played, Rejected) else ""
    episodes = () if isinstance(played, Rejected) else played.trajectories
    seen = observe(found, rollout, Readings(found), episodes)
    unreported = unreported_at_reset(found)
    speed = raw_env_steps_per_s(found, num_envs=SPEED_ENVS)
    problems = [f"'{r.name}' was not finite" for r in seen.signals if not r.finite] + ([fault] if fault else [])
    if as_json:
        print(json.dumps(_plain(found, seen, speed, problems) | {"not_at_reset": unreported}, indent=2))
    else:
        print("\n".join([_words(found, seen, speed, problems), *_notes(seen, unreported)]))
    return 1 if problems else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """What a quantity was, over all transitions that were played."""

    name: str
    unit: str
    shape: tuple[int, ...]
    low: float
    high: float
    finite: bool

    @property
    def constant(self) -> bool:
        return self.finite and self.low == self.high


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Random play read through a task: ranges over a rollout; what episodes came to, none where it is not finite."""

    signals: tuple[Range, ...]
    fitness: tuple[float, ...]
    success: tuple[float, ...] | None
    lengths: tuple[float, ...]
    expert: Range | None


def observe(task: Task, rollout: Rollout, readings: Readings, episodes: Sequence[Trajectory] = ()) -> Seen:
    """Everything the task reads, over the rollout's real transitions, and how the `episodes` went."""
    inputs = readings.inputs(rollout, [s.name for s in task.signals])
    expert = readings.expert(rollout) if task.references.expert else None
    return Seen(
        signals=tuple(
            _range(inputs[s.name][rollout.valid], name=s.name, unit=s.unit, shape=s.shape) for s in task.signals
        ),
        fitness=tuple(e.fitness for e in episodes),
        success=tuple(float(bool(e.success)) for e in episodes) if task.success else None,
        lengths=tuple(float(len(e.fitness_steps)) for e in episodes),
        expert=None if expert is None else _range(expert[rollout.valid], name="expert reward", unit="1", shape=()),
    )


def _range(values: Tensor, *, name: str, unit: str, shape: tuple[int, ...]) -> Range:
    import torch

    finite = bool(torch.isfinite(values).all())
    known = values[torch.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.numel() else (0.0, 0.0)
    return Range(name=name, unit=unit, shape=shape, low=low, high=high, finite=finite)


# --- telling --------------------------------------------------------------------------------------------------------


def _words(task: Task, seen: Seen, speed: float, problems: Sequence[str]) -> str:
    from rewardsmith.report.tables import Table

    docs = {s.name: " ".join(s.doc.split()) for s in task.signals}
    rows = [(r.name, str(list(r.shape)), r.unit, _span(r), docs[r.name]) for r in seen.signals]
    table = Table(heading=("signal", "shape", "unit", "seen", "meaning"), rows=rows)
    lines = [
        f"{task.name}: {task.env.id} ({task.env.backend}), {task.episode_steps} steps of {task.control_dt_s:g} s",
        "",
        table.text(width=70),
    ]
    if seen.lengths:
        unit = "" if task.fitness.unit == "1" else f" {task.fitness.unit}"
        lines += [
            f"under random actions, {len(seen.lengths)} episodes, {_mean(seen.lengths):.4g} steps long on average:",
            f"  fitness {_spread(seen.fitness)}{unit}",
        ]
    lines += [f"  success {_mean(seen.success):.0%}"] if seen.success else []
    lines += [f"  expert reward a step {_span(seen.expert)}"] if seen.expert else []
    lines += [f"bare stepping: {speed:,.0f} env steps/s with {SPEED_ENVS} environments"]
    lines += [f"PROBLEM: {problem}" for problem in problems]
    return "\n".join(lines)


def _notes(seen: Seen, unreported: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from (f"note: '{r.name}' never changed; is its source right?" for r in seen.signals if r.constant)
    for field, signals in unreported.items():
        previous = ", ".join(f"prev_{name}" for name in signals)
        yield f"note: reset does not report info.{field}, which is 0 to {previous} at an episode's first step"


def _plain(task: Task, seen: Seen, speed: float, problems: Sequence[str]) -> dict[str, object]:
    return {
        "task": task.name,
        "env": task.env.id,
        "backend": task.env.backend,
        "signals": [_plain_range(r) for r in seen.signals],
        "fitness": list(seen.fitness),
        "success": None if seen.success is None else list(seen.success),
        "episode_lengths": list(seen.lengths),
        "expert_reward": _plain_range(seen.expert) if seen.expert else None,
        "env_steps_per_s": round(speed),
        "problems": list(problems),
    }


def _plain_range(seen: Range) -> dict[str, object]:
    return {
        "name": seen.name,
        "shape": list(seen.shape),
        "unit": seen.unit,
        "low": seen.low,
        "high": seen.high,
        "finite": seen.finite,
    }


def _span(seen: Range) -> str:
    return f"{seen.low:.4g} to {seen.high:.4g}" if seen.finite else "NOT FINITE"


def _spread(values: Sequence[float]) -> str:
    return f"{_mean(values):.4g} on average, {min(values):.4g} to {max(values):.4g}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
