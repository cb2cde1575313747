"""Rewards for the point task, and trainings so small that one takes a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from torch import Tensor

from rewardsmith import sim
from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Progress, Rollout, SimulatorFactory, Trainee
from rewardsmith.learn.ppo import Outcome, PopulationPPO
from rewardsmith.sim.point import point_task
from rewardsmith.types import Task

Train = Callable[..., list[Outcome]]


def _near(gain: float) -> Callable[[Rollout], tuple[Tensor, dict[str, Tensor]]]:
    """Minus the distance to the target, and a gain on the effort."""

    def reward(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        near, effort = rollout.reward, -gain * rollout.led_by[1:].square().sum(-1)
        return near + effort, {"near": near, "effort": effort}

    return reward


@pytest.fixture
def trainee() -> Callable[[float], Trainee]:
    """A trainee named after its gain; another gain is another reward."""
    return lambda gain: Trainee(id=f"gain {gain}", reward=_near(gain), verified=None)


@pytest.fixture
def settings() -> TrainSettings:
    return TrainSettings(
        env_steps=4 * 4 * 16,
        num_envs=4,
        rollout_steps=16,
        epochs=2,
        minibatches=2,
        hidden=(16, 16),
        curve_points=10,
        device="cpu",
    )


@pytest.fixture
def train(settings: TrainSettings) -> Train:
    """Trains on the point task unless told otherwise; keywords change the settings."""

    def run(
        trainees: Sequence[Trainee],
        *,
        task: Task | None = None,
        simulator: SimulatorFactory = sim.make,
        seed: int = 0,
        racing: bool = True,
        watch: Callable[[Progress], None] = lambda _: None,
        **changes: object,
    ) -> list[Outcome]:
        learner = PopulationPPO(settings.model_copy(update=changes), simulator)
        return learner.train(trainees, task or point_task(episode_steps=7), seed=seed, watch=watch, race=racing)

    return run
