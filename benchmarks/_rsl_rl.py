"""rsl_rl's PPO (Rudin et al., ETH; `pip install rsl-rl-lib tensordict tensorboard`) on EnvPool, with our settings."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import torch

from rewardsmith import sim
from rewardsmith.config import TrainSettings
from rewardsmith.readings import Readings
from rewardsmith.types import Task


class EnvPoolForRslRl:
    """The task's EnvPool environments as rsl_rl wants them: the environment's own reward, one observation group."""

    def __init__(self, task: Task, num_envs: int) -> None:
        self._readings = Readings(task)
        self._sim = sim.make(task, env_seeds=list(range(num_envs)), info_fields=())
        self.num_envs, self.num_actions = num_envs, len(self._sim.action_low)
        self.max_episode_length = task.episode_steps
        self.episode_length_buf = torch.zeros(num_envs, dtype=torch.long)
        self.device = "cpu"
        self.cfg: dict[str, object] = {}
        self._frame = self._sim.reset()

    def get_observations(self) -> Any:
        from tensordict import TensorDict

        return TensorDict({"policy": self._readings.policy_obs(self._frame)}, batch_size=[self.num_envs])

    def step(self, actions: torch.Tensor) -> tuple[Any, torch.Tensor, torch.Tensor, dict[str, Any]]:
        self._frame = self._sim.step(torch.clamp(actions, self._sim.action_low, self._sim.action_high))
        done = self._frame.terminated | self._frame.truncated
        self.episode_length_buf = torch.where(done, 0, self.episode_length_buf + 1)
        return self.get_observations(), self._frame.reward.float(), done.long(), {"time_outs": self._frame.truncated}

    def close(self) -> None:
        self._sim.close()


def rsl_rl_ppo(task: Task, settings: TrainSettings, num_envs: int) -> Any:
    """A fresh runner over `num_envs` environments; `runner.learn(n)` does n rollouts with their updates."""
    from rsl_rl.runners import OnPolicyRunner

    net: dict[str, object] = {"class_name": "MLPModel", "hidden_dims": list(settings.hidden), "activation": "tanh"}
    net["obs_normalization"] = True
    config = {
        "num_steps_per_env": settings.rollout_steps,
        "save_interval": 10**9,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "multi_gpu": None,
        "actor": {**net, "distribution_cfg": {"class_name": "GaussianDistribution", "init_std": 1.0}},
        "critic": dict(net),
        "algorithm": {
            "class_name": "PPO",
            "rnd_cfg": None,
            "symmetry_cfg": None,
            "num_learning_epochs": settings.epochs,
            "num_mini_batches": settings.minibatches,
            "learning_rate": settings.learning_rate,
            "gamma": settings.gamma,
            "lam": settings.gae_lambda,
            "clip_param": settings.clip_coef,
            "use_clipped_value_loss": settings.clip_value,
            "entropy_coef": settings.entropy_coef,
            "value_loss_coef": settings.value_coef,
            "max_grad_norm": settings.max_grad_norm,
            "schedule": "adaptive",
            "desired_kl": settings.target_kl or 0.01,
        },
    }
    with contextlib.redirect_stdout(io.StringIO()):
        return OnPolicyRunner(EnvPoolForRslRl(task, num_envs), config, log_dir=None, device="cpu")


def learn_quietly(runner: Any, rollouts: int) -> None:
    """Its console table is long."""
    with contextlib.redirect_stdout(io.StringIO()):
        runner.learn(rollouts)
