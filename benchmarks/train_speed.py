"""Training throughput of a population against raw EnvPool stepping and Stable-Baselines3 PPO.

Claims: 8 candidates train at >= 0.75 of the speed at which EnvPool alone steps as many environments, and one program of
8 candidates at >= 4x Stable-Baselines3's PPO with the same settings on its best vector environment (Gymnasium ids).

The sides are interleaved, each measured several times; medians and their ratios are printed and, with `--out`, written
as JSON. Run: `python benchmarks/train_speed.py [--tasks NAME ...] [--rounds 5] [--seconds 6] [--out FILE]`.
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

TASKS = ("half_cheetah_run", "ant_run", "door_open", "go1_joystick")
SB3 = {"half_cheetah_run": "HalfCheetah-v5", "ant_run": "Ant-v5"}  # what Gymnasium registers by itself


def raw_envpool(name: str, num_envs: int, seconds: float) -> float:
    """Env steps a second of EnvPool alone, random actions prepared beforehand."""
    task = load(name).task
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


def ours(name: str, candidates: int, seconds: float, settings: TrainSettings, rate_guess: float) -> float:
    """Env steps a second of training `candidates` policies under the expert reward, set-up included."""
    task = load(name).task
    readings = Readings(task)
    batch = settings.num_envs * settings.rollout_steps
    rollouts = max(3, round(seconds * rate_guess / candidates / batch))
    sized = settings.model_copy(update={"env_steps": rollouts * batch})
    trainees = [Trainee(id=f"c{k}", reward=expert_reward(readings), verified=None) for k in range(candidates)]
    started = time.perf_counter()
    PopulationPPO(sized, sim.make).train(trainees, task, seed=0, watch=lambda _: None, race=False)
    return candidates * rollouts * batch / (time.perf_counter() - started)


def sb3(env_id: str, vec_env: VecEnvKind, seconds: float, settings: TrainSettings, rate_guess: float) -> float:
    """Env steps a second of Stable-Baselines3 PPO with the same settings."""
    model = sb3_ppo(env_id, settings, vec_env=vec_env, seed=0)
    batch = settings.num_envs * settings.rollout_steps
    steps = max(3, round(seconds * rate_guess / batch)) * batch
    started = time.perf_counter()
    model.learn(steps)
    rate = steps / (time.perf_counter() - started)
    model.get_env().close()
    return rate


def measured(name: str, args: argparse.Namespace) -> dict[str, object]:
    """All sides on one task, interleaved: rates, medians, ratios."""
    settings = resolve(load(name).settings).train
    envs = settings.num_envs * args.candidates
    guess = raw_envpool(name, envs, 1.0)
    sides: dict[str, Callable[[], float]] = {
        "raw_envpool": lambda: raw_envpool(name, envs, args.seconds),
        "ours": lambda: ours(name, args.candidates, args.seconds, settings, 0.8 * guess),
        "ours_one_candidate": lambda: ours(name, 1, args.seconds, settings, 0.5 * guess),
    }
    if name in SB3:
        sides["sb3_dummy"] = lambda: sb3(SB3[name], "dummy", args.seconds, settings, 0.1 * guess)
        sides["sb3_subproc"] = lambda: sb3(SB3[name], "subproc", args.seconds, settings, 0.1 * guess)
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for index in range(args.rounds):
        for side, rate in sides.items():
            rates[side].append(rate())
            print(f"{name}, round {index + 1}: {side:20s} {rates[side][-1]:>10,.0f} env steps/s", flush=True)
    median = {side: statistics.median(values) for side, values in rates.items()}
    ratios = {"ours / raw_envpool (>= 0.75)": median["ours"] / median["raw_envpool"]}
    if name in SB3:
        best = max(median["sb3_dummy"], median["sb3_subproc"])
        ratios |= {
            "ours / best sb3 (>= 4)": median["ours"] / best,
            "ours_one_candidate / best sb3": median["ours_one_candidate"] / best,
        }
    for ratio, value in ratios.items():
        print(f"{name}: {ratio}: {value:.2f}", flush=True)
    return {
        "settings": json.loads(settings.model_dump_json()),
        "env_steps_per_s": rates,
        "medians": median,
        "ratios": ratios,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = {name: measured(name, args) for name in args.tasks}
    write(args.out, {"candidates": args.candidates, "tasks": found, "machine": machine()})


if __name__ == "__main__":
    main()
