"""Training throughput of a population against raw EnvPool stepping and the PPOs people use.

Claims: 8 candidates train at >= 0.75 of the speed at which EnvPool alone steps as many environments; and one program of
8 candidates at >= 4x Stable-Baselines3's PPO on Gymnasium's tasks and >= 10x on MetaWorld, both with the same settings
on the environments they come with. rsl_rl's PPO and a plain single-file PPO get EnvPool, as ours does.

Making the environments is left out of every side and told on its own: it takes as long for one rollout as for a
million steps. The sides are interleaved, each measured several times; medians and their ratios are printed and, with
`--out`, written as JSON. Run: `python benchmarks/train_speed.py [--tasks NAME ...] [--rounds 5] [--seconds 6]
[--out FILE]`. The peers: `pip install stable-baselines3 rsl-rl-lib tensordict tensorboard metaworld==3.0.0`; whoever is
not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from _machine import machine, write
from _plain_ppo import train as train_plainly
from _rsl_rl import learn_quietly, rsl_rl_ppo
from _sb3 import VecEnvKind, sb3_ppo

from rewardsmith import sim
from rewardsmith.config import TrainSettings, resolve
from rewardsmith.interfaces import Simulator, Trainee
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.readings import Readings
from rewardsmith.taskfile import load
from rewardsmith.train import expert_reward
from rewardsmith.types import Task

TASKS = ("half_cheetah_run", "ant_run", "door_open", "go1_joystick")
SB3 = {"half_cheetah_run": "HalfCheetah-v5", "ant_run": "Ant-v5", "door_open": "metaworld:door-open-v3"}
FACTOR = {"half_cheetah_run": 4, "ant_run": 4, "door_open": 10}  # what we mean to reach


class Clocked:
    """`sim.make` that remembers when the last environment was made and how long that took."""

    def __init__(self) -> None:
        self.began, self.made = 0.0, 0.0

    def __call__(
        self, task: Task, *, env_seeds: Sequence[int], info_fields: Sequence[str], threads: int | None = None
    ) -> Simulator:
        if len(env_seeds) > 1 and not self.began:  # one alone is the learner's look at the sizes
            self.began = time.perf_counter()
        made = sim.make(task, env_seeds=env_seeds, info_fields=info_fields, threads=threads)
        self.made = time.perf_counter()
        return made


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


def ours(name: str, candidates: int, rollouts: int, settings: TrainSettings) -> tuple[float, float]:
    """Env steps a second of training `candidates` policies under the expert reward, and the seconds of set-up."""
    task = load(name).task
    readings = Readings(task)
    batch = settings.num_envs * settings.rollout_steps
    sized = settings.model_copy(update={"env_steps": rollouts * batch})
    trainees = [Trainee(id=f"c{k}", reward=expert_reward(readings), verified=None) for k in range(candidates)]
    clock = Clocked()
    PopulationPPO(sized, clock).train(trainees, task, seed=0, watch=lambda _: None, race=False)
    return candidates * rollouts * batch / (time.perf_counter() - clock.made), clock.made - clock.began


def sb3(env_id: str, vec_env: VecEnvKind, rollouts: int, settings: TrainSettings) -> float:
    """Env steps a second of Stable-Baselines3 PPO with the same settings."""
    model = sb3_ppo(env_id, settings, vec_env=vec_env, seed=0)
    steps = rollouts * settings.num_envs * settings.rollout_steps
    started = time.perf_counter()
    model.learn(steps)
    rate = steps / (time.perf_counter() - started)
    model.get_env().close()
    return rate


def rsl_rl(name: str, num_envs: int, rollouts: int, settings: TrainSettings) -> float:
    """Env steps a second of rsl_rl's PPO on `num_envs` of EnvPool's environments."""
    runner = rsl_rl_ppo(load(name).task, settings, num_envs)
    started = time.perf_counter()
    learn_quietly(runner, rollouts)
    rate = rollouts * num_envs * settings.rollout_steps / (time.perf_counter() - started)
    runner.env.close()
    return rate


def plain_ppo(name: str, rollouts: int, settings: TrainSettings) -> float:
    """Env steps a second of a single-file PPO on EnvPool."""
    clock = Clocked()
    train_plainly(load(name).task, settings, rollouts=rollouts, make=clock)
    return rollouts * settings.num_envs * settings.rollout_steps / (time.perf_counter() - clock.made)


def measured(name: str, args: argparse.Namespace) -> dict[str, object]:
    """All sides on one task, interleaved: rates, medians, ratios."""
    settings = resolve(load(name).settings).train
    envs, batch = settings.num_envs * args.candidates, settings.num_envs * settings.rollout_steps
    guess = raw_envpool(name, envs, 1.0)
    setups: list[float] = []

    def rollouts(share: float, size: int = batch) -> int:
        return max(3, round(float(args.seconds) * share * guess / size))

    def timed(candidates: int, share: float) -> float:
        rate, setup = ours(name, candidates, rollouts(share, candidates * batch), settings)
        setups.append(setup)
        return rate

    sides: dict[str, Callable[[], float]] = {
        "raw_envpool": lambda: raw_envpool(name, envs, args.seconds),
        "ours": partial(timed, args.candidates, 0.8),
        "ours_one_candidate": lambda: ours(name, 1, rollouts(0.5), settings)[0],
        "plain_ppo": lambda: plain_ppo(name, rollouts(0.3), settings),
    }
    if importlib.util.find_spec("rsl_rl"):
        sides["rsl_rl"] = lambda: rsl_rl(name, settings.num_envs, rollouts(0.4), settings)
    if name in SB3 and importlib.util.find_spec("metaworld" if ":" in SB3[name] else "gymnasium"):
        sides["sb3_dummy"] = lambda: sb3(SB3[name], "dummy", rollouts(0.1), settings)
        if ":" not in SB3[name]:  # a process for each of MetaWorld's 32 environments does not fit small machines
            sides["sb3_subproc"] = lambda: sb3(SB3[name], "subproc", rollouts(0.1), settings)
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for index in range(args.rounds):
        for side, rate in sides.items():
            rates[side].append(rate())
            print(f"{name}, round {index + 1}: {side:20s} {rates[side][-1]:>10,.0f} env steps/s", flush=True)
    median = {side: statistics.median(values) for side, values in rates.items()}
    ratios = {"ours / raw_envpool (>= 0.75)": median["ours"] / median["raw_envpool"]}
    if "sb3_dummy" in median:
        best = max(median["sb3_dummy"], median.get("sb3_subproc", 0.0))
        ratios |= {
            f"ours / best sb3 (>= {FACTOR[name]})": median["ours"] / best,
            "raw_envpool / best sb3: the most that any learner could reach": median["raw_envpool"] / best,
            "ours_one_candidate / best sb3": median["ours_one_candidate"] / best,
        }
    ratios |= {f"ours / {peer}": median["ours"] / median[peer] for peer in ("rsl_rl", "plain_ppo") if peer in median}
    for ratio, value in ratios.items():
        print(f"{name}: {ratio}: {value:.2f}", flush=True)
    return {
        "settings": json.loads(settings.model_dump_json()),
        "env_steps_per_s": rates,
        "medians": median,
        "seconds to make the environments": statistics.median(setups),
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
    found: dict[str, object] = {}
    for name in args.tasks:
        found[name] = measured(name, args)
        write(args.out, {"candidates": args.candidates, "tasks": found, "machine": machine()})


if __name__ == "__main__":
    main()
