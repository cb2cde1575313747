"""A small made-up task, episodes of it planted by hand, and attempts that were judged on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor

from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import Sandbox
from rewardsmith.types import (
    Attempt,
    Candidate,
    Curve,
    EnvSpec,
    Judged,
    Measure,
    Policy,
    References,
    Score,
    Signal,
    Task,
    Trained,
    Trajectory,
    Verified,
)

TASK = Task(
    name="carry",
    goal="Bring the hand to the goal without falling over.",
    env=EnvSpec(backend="envpool", id="X-v0", options={"HIDDEN": 1}),
    signals=(
        Signal(name="hand", shape=(3,), unit="m", doc="place of the hand", source="HIDDEN_hand"),
        Signal(name="goal", shape=(3,), unit="m", doc="place of the goal", source="HIDDEN_goal"),
        Signal(name="height", shape=(), unit="m", doc="height of the torso", source="HIDDEN_height"),
        Signal(name="speed", shape=(), unit="m/s", doc="forward speed", source="HIDDEN_speed"),
        Signal(name="action", shape=(2,), unit="1", doc="motors", source="HIDDEN_action"),
    ),
    fitness=Measure(source="HIDDEN_fitness", reduce="max", unit="m", doc="how near it came"),
    success=Measure(source="HIDDEN_success", reduce="any", at_least=98765.0),
    references=References(expert="HIDDEN_expert", sparse="HIDDEN_sparse"),
    episode_steps=40,
    control_dt_s=0.05,
)

CODE = """import torch


def compute_reward(hand: torch.Tensor, goal: torch.Tensor, speed: torch.Tensor, action: torch.Tensor):
    near = torch.exp(-torch.norm(hand - goal, dim=-1) / 0.5)
    fast = 0.1 * speed
    effort = -0.01 * action.square().sum(dim=-1)
    return near + fast + effort, {"near": near, "fast": fast, "effort": effort}
"""

Numbers = Sequence[float]
Graph = Callable[[str], RewardGraph]
MakeAttempt = Callable[..., Attempt]
MakeEpisode = Callable[..., Trajectory]


@pytest.fixture(scope="session")
def task() -> Task:
    return TASK


@pytest.fixture(scope="session")
def graph(sandbox: Sandbox) -> Graph:
    """The checked program of a reward's code."""

    def made(code: str) -> RewardGraph:
        [traced] = sandbox.trace([code], signals=allowed_inputs(TASK), constants=TASK.numbers())
        assert isinstance(traced, str), traced
        return RewardGraph.from_json(traced, signals=allowed_inputs(TASK))

    return made


@pytest.fixture(scope="session")
def episode() -> MakeEpisode:
    """An episode from what happened to the hand (along x, the goal is at 1) and to the torso, a number a state."""

    def made(
        hand_x: Numbers,
        *,
        source: str = "g001-00",
        height: float | Numbers = 1.2,
        speed: float | Numbers = 0.0,
        action: float | Numbers = 0.0,
        fitness: float | None = None,
        success: bool | None = False,
        terminated: bool = False,
    ) -> Trajectory:
        x = torch.tensor(list(hand_x))
        states = len(x)
        hand = torch.stack([x, torch.zeros(states), torch.zeros(states)], dim=1)
        actions = _column(action, states)[:, None].expand(states, 2).contiguous()
        nearness = -(x[1:] - 1.0).abs()
        return Trajectory(
            source=source,
            signals={
                "hand": hand,
                "goal": torch.tensor([1.0, 0.0, 0.0]).expand(states, 3).contiguous(),
                "height": _column(height, states),
                "speed": _column(speed, states),
                "action": actions,
            },
            actions=actions[1:],
            fitness_steps=nearness,
            expert=None,
            fitness=float(nearness.max()) if fitness is None else fitness,
            success=success,
            terminated=terminated,
        )

    return made


def _column(values: float | Numbers, states: int) -> Tensor:
    return torch.full((states,), float(values)) if isinstance(values, (int, float)) else torch.tensor(list(values))


@pytest.fixture(scope="session")
def judged(graph: Graph) -> MakeAttempt:
    """A judged attempt: its code, its kept episodes (worst first) and its training's curves at even steps."""

    def made(
        episodes: Sequence[Trajectory] = (),
        *,
        code: str | None = CODE,
        curves: Mapping[str, Numbers] | None = None,
        mean: float = 1.0,
        ci95: float = 0.1,
        success_rate: float | None = 0.0,
        id_: str = "g001-00",
        parents: tuple[str, ...] = (),
    ) -> Attempt:
        trained = Trained(
            verified=None if code is None else Verified(graph=graph(code)),
            policy=Policy(tensors={}),
            curves=tuple(
                Curve(name=n, env_steps=tuple(100 * (i + 1) for i in range(len(v))), values=tuple(v))
                for n, v in (curves or {}).items()
            ),
            env_steps=100 * max((len(v) for v in (curves or {}).values()), default=10),
            seconds=1.0,
        )
        score = Score(
            episodes=(mean, mean), mean=mean, ci95=ci95, success_rate=success_rate, success_ci95=None, mean_length=20.0
        )
        candidate = Candidate(id=id_, code=code or "", sha256="", origin="llm", model="", parents=parents)
        return Attempt(candidate=candidate, outcome=Judged(trained=trained, score=score, trajectories=tuple(episodes)))

    return made
