"""A small made-up run: values only, nothing is trained."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from rewardsmith.config import EvolveConfig
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.store import Run
from rewardsmith.types import (
    Attempt,
    Candidate,
    Curve,
    EnvSpec,
    Feedback,
    Generation,
    Judged,
    Measure,
    Outcome,
    Policy,
    References,
    Rejected,
    Score,
    Signal,
    Spend,
    Task,
    Trained,
    Verified,
)

GRAPH = (
    '{"version":1,"inputs":["speed"],"unused":[],"constants":[],"nodes":[],'
    '"total":{"t":0},"components":[["speed",{"t":0}]]}'
)
CODE = "def compute_reward(speed):\n    return speed, {'speed': speed}\n"


@pytest.fixture
def task() -> Task:
    return Task(
        name="cheetah_run",
        goal="Run forward.",
        env=EnvSpec(backend="envpool", id="HalfCheetah-v5", options={"frame_skip": 5}),
        signals=(Signal(name="speed", shape=(), unit="m/s", doc="forward speed", source="info.x_velocity"),),
        fitness=Measure(source="speed", reduce="mean", unit="m/s"),
        success=None,
        references=References(),
        episode_steps=1000,
        control_dt_s=0.05,
        path="task.yaml",
    )


@pytest.fixture
def new_run(tmp_path: Path, task: Task) -> Iterator[Callable[[], Run]]:
    """Begins a run in `tmp_path/run` and closes it at the end."""
    begun: list[Run] = []

    def begin() -> Run:
        allowed = allowed_inputs(task)
        run = Run.create(
            tmp_path / "run", task=task, config=EvolveConfig(), task_text="name: cheetah_run\n", allowed=allowed
        )
        begun.append(run)
        return run

    yield begin
    for run in begun:
        run.close()


@pytest.fixture
def run(new_run: Callable[[], Run]) -> Run:
    return new_run()


Judge = Callable[..., Attempt]


def _candidate(name: str, parents: tuple[str, ...]) -> Candidate:
    sha = hashlib.sha256(CODE.encode()).hexdigest()
    return Candidate(id=name, code=CODE, sha256=sha, origin="offline", model="offline", parents=parents)


def _judged(fitness: float, task: Task) -> Judged:
    graph = RewardGraph.from_json(GRAPH, signals=allowed_inputs(task))
    stacked = torch.arange(12.0).reshape(3, 4) + fitness
    curves = (
        Curve(name="fitness", env_steps=(0, 100), values=(0.0, fitness)),
        Curve(name="component/speed", env_steps=(0, 100), values=(0.1, 0.2)),
    )
    trained = Trained(
        verified=Verified(graph=graph),
        policy=Policy(tensors={"w": stacked[1]}),
        curves=curves,
        env_steps=100,
        seconds=2.0,
    )
    score = Score(
        episodes=(fitness, fitness), mean=fitness, ci95=0.5, success_rate=None, success_ci95=None, mean_length=1000.0
    )
    return Judged(trained=trained, score=score)


@pytest.fixture
def judged(task: Task) -> Judge:
    """An attempt of that id and fitness, with a policy that is a view of a stacked population's."""

    def build(name: str, fitness: float, parents: tuple[str, ...] = ()) -> Attempt:
        feedback = (Feedback(source="curves", text=f"speed rose to {fitness}\nand stayed", data={"points": [1, 2]}),)
        spend = Spend(tokens_in=10, tokens_out=5, env_steps=100, seconds=2.0)
        outcome: Outcome = _judged(fitness, task)
        return Attempt(candidate=_candidate(name, parents), outcome=outcome, feedback=feedback, spend=spend)

    return build


@pytest.fixture
def rejected() -> Callable[[str], Attempt]:
    def build(name: str) -> Attempt:
        outcome = Rejected(stage="static", reason="Reward code may not import os.", hint="Use torch.", line=1)
        return Attempt(candidate=_candidate(name, ()), outcome=outcome)

    return build


@pytest.fixture
def generations(judged: Judge, rejected: Callable[[str], Attempt]) -> tuple[Generation, ...]:
    """Two generations; the best, g002-00, descends from g001-01."""
    first = Generation(index=1, chain=0, attempts=(rejected("g001-00"), judged("g001-01", 2.0)))
    second = Generation(
        index=2, chain=0, attempts=(judged("g002-00", 3.5, parents=("g001-01",)),), parents=("g001-01",)
    )
    return first, second


NOBODY = 65534
OfAnother = Callable[..., AbstractContextManager[Path]]


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Root may write anywhere: for once this process is somebody else. What is imported now may not be found."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def of_another() -> OfAnother:
    """Gives a copy of a folder that this process may read and not write; one in it may be `closed` altogether."""

    @contextmanager
    def copied(folder: Path, *, closed: str | None = None) -> Iterator[Path]:
        with TemporaryDirectory() as place:
            Path(place).chmod(0o755)
            copy = Path(shutil.copytree(folder, Path(place) / folder.name))
            for path in (copy, *copy.rglob("*")):
                path.chmod(0o555 if path.is_dir() else 0o444)
            if closed is not None:
                (copy / closed).chmod(0)
            try:
                with _as_nobody():
                    yield copy
            finally:
                for path in (copy, *copy.rglob("*")):  # a folder is opened before what lies in it is listed
                    path.chmod(0o755)

    return copied
