"""Returns of our PPO under the expert reward beside Stable-Baselines3's, same settings, same number of steps.

Claim: ours at or above on HalfCheetah, Hopper, Walker2d and Swimmer, 3 seeds each. The final policy is scored over 16
fresh episodes with its mean actions, on both sides. The two sides take turns, task by task and seed by seed.

Run: `python benchmarks/ppo_returns.py [--steps 300000] [--seeds 3] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import torch
from _machine import machine, write
from _sb3 import sb3_ppo

from rewardsmith import sim
from rewardsmith.config import TrainSettings
from rewardsmith.interfaces import Trainee
from rewardsmith.judge import measure
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.readings import Readings
from rewardsmith.train import expert_reward
from rewardsmith.types import EnvSpec, Measure, References, Score, Task, Trained

ENVS = ("HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Swimmer-v5")
EPISODES = 16


def task_for(env_id: str) -> Task:
    """A task whose fitness is the environment's own return."""
    return Task(
        name=env_id,
        goal="",
        env=EnvSpec(backend="envpool", id=env_id),
        signals=(),
        fitness=Measure(source="reward", reduce="sum"),
        success=None,
        references=References(),
        episode_steps=1000,
        control_dt_s=0.01,
    )


def ours(env_id: str, seed: int, settings: TrainSettings) -> float:
    """Mean return of our policy after `settings.env_steps`."""
    task = task_for(env_id)
    trainee = Trainee(id="expert", reward=expert_reward(Readings(task)), verified=None)
    learner = PopulationPPO(settings, sim.make)
    [(outcome, _)] = learner.train([trainee], task, seed=seed, watch=lambda _: None, race=False)
    assert isinstance(outcome, Trained), outcome
    [score] = measure([outcome.policy], task, sim.make, seed=10_000 + seed, episodes=EPISODES, watch=lambda _: None)
    assert isinstance(score, Score), score
    return score.mean


def sb3(env_id: str, seed: int, settings: TrainSettings) -> float:
    """Mean return of Stable-Baselines3's policy after as many steps, same settings (constant learning rate)."""
    from stable_baselines3.common.evaluation import evaluate_policy

    model = sb3_ppo(env_id, settings, vec_env="dummy", seed=seed)
    model.learn(settings.env_steps)
    env = model.get_env()
    env.training, env.norm_reward = False, False
    returns, _ = evaluate_policy(model, env, n_eval_episodes=EPISODES, return_episode_rewards=True, warn=False)
    env.close()
    return float(np.mean(returns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--envs", nargs="*", default=list(ENVS))
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    settings = TrainSettings(env_steps=args.steps)
    returns: dict[str, dict[str, list[float]]] = {}
    for env_id in args.envs:
        returns[env_id] = {"ours": [], "sb3": []}
        for seed in range(args.seeds):
            returns[env_id]["ours"].append(ours(env_id, seed, settings))
            returns[env_id]["sb3"].append(sb3(env_id, seed, settings))
            print(env_id, seed, {side: round(values[-1]) for side, values in returns[env_id].items()}, flush=True)
        means = {side: float(np.mean(values)) for side, values in returns[env_id].items()}
        print(f"{env_id}: ours {means['ours']:.0f}, sb3 {means['sb3']:.0f}", flush=True)
    write(
        args.out,
        {"returns": returns, "settings": json.loads(settings.model_dump_json()), "machine": machine()},
    )


if __name__ == "__main__":
    main()
