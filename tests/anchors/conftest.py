"""Anchors of the point task, measured by what measures real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from rewardsmith import sim
from rewardsmith.anchors import record as file
from rewardsmith.anchors.measure import Bench, measure, missing
from rewardsmith.anchors.record import Machine, Record
from rewardsmith.config import EvolveConfig
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.sim.point import point_task
from rewardsmith.types import Task

HERE = Machine(cpu="a slow one", cores=2, gpu=None, versions={"rewardsmith": "0"})
BUDGETS, SEEDS = (128, 256), 2
Steps = Callable[..., Sequence[Record]]


@pytest.fixture
def task() -> Task:
    return point_task(episode_steps=10)


@pytest.fixture
def bench() -> Bench:
    return Bench(
        simulator=sim.make,
        learner=lambda settings: PopulationPPO(settings, sim.make),
        watch=lambda _: None,
        machine=HERE,
        others_s=lambda: 0.0,
    )


@pytest.fixture
def fresh(task: Task, config: EvolveConfig) -> Record:
    return file.begin(task, config.train, episodes=config.judge.final_episodes)


@pytest.fixture
def steps(task: Task, config: EvolveConfig, bench: Bench) -> Steps:
    """Every record on the way from a given one to one that lacks nothing."""

    def run(
        record: Record, *, env_steps: Sequence[int] = BUDGETS, seeds: int = SEEDS, of: Task | None = None
    ) -> Sequence[Record]:
        measured = of or task
        return list(
            measure(record, missing(record, measured, env_steps=env_steps, seeds=seeds), measured, config, bench)
        )

    return run
