"""MetaWorld door-open under its own expert reward, with the settings that ship.

Claim: a success rate of at least 0.9 within 1M env steps. Run: `python benchmarks/door_open.py [--seeds 1]
[--out FILE]`; about five minutes a seed on two cores.
"""

from __future__ import annotations

import argparse
import json

from _machine import machine, write

from rewardsmith import sim
from rewardsmith.config import resolve
from rewardsmith.interfaces import Trainee
from rewardsmith.judge import measure
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.readings import Readings
from rewardsmith.taskfile import load
from rewardsmith.train import expert_reward
from rewardsmith.types import Score, Trained

EPISODES = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    loaded = load("door_open")
    task, settings = loaded.task, resolve(loaded.settings).train
    rates: list[float] = []
    curves: list[list[float]] = []
    for seed in range(args.seeds):
        trainee = Trainee(id="expert", reward=expert_reward(Readings(task)), verified=None)
        learner = PopulationPPO(settings, sim.make)
        [(outcome, _)] = learner.train([trainee], task, seed=seed, watch=lambda _: None, race=False)
        assert isinstance(outcome, Trained), outcome
        [score] = measure([outcome.policy], task, sim.make, seed=10_000 + seed, episodes=EPISODES, watch=lambda _: None)
        assert isinstance(score, Score), score
        rates.append(score.success_rate or 0.0)
        curve = outcome.curve("success")
        curves.append([round(v, 3) for v in curve.values] if curve else [])
        print(f"seed {seed}: success {rates[-1]:.3f} over {EPISODES} episodes", flush=True)
    write(
        args.out,
        {
            "success_rate": rates,
            "success_in_training": curves,
            "settings": json.loads(settings.model_dump_json()),
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
