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
    from rewardsmith.judge import Played
    from rewardsmith.readings import Readings
    from rewardsmith.types import Rejected, Task

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

    loaded = taskfile.load(task)
    first_frame(loaded)
    found = loaded.task
    rollout = random_rollout(found, sim.make, seed=seed, num_envs=PLAYED, steps=min(found.episode_steps, MOST_STEPS))
    played = judge.play_random(found, sim.make, seed=seed, episodes=PLAYED, watch=lambda _: None, keep=PLAYED)
    seen = observe(found, rollout, Readings(found))
    unreported = unreported_at_reset(found)
    speed = raw_env_steps_per_s(found, num_envs=SPEED_ENVS)
    problems = list(_problems(seen, played))
    if as_json:
        print(json.dumps(_plain(found, seen, played, speed, problems) | {"not_at_reset": unreported}, indent=2))
    else:
        print("\n".join([_words(found, seen, played, speed, problems), *_notes(found, seen, unreported)]))
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
    """A rollout of random play read through a task."""

    signals: tuple[Range, ...]
    expert: Range | None


def observe(task: Task, rollout: Rollout, readings: Readings) -> Seen:
    """Everything the task reads, over the rollout's real transitions."""
    inputs = readings.inputs(rollout, [s.name for s in task.signals])
    expert = readings.expert(rollout) if task.references.expert else None
    return Seen(
        signals=tuple(
            _range(inputs[s.name][rollout.valid], name=s.name, unit=s.unit, shape=s.shape) for s in task.signals
        ),
        expert=None if expert is None else _range(expert[rollout.valid], name="expert reward", unit="1", shape=()),
    )


def _range(values: Tensor, *, name: str, unit: str, shape: tuple[int, ...]) -> Range:
    import torch

    finite = bool(torch.isfinite(values).all())
    known = values[torch.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.numel() else (0.0, 0.0)
    return Range(name=name, unit=unit, shape=shape, low=low, high=high, finite=finite)


def _problems(seen: Seen, played: Played | Rejected) -> Iterator[str]:
    """What is wrong with the task, judging by random play."""
    from rewardsmith.types import Rejected

    broken = [r.name for r in seen.signals if not r.finite]
    yield from (f"'{name}' was not finite" for name in broken)
    episodes = () if isinstance(played, Rejected) else played.trajectories
    if seen.expert and not (seen.expert.finite and all(e.expert is not None for e in episodes)):
        yield "the expert's reward was not finite"
    if isinstance(played, Rejected):
        yield played.reason
    elif len(episodes) < PLAYED and not broken:
        lost = PLAYED - len(episodes)
        yield f"{lost} of {PLAYED} episodes cannot be kept: at a step the fitness or a signal was not finite"


# --- telling --------------------------------------------------------------------------------------------------------


def _words(task: Task, seen: Seen, played: Played | Rejected, speed: float, problems: Sequence[str]) -> str:
    from rewardsmith.judge import Played
    from rewardsmith.report.tables import Table

    docs = {s.name: " ".join(s.doc.split()) for s in task.signals}
    rows = [(r.name, str(list(r.shape)), r.unit, _span(r), docs[r.name]) for r in seen.signals]
    table = Table(heading=("signal", "shape", "unit", "seen", "meaning"), rows=rows)
    lines = [
        f"{task.name}: {task.env.id} ({task.env.backend}), {task.episode_steps} steps of {task.control_dt_s:g} s",
        "",
        table.text(width=70),
    ]
    if isinstance(played, Played):
        score, unit = played.score, "" if task.fitness.unit == "1" else f" {task.fitness.unit}"
        lines += [
            f"under random actions, {len(score.episodes)} episodes, {score.mean_length:.4g} steps long on average:",
            f"  fitness {score.mean:.4g} on average, {min(score.episodes):.4g} to {max(score.episodes):.4g}{unit}",
        ]
        lines += [] if score.success_rate is None else [f"  success {score.success_rate:.0%}"]
    lines += [f"  expert reward a step {_span(seen.expert)}"] if seen.expert else []
    lines += [f"bare stepping: {speed:,.0f} env steps/s with {SPEED_ENVS} environments"]
    lines += [f"PROBLEM: {problem}" for problem in problems]
    return "\n".join(lines)


def _notes(task: Task, seen: Seen, unreported: Mapping[str, Sequence[str]]) -> Iterator[str]:
    from rewardsmith.taskfile import TO_DO

    if left := ", ".join(f"'{s.name}'" for s in task.signals if s.doc.startswith(TO_DO)):
        yield f"note: the doc of {left} still says {TO_DO}: whoever writes a reward goes by its words"
    yield from (f"note: '{r.name}' never changed; is its source right?" for r in seen.signals if r.constant)
    for field, signals in unreported.items():
        previous = ", ".join(f"prev_{name}" for name in signals)
        yield f"note: reset does not report info.{field}, which is 0 to {previous} at an episode's first step"


def _plain(
    task: Task, seen: Seen, played: Played | Rejected, speed: float, problems: Sequence[str]
) -> dict[str, object]:
    """For programs: the fitness of all episodes, success and length of those that can be kept; in order of fitness."""
    from rewardsmith.judge import Played

    episodes = played.trajectories if isinstance(played, Played) else ()
    return {
        "task": task.name,
        "env": task.env.id,
        "backend": task.env.backend,
        "signals": [_plain_range(r) for r in seen.signals],
        "fitness": sorted(played.score.episodes) if isinstance(played, Played) else [],
        "success": [float(bool(e.success)) for e in episodes] if task.success else None,
        "episode_lengths": [float(len(e.fitness_steps)) for e in episodes],
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
