"""Planted rewards and real episodes to hold them against: each task played at random, well, half well, and by a cheat.

What must be found of a reward stands in `corpus/planted/manifest.json`. Behaviours are scripted: a few lines each, so
that no training is needed. `conftest.py` hands both out as the fixtures `planted` and `episodes`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from rewardsmith import sim, taskfile
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import Frame, Rollout, Sandbox
from rewardsmith.readings import Readings
from rewardsmith.recording import Recording
from rewardsmith.rollouts import EpisodeMeter, Stepper
from rewardsmith.types import Measure, Rejected, Task, Trajectory

FOLDER = Path(__file__).parent / "corpus" / "planted"
GAITS: dict[str, list[float]] = json.loads((FOLDER / "gaits.json").read_text(encoding="utf-8"))
"""Numbers found by random search, for the bodies that nobody moves by hand."""

PER_SOURCE = 4  # episodes of each behaviour

Script = Callable[[Tensor, int], Tensor]
"""Observations `(N, D)` and the number of the step to actions `(N, A)`, which need not be within bounds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One planted reward; the fields are those of the manifest."""

    file: str
    task: str
    kind: Literal["right", "reversed", "scaled", "shaped", "noisy", "saturated", "hackable"]
    about: str
    code: str
    screen: Literal["pass", "fail", "any"]
    hacking: bool
    of: str | None = None
    duplicate: bool = False
    exploit: str | None = None
    diagnosis: Mapping[str, str] = field(default_factory=dict)

    def graph(self, sandbox: Sandbox) -> RewardGraph:
        """The reward, verified like any other."""
        task = taskfile.load(self.task).task
        signals = allowed_inputs(task)
        [traced] = sandbox.trace([self.code], signals=signals, constants=task.numbers())
        if isinstance(traced, Rejected):
            raise AssertionError(f"{self.file}: {traced.reason}")  # noqa: TRY004 - of the fixture, not of its caller
        return RewardGraph.from_json(traced, signals=signals)


def cases() -> dict[str, Case]:
    """Every planted reward by its file's name."""
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    return {
        file: Case(file=file, code=(FOLDER / file).read_text(encoding="utf-8"), **entry)
        for file, entry in manifest.items()
    }


# --- playing --------------------------------------------------------------------------------------------------------


def play(name: str) -> tuple[Trajectory, ...]:
    """Whole episodes of a shipped task: `random`, `expert`, `noised` (the expert, disturbed) and each cheat by name."""
    task = taskfile.load(name).task
    scripts = SCRIPTS[name]
    sources = {"random": None, "expert": scripts["expert"], "noised": scripts["expert"]}
    sources |= {cheat: script for cheat, script in scripts.items() if cheat != "expert"}
    names = [source for source in sources for _ in range(PER_SOURCE)]
    simulator = sim.make(task, env_seeds=[*range(PER_SOURCE)] * len(sources), info_fields=Readings(task).info_fields)
    low, high = simulator.action_low, simulator.action_high
    draw = torch.Generator().manual_seed(0)

    def act(t: int, frame: Frame) -> Tensor:
        obs = frame.obs["obs"].flatten(1).float()
        chosen = torch.rand(len(names), len(low), generator=draw) * (high - low) + low
        noise = 0.6 * (chosen if t % 20 < 10 else -chosen)
        for i, (source, script) in enumerate(sources.items()):
            mine = slice(i * PER_SOURCE, (i + 1) * PER_SOURCE)
            if script is not None:
                told = script(obs[mine], t)
                chosen[mine] = 0.3 * told + noise[mine] if source == "noised" else told
        return torch.minimum(torch.maximum(chosen, low), high)

    try:
        rollout = Stepper(simulator).collect(act, task.episode_steps)
    finally:
        simulator.close()
    recording = Recording(Readings(task))
    recording.take(rollout)
    return tuple(_episode(task, recording, rollout, env, source) for env, source in enumerate(names))


def _episode(task: Task, recording: Recording, rollout: Rollout, env: int, source: str) -> Trajectory:
    """The first episode of one environment."""
    ends = (rollout.terminated | rollout.truncated)[:, env]
    reached = Readings(task).success(rollout)
    found = recording.episode(
        env,
        env_seed=env % PER_SOURCE,
        steps=int(ends.int().argmax()) + 1,
        source=source,
        fitness=_first(task.fitness, Readings(task).fitness(rollout), rollout, env),
        success=None if reached is None or task.success is None else _first(task.success, reached, rollout, env) > 0,
    )
    if found is None:
        raise AssertionError(f"{task.name}: an episode of '{source}' holds what is no finite number")
    return found


def _first(measure: Measure, values: Tensor, rollout: Rollout, env: int) -> float:
    """What the measure makes of the first episode of one environment."""
    ended = EpisodeMeter(measure, values.shape[1]).update(values, rollout)
    return float(next(value for which, value in zip(ended.env, ended.value, strict=True) if which == env))


# --- MetaWorld: a hand that is sent to places, 0-2 hand, 3 fingers, 4-6 object, 36-38 goal ---------------------------


def _go(obs: Tensor, to: Tensor, *, gain: float = 10.0, fingers: float | Tensor = -1.0) -> Tensor:
    grip = torch.as_tensor(fingers).expand(len(obs)) if isinstance(fingers, float) else fingers
    return torch.cat([(gain * (to - obs[:, :3])).clamp(-1, 1), grip[:, None]], dim=1)


def _at(place: Tensor, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Tensor:
    return place + torch.tensor([x, y, z])


def _across(obs: Tensor, place: Tensor) -> Tensor:
    """How far the hand is from being above or below a place, `(N, 1)`."""
    return (obs[:, :2] - place[:, :2]).norm(dim=1, keepdim=True)


def _over_then(obs: Tensor, place: Tensor, then: Tensor, *, rise: float, near: float = 0.02) -> Tensor:
    """First above the place by `rise`, then to `then`."""
    return torch.where(_across(obs, place) > near, _at(place, z=rise), then)


def _reach(obs: Tensor, _: int) -> Tensor:
    return _go(obs, _at(obs[:, 36:39], z=0.045))


def _waves(obs: Tensor, t: int) -> Tensor:
    return torch.tensor([1.0 if t % 40 < 20 else -1.0, 0.0, 0.0, 0.0]).expand(len(obs), 4)


def _push(obs: Tensor, _: int) -> Tensor:
    puck = _at(obs[:, 4:7], x=-0.005)
    low = (obs[:, 2:3] - puck[:, 2:3]).abs() <= 0.04
    to = _over_then(obs, puck, torch.where(low, obs[:, 36:39], _at(puck, z=0.03)), rise=0.2)
    around = (_across(obs, puck) <= 0.02) & ((obs[:, 2:3] - puck[:, 2:3]).abs() <= 0.1)
    return _go(obs, to, fingers=torch.where(around, 0.6, 0.0)[:, 0])


def _pick(obs: Tensor, to: Tensor) -> Tensor:
    """Pick the puck up and carry it there."""
    puck = _at(obs[:, 4:7], x=-0.005)
    above = _across(obs, puck) <= 0.02
    low = ((obs[:, 2:3] - puck[:, 2:3]).abs() <= 0.05) | (puck[:, 2:3] > 0.04)
    held = above & low & (obs[:, 3:4] <= 0.73)
    carry = torch.where(held, to, torch.where(low, obs[:, :3], _at(puck, z=0.03)))
    return _go(obs, _over_then(obs, puck, carry, rise=0.1), fingers=torch.where(above & low, 0.7, -1.0)[:, 0])


def _pick_place(obs: Tensor, _: int) -> Tensor:
    return _pick(obs, obs[:, 36:39])


def _lifts(obs: Tensor, _: int) -> Tensor:
    return _pick(obs, torch.cat([obs[:, :1], torch.full_like(obs[:, :1], 0.62), torch.full_like(obs[:, :1], 0.3)], 1))


def _hovers(height: float) -> Script:
    return lambda obs, _: _go(obs, _at(obs[:, 4:7], z=height))


def _drawer(obs: Tensor, _: int) -> Tensor:
    bar = _at(obs[:, 4:7], z=-0.02)
    low = obs[:, 2:3] - bar[:, 2:3] <= 0.04
    to = _over_then(obs, bar, torch.where(low, _at(bar, y=-0.15), bar), rise=0.3, near=0.06)
    return _go(obs, to)


def _holds_the_bar(obs: Tensor, _: int) -> Tensor:
    bar = _at(obs[:, 4:7], z=-0.02)
    return _go(obs, _over_then(obs, bar, bar, rise=0.3, near=0.06))


def _handle(obs: Tensor, _: int) -> Tensor:
    bar = _at(obs[:, 4:7], y=-0.02)
    press = torch.cat([bar[:, :2], obs[:, 2:3] + obs[:, 38:39] - bar[:, 2:3] - 0.01], dim=1)
    return _go(obs, _over_then(obs, bar, press, rise=0.2), gain=25.0, fingers=1.0)


def _button(obs: Tensor, _: int) -> Tensor:
    top = _at(obs[:, 4:7], z=-0.06)
    return _go(obs, _over_then(obs, top, _at(top, z=-0.1), rise=0.16, near=0.04), gain=25.0, fingers=1.0)


def _window(obs: Tensor, _: int) -> Tensor:
    side = _at(obs[:, 4:7], x=-0.03, y=-0.03, z=-0.1)
    low = (obs[:, 2:3] - side[:, 2:3]).abs() <= 0.04
    to = _over_then(obs, side, torch.where(low, _at(obs[:, :3], x=0.1), side), rise=0.25, near=0.04)
    is_open = (obs[:, 4:5] - obs[:, 36:37]).abs() < 0.03
    return _go(obs, torch.where(is_open, obs[:, :3], to), gain=25.0, fingers=1.0)


def _wrong_side(obs: Tensor, _: int) -> Tensor:
    return _go(obs, _at(obs[:, 4:7], x=0.12))


# --- Gymnasium's bodies ----------------------------------------------------------------------------------------------


def _arm(obs: Tensor, _: int) -> Tensor:
    """Reacher: joints turn by damped least squares; links of 0.1 and 0.11 m, cosines and sines in 0-3."""
    first = torch.atan2(obs[:, 2], obs[:, 0])
    both = first + torch.atan2(obs[:, 3], obs[:, 1])
    elbow = 0.11 * torch.stack([-both.sin(), both.cos()], dim=1)
    shoulder = 0.1 * torch.stack([-first.sin(), first.cos()], dim=1) + elbow
    jacobian = torch.stack([shoulder, elbow], dim=2)
    damped = jacobian.mT @ jacobian + 0.001 * torch.eye(2)
    turn = torch.linalg.solve(damped, jacobian.mT @ -obs[:, 8:10, None])[:, :, 0]
    return 0.3 * turn - 0.05 * obs[:, 6:8]


def _shakes(obs: Tensor, t: int) -> Tensor:
    return torch.full((len(obs), 2), 1.0 if t % 14 < 7 else -1.0)


def _balances(obs: Tensor, _: int) -> Tensor:
    return (obs @ torch.tensor([0.3, 10.0, 0.5, 1.5]))[:, None]


def _topples(obs: Tensor, _: int) -> Tensor:
    return torch.full((len(obs), 1), 3.0)


def _wave(speed: float, lag: float) -> Script:
    return lambda obs, t: torch.tensor([math.sin(speed * t), math.sin(speed * t - lag)]).expand(len(obs), 2)


def _thrashes(obs: Tensor, t: int) -> Tensor:
    sign = 1.0 if t % 30 < 15 else -1.0
    return torch.tensor([sign, -sign]).expand(len(obs), 2)


def _flails(obs: Tensor, t: int) -> Tensor:
    sign = 1.0 if t % 6 < 3 else -1.0
    return torch.tensor([sign, -sign, sign, -sign, sign, -sign]).expand(len(obs), 6)


def _dives(obs: Tensor, _: int) -> Tensor:
    return torch.ones(len(obs), 3)


def _linear(name: str) -> Script:
    """Hopper: actions that are a linear function of the observation."""
    weights = torch.tensor(GAITS[name]).reshape(3, 12)
    scale = torch.tensor([1, 0.1, 0.5, 0.5, 0.5, 2, 2, 2, 5, 5, 5])

    def script(obs: Tensor, _: int) -> Tensor:
        return torch.cat([obs / scale, torch.ones(len(obs), 1)], dim=1) @ weights.T

    return script


def _rhythm(name: str, dt_s: float) -> Script:
    """Every motor swings about its middle at one frequency, each with a size and a phase of its own."""
    numbers = torch.tensor(GAITS[name])
    size, phase, middle = numbers[:-1].reshape(3, -1)
    turn = 2 * math.pi * dt_s * float(numbers[-1].exp())

    def script(obs: Tensor, t: int) -> Tensor:
        return (size * torch.sin(turn * t + phase) + middle).expand(len(obs), len(size))

    return script


SCRIPTS: Mapping[str, Mapping[str, Script]] = {
    "hopper_hop": {"expert": _linear("hopper"), "stands": _linear("hopper_stand"), "dives": _dives},
    "inverted_pendulum_balance": {"expert": _balances, "topples": _topples},
    "reacher_reach": {"expert": _arm, "shakes": _shakes},
    "half_cheetah_run": {"expert": _rhythm("cheetah", 0.05), "flails": _flails},
    "swimmer_forward": {"expert": _wave(0.11, 0.7), "thrashes": _thrashes},
    "reach": {"expert": _reach, "waves": _waves},
    "push": {"expert": _push, "hovers": _hovers(0.12)},
    "drawer_open": {"expert": _drawer, "holds": _holds_the_bar},
    "handle_press": {"expert": _handle, "rests": _hovers(0.07)},
    "button_press_topdown": {"expert": _button, "hovers": _hovers(0.15)},
    "pick_place": {"expert": _pick_place, "lifts": _lifts},
    "window_open": {"expert": _window, "wrong_side": _wrong_side},
}
