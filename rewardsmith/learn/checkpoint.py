"""A training under way as tensors and plain JSON, and back: all that the next leg needs, bit for bit.

Between two legs nothing else is left of a training: episodes begin afresh, and random draws depend on a leg's and a
rollout's number alone. Where a checkpoint is kept is not decided here.

Shapes: L legs, E episodes, P points of a curve.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rewardsmith.config import INDIFFERENT, TrainSettings
from rewardsmith.interfaces import Saved, Trainee
from rewardsmith.learn.curves import Episodes, Points
from rewardsmith.learn.group import State
from rewardsmith.learn.racing import Leg, Mean
from rewardsmith.types import Checkpoint, Policy, Rejected, Stop, Task
from rewardsmith.versions import versions

DECISIVE = ("rewardsmith", "torch", "numpy", "envpool", "mujoco", "gymnasium")
"""Packages whose version may."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How one candidate stands between two legs: all of a `Training` but its trainee and the settings.

    `state` is empty where nobody goes on from it. `leg` are the episodes of a leg that is not over; `own` the latest
    own returns; `peak` goes with its own return.
    """

    state: State
    policy: Policy
    env_steps: int
    legs: tuple[Leg, ...]
    fault: Rejected | None
    stop: Stop | None
    points: Points
    leg: tuple[Episodes, ...]
    own: tuple[float, ...]
    peak: tuple[float, Checkpoint] | None


def key_of(trainees: Sequence[Trainee], task: Task, settings: TrainSettings, *, seed: int, race: bool) -> str:
    """A hash of all that decides a training's outcome. A reward that was not traced counts by its id.

    Where the task's file lies decides nothing: a run's folder may be moved.
    """
    found = versions()
    told = [
        [[t.id, t.verified and t.verified.graph.to_json(), _start(t.start), t.seed] for t in trainees],
        repr(replace(task, path="")),
        settings.model_dump(mode="json", exclude=set(INDIFFERENT)),
        seed,
        race,
        [found.get(name) for name in DECISIVE],
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _start(start: Checkpoint | None) -> str | None:
    if start is None:
        return None
    digest = hashlib.sha256(str(start.env_steps).encode())
    for name, tensor in sorted(start.policy.tensors.items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def saved(standings: Mapping[str, Standing], *, position: int, seconds: float, done: bool) -> Saved:
    """All candidates, by id, as they stand after `position` rollouts and `seconds` of training."""
    tensors = {f"{k}/{n}": t for k, s in enumerate(standings.values()) for n, t in _tensors(s).items()}
    about = {"ids": list(standings), "each": [_about(s) for s in standings.values()], "seconds": seconds}
    return Saved(position=position, tensors=tensors, about=about, done=done)


def standings(found: Saved, *, ids: Sequence[str]) -> dict[str, Standing] | None:
    """Every candidate by id; None unless they are those of `ids`. Whether its state fits a learner is not looked at."""
    try:
        if found.about["ids"] != list(ids):
            return None
        apart = [_of(k, found.tensors) for k in range(len(ids))]
        return {
            name: _standing(tensors, about)
            for name, tensors, about in zip(ids, apart, found.about["each"], strict=True)
        }
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError):  # whoever wrote it, it was not `saved`
        return None


def seconds_of(found: Saved) -> float:
    """How long it had been trained by then."""
    seconds = found.about.get("seconds")
    return seconds if isinstance(seconds, float) and 0 <= seconds < math.inf else 0.0


# --- out ------------------------------------------------------------------------------------------------------------


def _tensors(s: Standing) -> dict[str, Tensor]:
    peak = {} if s.peak is None else {f"peak/{n}": t for n, t in s.peak[1].policy.tensors.items()}
    return {
        **{f"state/{name}": tensor for name, tensor in s.state.items()},
        **{f"policy/{name}": tensor for name, tensor in s.policy.tensors.items()},
        **peak,
        **{f"steps/{name}": torch.tensor([at for at, _ in p], dtype=torch.int64) for name, p in s.points.items()},
        **{f"values/{name}": _floats([v for _, v in p]) for name, p in s.points.items()},
        **{f"leg/{i}/{name}": tensor for i, episodes in enumerate(s.leg) for name, tensor in _arrays(episodes).items()},
        "legs": _floats([n for leg in s.legs for n in _numbers(leg)]).view(-1, 11),
        "own": _floats(s.own),
        "peak_own": _floats([] if s.peak is None else [s.peak[0]]),
    }


def _about(s: Standing) -> dict[str, Any]:
    return {
        "env_steps": s.env_steps,
        "fault": s.fault and asdict(s.fault),
        "stop": s.stop and asdict(s.stop),
        "peak_env_steps": s.peak and s.peak[1].env_steps,
    }


def _floats(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _arrays(episodes: Episodes) -> dict[str, Tensor]:
    found = {"fitness": episodes.fitness, "length": episodes.length, "own_return": episodes.own_return}
    found |= {} if episodes.success is None else {"success": episodes.success}
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in found.items()}


def _numbers(leg: Leg) -> list[float]:
    """Eleven numbers: env steps, then value, error and count of each mean (NaN where there is none), then the gain."""
    means = [m and (m.value, m.error, float(m.count)) for m in (leg.fitness, leg.own_return, leg.solved)]
    return [float(leg.env_steps), *(n for mean in means for n in mean or (math.nan,) * 3), leg.gained]


# --- in -------------------------------------------------------------------------------------------------------------


def _of(k: int, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{k}/"): tensor for name, tensor in tensors.items() if name.startswith(f"{k}/")}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _standing(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> Standing:
    steps, values = _under("steps/", tensors), _under("values/", tensors)
    return Standing(
        state=_under("state/", tensors),
        policy=Policy(tensors=_under("policy/", tensors)),
        env_steps=int(about["env_steps"]),
        legs=tuple(_leg(row) for row in tensors["legs"].tolist()),
        fault=about["fault"] and Rejected(**about["fault"]),
        stop=about["stop"] and Stop(**about["stop"]),
        points={n: list(zip(steps[n].tolist(), values[n].tolist(), strict=True)) for n in steps},
        leg=_episodes(_under("leg/", tensors)),
        own=tuple(tensors["own"].tolist()),
        peak=_peak(tensors, about),
    )


def _peak(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> tuple[float, Checkpoint] | None:
    if about["peak_env_steps"] is None:
        return None
    policy = Policy(tensors=_under("peak/", tensors))
    return float(tensors["peak_own"][0]), Checkpoint(policy=policy, env_steps=int(about["peak_env_steps"]))


def _leg(row: Sequence[float]) -> Leg:
    means = [
        None if math.isnan(row[i]) else Mean(value=row[i], error=row[i + 1], count=int(row[i + 2])) for i in (1, 4, 7)
    ]
    return Leg(env_steps=int(row[0]), fitness=means[0], own_return=means[1], solved=means[2], gained=row[10])


def _episodes(tensors: Mapping[str, Tensor]) -> tuple[Episodes, ...]:
    count = len({name.partition("/")[0] for name in tensors})
    apart = [_under(f"{i}/", tensors) for i in range(count)]
    return tuple(
        Episodes(
            fitness=one["fitness"].numpy(),
            success=one["success"].numpy() if "success" in one else None,
            length=one["length"].numpy(),
            own_return=one["own_return"].numpy(),
        )
        for one in apart
    )
