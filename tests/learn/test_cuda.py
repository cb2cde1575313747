"""The learner on a GPU: nothing of the CPU meets what is there, and rollouts that are there stay there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from rewardsmith import sim
from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Rollout, Trainee
from rewardsmith.learn.group import Group, fresh
from rewardsmith.learn.policy import Shape
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.types import EnvSpec, Measure, References, Task, Trained

META = torch.device("meta")
PENDULUM = Path(__file__).parent.parent / "sim" / "models" / "pendulum-v1.xml"


def test_a_policy_acts_on_the_device_of_its_group(settings: TrainSettings) -> None:
    """Torch's device `meta` has no numbers: whatever mixes devices or asks for a number fails on it."""
    shape = Shape(obs_dim=3, action_dim=2, hidden=(8,), activation="tanh", init_log_std=0.0)
    group = Group([fresh(shape, settings, seed=0)] * 2, shape, settings, device=META)
    raw = group.act(torch.zeros(2, 4, 3, device=META), torch.zeros(1, 4, 2, device=META))
    assert (raw.device, raw.shape) == (META, (2, 4, 2))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("env_device", ["cpu", "cuda"])
def test_a_population_trains_on_a_gpu(env_device: str, settings: TrainSettings) -> None:
    if env_device == "cuda":
        pytest.importorskip("mujoco_warp")
    seen: set[str] = set()

    def reward(rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        seen.add(rollout.reward.device.type)
        upright = 1 - rollout.info["joint(hinge).qpos"][1:].abs()
        return upright, {"upright": upright}

    task = Task(
        name="pole",
        goal="Hold it up.",
        env=EnvSpec(
            backend="mjcf", id=str(PENDULUM), options={"device": env_device, "reset": {"noise": {"qpos": 0.1}}}
        ),
        signals=(),
        fitness=Measure(source="0 - abs(joint(hinge).qpos)", reduce="mean"),
        success=None,
        references=References(),
        episode_steps=20,
        control_dt_s=0.05,
    )
    learner = PopulationPPO(settings.model_copy(update={"device": "cuda", "env_steps": 1024}), sim.make)
    trainees = [Trainee(id=f"c{k}", reward=reward, verified=None) for k in range(3)]
    for outcome, _ in learner.train(trainees, task, seed=0, watch=lambda _: None, race=False):
        assert isinstance(outcome, Trained)
        assert all(
            tensor.device.type == "cpu" and tensor.isfinite().all() for tensor in outcome.policy.tensors.values()
        )
    assert seen == {env_device}
