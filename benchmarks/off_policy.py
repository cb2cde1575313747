"""Off-policy learning beside PPO on arms' tasks, under MetaWorld's expert rewards, one candidate and one core each.

Claim: SAC solves a task that PPO fails with in a million env steps, at no more than three times its cost. Cost is told
in seconds of the processor, which a busy machine changes less than those of a clock. Run: `python
benchmarks/off_policy.py TASK... [--algorithms sac ppo] [--env-steps 500000] [--seeds 1] [--out FILE]`; about five
minutes for a training of half a million steps.
"""

from __future__ import annotations

import argparse
import json
import time

from _machine import machine, write

from rewardsmith import sim
from rewardsmith.config import TrainSettings, resolve
from rewardsmith.interfaces import Trainee
from rewardsmith.judge import measure
from rewardsmith.learn.crew import Here
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.readings import Readings
from rewardsmith.taskfile import load
from rewardsmith.train import expert_reward
from rewardsmith.types import Score, Task, Trained

EPISODES = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--algorithms", nargs="+", default=["sac", "ppo"])
    parser.add_argument("--env-steps", type=int, default=500_000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    results: list[dict[str, object]] = []
    for name in args.tasks:
        for algorithm in args.algorithms:
            loaded = load(name)
            sets = [f"train.algorithm={algorithm}", f"train.env_steps={args.env_steps}", "train.device=cpu"]
            settings = resolve(loaded.settings, sets=sets).train
            for seed in range(args.seeds):
                results.append(one(loaded.task, settings, seed=seed))
                print(json.dumps(results[-1]), flush=True)
    write(args.out, {"trainings": results, "machine": machine()})


def one(task: Task, settings: TrainSettings, *, seed: int) -> dict[str, object]:
    """Train and judge once; seconds are of the training alone."""
    trainee = Trainee(id="expert", reward=expert_reward(Readings(task)), verified=None)
    clock, processor = time.monotonic(), time.process_time()
    learner = PopulationPPO(settings, sim.make, crew=Here(sim.make, cores=1))
    [(outcome, _)] = learner.train([trainee], task, seed=seed, watch=lambda _: None, race=False)
    clock, processor = time.monotonic() - clock, time.process_time() - processor
    assert isinstance(outcome, Trained), outcome
    [score] = measure([outcome.policy], task, sim.make, seed=10_000 + seed, episodes=EPISODES, watch=lambda _: None)
    assert isinstance(score, Score), score
    curve = outcome.curve("success")
    assert curve is not None
    return {
        "task": task.name,
        "algorithm": settings.algorithm,
        "env_steps": outcome.env_steps,
        "seed": seed,
        "sac": settings.sac.model_dump() if settings.algorithm == "sac" else None,
        "success": score.success_rate,
        "fitness": round(score.mean, 4),
        "success_in_training": [(at, round(v, 3)) for at, v in zip(curve.env_steps, curve.values, strict=True)][::5],
        "processor_s": round(processor, 1),
        "clock_s": round(clock, 1),
    }


if __name__ == "__main__":
    main()
