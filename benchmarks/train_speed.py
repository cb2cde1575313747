"""Training throughput of a population against raw EnvPool stepping and Stable-Baselines3 PPO.

Claims: 8 candidates train at >= 0.6 of the speed at which EnvPool alone steps as many environments, and one program of
8 candidates at >= 2x Stable-Baselines3's PPO with the same settings on its best vector environment.

The sides are interleaved, each measured several times; medians and their ratios are printed and, with `--out`, written
as JSON. Run: `python benchmarks/train_speed.py [--rounds 5] [--seconds 6] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from _machine import machine, write
from _sb3 import VecEnvKind, sb3_ppo

from rewardsmith import sim
from rewardsmith.config import TrainSettings, resolve
from rewardsmith.interfaces import Trainee
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.readings import Readings
from rewardsmith.taskfile import load
from rewardsmith.train import expert_reward

TASK = "half_cheetah_run"


def raw_envpool(num_envs: int, seconds: float) -> float:
    """Env steps a second of EnvPool alone, random actions prepared beforehand."""
    task = load(TASK).task
    simulator = sim.make(task, env_seeds=list(range(num_envs)), info_fields=())
    env = simulator._env  # type: ignore[attr-defined]  # the bare environment, without our adapter
    actions = np.random.default_rng(0).uniform(-1, 1, (num_envs, len(simulator.action_low)))
    env.reset()
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        env.step(actions)
        steps += num_envs
    rate = steps / (time.perf_counter() - started)
    simulator.close()
    return rate


def ours(candidates: int, seconds: float, settings: TrainSettings, rate_guess: float) -> float:
    """Env steps a second of training `candidates` policies under the expert reward, set-up included."""
    task = load(TASK).task
    readings = Readings(task)
    batch = settings.num_envs * settings.rollout_steps
    rollouts = max(3, round(seconds * rate_guess / candidates / batch))
    sized = settings.model_copy(update={"env_steps": rollouts * batch})
    trainees = [Trainee(id=f"c{k}", reward=expert_reward(readings), verified=None) for k in range(candidates)]
    started = time.perf_counter()
    PopulationPPO(sized, sim.make).train(trainees, task, seed=0, watch=lambda _: None)
    return candidates * rollouts * batch / (time.perf_counter() - started)


def sb3(vec_env: VecEnvKind, seconds: float, settings: TrainSettings, rate_guess: float) -> float:
    """Env steps a second of Stable-Baselines3 PPO with the same settings."""
    model = sb3_ppo("HalfCheetah-v5", settings, vec_env=vec_env, seed=0)
    batch = settings.num_envs * settings.rollout_steps
    steps = max(3, round(seconds * rate_guess / batch)) * batch
    started = time.perf_counter()
    model.learn(steps)
    rate = steps / (time.perf_counter() - started)
    model.get_env().close()
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    settings = resolve(load(TASK).settings).train
    torch.set_num_threads(1)
    envs = settings.num_envs * args.candidates
    sides: dict[str, Callable[[], float]] = {
        "raw_envpool": lambda: raw_envpool(envs, args.seconds),
        "ours": lambda: ours(args.candidates, args.seconds, settings, 25_000),
        "ours_one_candidate": lambda: ours(1, args.seconds, settings, 12_000),
        "sb3_dummy": lambda: sb3("dummy", args.seconds, settings, 4_000),
        "sb3_subproc": lambda: sb3("subproc", args.seconds, settings, 4_000),
    }
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for round_index in range(args.rounds):
        for name, side in sides.items():
            rates[name].append(side())
            print(f"round {round_index + 1}: {name:20s} {rates[name][-1]:>10,.0f} env steps/s", flush=True)
    median = {name: statistics.median(values) for name, values in rates.items()}
    best_sb3 = max(median["sb3_dummy"], median["sb3_subproc"])
    ratios = {
        "ours / raw_envpool (>= 0.6)": median["ours"] / median["raw_envpool"],
        "ours / best sb3 (>= 2)": median["ours"] / best_sb3,
        "ours_one_candidate / best sb3": median["ours_one_candidate"] / best_sb3,
    }
    result = {
        "task": TASK,
        "settings": json.loads(settings.model_dump_json()),
        "candidates": args.candidates,
        "env_steps_per_s": rates,
        "medians": median,
        "ratios": ratios,
        "machine": machine(),
    }
    for name, value in ratios.items():
        print(f"{name}: {value:.2f}")
    write(args.out, result)


if __name__ == "__main__":
    main()
