"""Stable-Baselines3's PPO with our settings, normalisers included; its learning rate stays constant."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import gymnasium

from rewardsmith.config import TrainSettings

VecEnvKind = Literal["dummy", "subproc"]


def sb3_ppo(env_id: str, settings: TrainSettings, *, vec_env: VecEnvKind, seed: int) -> Any:
    """A fresh model over `settings.num_envs` normalised environments, on the CPU."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize

    kind = {"dummy": DummyVecEnv, "subproc": SubprocVecEnv}[vec_env]
    env = VecNormalize(kind([partial(_make, env_id)] * settings.num_envs), gamma=settings.gamma)
    batch = settings.num_envs * settings.rollout_steps
    return PPO(
        "MlpPolicy",
        env,
        n_steps=settings.rollout_steps,
        batch_size=batch // settings.minibatches,
        n_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_coef,
        clip_range_vf=settings.clip_coef if settings.clip_value else None,
        ent_coef=settings.entropy_coef,
        vf_coef=settings.value_coef,
        max_grad_norm=settings.max_grad_norm,
        policy_kwargs={"net_arch": list(settings.hidden)},
        seed=seed,
        device="cpu",
    )


def _make(env_id: str) -> gymnasium.Env[Any, Any]:
    """A Gymnasium environment, or `metaworld:NAME` of the metaworld package."""
    if not env_id.startswith("metaworld:"):
        return gymnasium.make(env_id)
    import metaworld  # noqa: F401  # registers Meta-World/MT1

    return gymnasium.make("Meta-World/MT1", env_name=env_id.removeprefix("metaworld:"))
