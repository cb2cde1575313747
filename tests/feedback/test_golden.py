"""What every source says of one attempt, word for word; what no text may hold; and what a whole prompt may take.

`UPDATE_GOLDEN=1 pytest tests/feedback/test_golden.py` rewrites the golden files; read the difference before committing.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rewardsmith import prompting, taskfile
from rewardsmith.config import EvolveConfig, FeedbackSettings, resolve
from rewardsmith.feedback import SOURCES, comment, sources
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import Brief, Sandbox, Scene
from rewardsmith.types import (
    Attempt,
    Candidate,
    Curve,
    Feedback,
    Judged,
    Policy,
    Score,
    Task,
    Trained,
    Trajectory,
    Verified,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "feedback"
MakeAttempt = Callable[..., Attempt]
MakeEpisode = Callable[..., Trajectory]

CODE = """import torch


def compute_reward(
    hand: torch.Tensor, goal: torch.Tensor, speed: torch.Tensor, height: torch.Tensor, action: torch.Tensor
):
    near = torch.exp(-torch.norm(hand - goal, dim=-1) / 0.01)
    rush = 2.0 * speed
    alive = (height > 0.7).float()
    effort = -0.01 * action.square().sum(dim=-1)
    return near + rush + alive + effort, {"near": near, "rush": rush, "alive": alive, "effort": effort}
"""


@pytest.fixture(scope="module")
def scene(judged: MakeAttempt, episode: MakeEpisode, task: Task) -> tuple[Attempt, Scene]:
    """A policy that rushes past its goal at 1 m and falls; others stood about, one came near and stayed."""

    def rushing(k: int) -> Trajectory:
        steps = 24 + k
        tall = [1.2 + 0.01 * (-1) ** i for i in range(steps - 9)] + [1.15 - 0.05 * i for i in range(10)]
        hand = [0.08 * i for i in range(steps + 1)]
        return episode(hand, height=tall, speed=3.0, action=0.5, fitness=0.2 + 0.1 * k, terminated=True)

    stood = [episode([0.02 * k * (i % 2) for i in range(41)], source="random", fitness=0.05 * k) for k in range(8)]
    came = [
        episode([min(1.0, 0.05 * i) for i in range(41)], source="g000-00", speed=0.1 * k, fitness=1.0, success=True)
        for k in range(4)
    ]
    kept = [rushing(k) for k in range(4)]
    ramp = [i / 49 for i in range(50)]
    curves = {
        "fitness": [0.2 + (0.8 * r if r < 0.5 else 0.9 - r) for r in ramp],
        "success": [0.02 * r for r in ramp],
        "episode_length": [40 - 14 * r for r in ramp],
        "reward": [1.0 + 3.0 * r for r in ramp],
        "component/near": [0.001 * r for r in ramp],
        "component/rush": [3.0 * r for r in ramp],
        "component/alive": [1.0 for _ in ramp],
        "component/effort": [-0.005 * r for r in ramp],
    }
    parent = judged(came, code=CODE.replace("2.0 * speed", "0.5 * speed"), mean=0.9, id_="g000-00")
    attempt = judged(kept, code=CODE, curves=curves, mean=0.55, ci95=0.1, parents=("g000-00",))
    return attempt, Scene(task=task, turns=(parent,), trajectories=(*stood, *came, *kept))


def said(name: str, scene: tuple[Attempt, Scene]) -> Feedback:
    [source] = sources([name], FeedbackSettings())
    feedback = source.comment(*scene)
    assert feedback is not None
    return feedback


@pytest.mark.parametrize("name", SOURCES)
def test_source_reads_as_its_golden_file(name: str, scene: tuple[Attempt, Scene]) -> None:
    text, path = said(name, scene).text + "\n", GOLDEN / f"{name}.md"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_text_has_its_source() -> None:
    assert {path.stem for path in GOLDEN.glob("*.md")} == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_no_text_and_no_data_hold_how_anything_is_computed(name: str, scene: tuple[Attempt, Scene]) -> None:
    feedback = said(name, scene)
    assert feedback.source == name
    for shown in (feedback.text, repr(feedback.data)):
        assert "HIDDEN" not in shown
        assert "98765" not in shown  # the threshold of success is part of its source


@pytest.mark.parametrize("name", SOURCES)
def test_text_reaches_the_prompt_whole(name: str, scene: tuple[Attempt, Scene]) -> None:
    attempt, where = scene
    [told] = comment([attempt], where, sources([name], FeedbackSettings()))
    prompt = prompting.render(Brief(task=where.task, turns=(told,)), settings=EvolveConfig().search)
    assert said(name, scene).text in prompt.messages[-1].content


# --- what a prompt takes --------------------------------------------------------------------------------------------


def tokens(text: str) -> int:
    """A guess that is on the high side: a token for three digits, seven letters, a mark or a line's end."""
    pieces = re.findall(r"\d{1,3}|[A-Za-z]+|[^\sA-Za-z\d]+|\n", text)
    return sum(math.ceil(len(p) / 7) if p.isalpha() else math.ceil(len(p) / 3) for p in pieces)


@pytest.mark.parametrize("name", ["hopper_hop", "pick_place", "go1_joystick"])
def test_prompt_of_the_default_method_with_four_turns_stays_below_its_budget(name: str, sandbox: Sandbox) -> None:
    """Four turns of a four-part reward with all that the default sources say, four siblings and eight of before them.

    The episodes are noise, of which everything changes all the time: real ones take less to tell.
    """
    config = resolve({})
    task = taskfile.load(name).task
    turns = _lineage(task, sandbox, config)
    brief = Brief(task=task, turns=turns, siblings=turns, earlier=2 * turns, env_steps=1_000_000, gamma=0.99)
    prompt = prompting.render(brief, settings=config.search, train=config.train)
    assert sum(tokens(m.content) for m in prompt.messages) < 7000
    assert sum(len(m.content) for m in prompt.messages) / 4 < 5300  # the usual guess


def _lineage(task: Task, sandbox: Sandbox, config: EvolveConfig) -> tuple[Attempt, ...]:
    """Four attempts of noise in place of episodes, each told of by the default sources."""
    [traced] = sandbox.trace([_reward(task)], signals=allowed_inputs(task), constants=task.numbers())
    assert isinstance(traced, str)
    graph = RewardGraph.from_json(traced, signals=allowed_inputs(task))
    draw = torch.Generator().manual_seed(0)
    told: list[Attempt] = []
    chosen = sources(config.feedback.sources, config.feedback)
    for i in range(4):
        kept = [_noise(task, draw, steps=60 + 20 * k, fitness=float(k + i)) for k in range(4)]
        attempt = _judged(f"g00{i + 1}-00", task, Verified(graph=graph), kept, parents=[a.id for a in told[-1:]])
        scene = Scene(task=task, turns=tuple(told), trajectories=tuple(kept))
        told += comment([attempt], scene, chosen)
    return tuple(told)


def _reward(task: Task) -> str:
    """Four components of the task's first signals."""
    chosen = [s for s in task.signals if len(s.shape) <= 1][:4]
    parts = {f"part_{s.name}"[:40]: f"{s.name}.square().sum(dim=-1)" if s.shape else s.name for s in chosen}
    arguments = ", ".join(f"{s.name}: torch.Tensor" for s in chosen)
    lines = [f"    {name} = 0.1 * torch.exp(-{value} / 1.5)" for name, value in parts.items()]
    named = ", ".join(f'"{name}": {name}' for name in parts)
    body = "\n".join(lines)
    return f"import torch\n\n\ndef compute_reward({arguments}):\n{body}\n    return {' + '.join(parts)}, {{{named}}}\n"


def _noise(task: Task, draw: torch.Generator, *, steps: int, fitness: float) -> Trajectory:
    signals = {s.name: torch.randn(steps + 1, *s.shape, generator=draw) for s in task.signals}
    return Trajectory(
        source="g001-00",
        signals=signals,
        actions=torch.zeros(steps, 1),
        fitness_steps=torch.randn(steps, generator=draw),
        expert=None,
        fitness=fitness,
        success=None if task.success is None else False,
        terminated=True,
    )


def _judged(id_: str, task: Task, verified: Verified, kept: Sequence[Trajectory], *, parents: Sequence[str]) -> Attempt:
    names = ["fitness", "episode_length", "reward", *(f"component/{n}" for n in verified.graph.components)]
    names += ["success"] if task.success else []
    values = tuple(0.123456 * i + (i % 3) / 7 for i in range(50))
    steps = tuple(range(20_000, 1_020_000, 20_000))
    trained = Trained(
        verified=verified,
        policy=Policy(tensors={}),
        curves=tuple(Curve(name=n, env_steps=steps, values=values) for n in names),
        env_steps=1_000_000,
        seconds=1.0,
    )
    rate = None if task.success is None else 0.25
    score = Score(
        episodes=(1.234,) * 16, mean=1.234, ci95=0.123, success_rate=rate, success_ci95=None, mean_length=88.0
    )
    code = _reward(task)
    candidate = Candidate(id=id_, code=code, sha256="", origin="llm", model="", parents=tuple(parents))
    played = tuple(replace(t, source=id_) for t in kept)
    return Attempt(candidate=candidate, outcome=Judged(trained=trained, score=score, trajectories=played))
