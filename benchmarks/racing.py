"""What racing saves in one generation, and whether it loses the best reward.

Claims: the fittest of those that survive a race is the fittest of all, and the race takes less than three quarters of
the env steps that the same trainings take without one.

The rewards of `rewards/<task>` were written by a language model, eight a task, each in answer to the task's first
prompt. All are trained to the end, without a race, and judged by 32 fresh episodes. Then the race is run on paper, from
how each stood at the end of every leg: with all of them, and in every group of six or more. That is exact, since a
survivor's numbers are bit for bit what they are without a race (a test holds that); whoever the race stops counts as
lost, though a run would judge it, too.
Run: `python benchmarks/racing.py [--tasks NAME ...] [--seeds 0 ...] [--set train.legs=8 ...] [--out FILE]`. What was
trained once can be raced again under other settings: `--replay FILE --set train.race.keep=0.5`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

from _machine import machine, write

from rewardsmith import sim
from rewardsmith.codetext import read_reward
from rewardsmith.commands.verify import Checker
from rewardsmith.config import EvolveConfig, RaceSettings, resolve
from rewardsmith.interfaces import Trainee
from rewardsmith.judge import measure
from rewardsmith.learn.crew import Crew, Here, Job, Stretch, Tell
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.learn.racing import Leg, Mean, dropped, stopped
from rewardsmith.learn.training import Training
from rewardsmith.readings import Readings
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.seeds import stream
from rewardsmith.taskfile import load
from rewardsmith.train import graph_reward
from rewardsmith.types import Score, Task, Trained, Verified

REWARDS = Path(__file__).parent / "rewards"
EPISODES = 32

Legs = Mapping[str, Sequence[Leg]]


class Watched(Crew):
    """The crew of this machine; remembers whom it trained."""

    def __init__(self) -> None:
        self._here = Here(sim.make)
        self.trained: dict[str, Training] = {}

    def train(self, going: Sequence[Training], legs: Sequence[Stretch], job: Job, tell: Tell) -> None:
        self.trained |= {t.trainee.id: t for t in going}
        self._here.train(going, legs, job, tell)


def trainees(task: Task, config: EvolveConfig) -> list[Trainee]:
    """Every reward of the task's folder that can be verified."""
    with ProcessSandbox(config.verify) as sandbox:
        checker = Checker(task, sandbox)
        files = sorted((REWARDS / task.name).glob("*.py"))
        found = {file.stem: checker.check(file, read_reward(file)).outcome for file in files}
    readings = Readings(task)
    return [
        Trainee(id=name, reward=graph_reward(v.graph, readings), verified=v)
        for name, v in found.items()
        if isinstance(v, Verified)
    ]


def trained(task: Task, config: EvolveConfig) -> tuple[Legs, dict[str, Score]]:
    """How each stood after every leg, and what its last policy is worth."""
    crew = Watched()
    learner = PopulationPPO(config.train, sim.make, crew=crew)
    wanted = trainees(task, config)
    outcomes = learner.train(wanted, task, seed=stream(config.seed, 1, "train"), watch=lambda _: None, race=False)
    policies = {t.id: o.policy for t, (o, _) in zip(wanted, outcomes, strict=True) if isinstance(o, Trained)}
    seed = stream(config.seed, 1, "judge")
    scores = measure(list(policies.values()), task, sim.make, seed=seed, episodes=EPISODES, watch=lambda _: None)
    found = {name: score for name, score in zip(policies, scores, strict=True) if isinstance(score, Score)}
    return {name: crew.trained[name].legs for name in found}, found


def raced(legs: Legs, settings: RaceSettings) -> tuple[set[str], int]:
    """Who is trained to the end, or solves the task, and the env steps of all."""
    going, solved, spent = set(legs), set[str](), dict[str, int]()
    count = len(next(iter(legs.values())))
    for i in range(1, count):
        over = {name: stop for name in going if (stop := stopped(legs[name][:i], settings))}
        solved |= {name for name, stop in over.items() if stop.kind == "solved"}
        field = {name: legs[name][:i] for name in sorted(going - set(over))}
        gone = over | dropped(field, settings, began=len(legs), legs_left=count - i)
        spent |= {name: legs[name][i - 1].env_steps for name in gone}
        going -= set(gone)
    spent |= {name: legs[name][-1].env_steps for name in going}
    return going | solved, sum(spent.values())


def told(legs: Legs, fitness: Mapping[str, float], settings: RaceSettings, *, sizes: Iterable[int]) -> dict[str, float]:
    """What races come to, the mean over all groups of these sizes."""
    shares, kept, lost = [], [], []
    for group in (group for size in sizes for group in combinations(legs, size)):
        left, env_steps = raced({name: legs[name] for name in group}, settings)
        best, found = max(fitness[name] for name in group), max(fitness[name] for name in left)
        shares.append(env_steps / sum(legs[name][-1].env_steps for name in group))
        kept.append(found >= best)
        lost.append((best - found) / abs(best) if best else 0.0)
    return {
        "groups": len(shares),
        "env steps raced / plain (< 0.75)": mean(shares),
        "best kept": mean(kept),
        "fitness lost, share of the best's": mean(lost),
    }


def measured(name: str, seed: int, sets: Sequence[str]) -> dict[str, Any]:
    """How the rewards of one task trained under one seed, and what they are worth."""
    loaded = load(name)
    legs, scores = trained(loaded.task, resolve(loaded.settings, sets=[*sets, f"seed={seed}"]))
    return {
        "task": name,
        "seed": seed,
        "fitness": {reward: score.mean for reward, score in scores.items()},
        "ci95": {reward: score.ci95 for reward, score in scores.items()},
        "legs": {reward: [asdict(leg) for leg in each] for reward, each in legs.items()},
    }


def with_races(found: dict[str, Any], sets: Sequence[str]) -> dict[str, Any]:
    """The same, and what races of all its rewards and of all groups of six or more come to."""
    settings = resolve(load(found["task"]).settings, sets=sets).train.race
    legs = {reward: [_leg(leg) for leg in each] for reward, each in found["legs"].items()}
    races = {
        f"races of all {len(legs)}": told(legs, found["fitness"], settings, sizes=[len(legs)]),
        "races of six or more": told(legs, found["fitness"], settings, sizes=range(6, len(legs) + 1)),
    }
    for which, race in races.items():
        words = ", ".join(f"{k} {v:.3g}" for k, v in race.items())
        print(f"{found['task']}, seed {found['seed']}, {which}: {words}", flush=True)
    return found | races


def _leg(plain: dict[str, Any]) -> Leg:
    means = {name: plain[name] and Mean(**plain[name]) for name in ("fitness", "own_return", "solved")}
    return Leg(env_steps=plain["env_steps"], gained=plain["gained"], **means)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=sorted(folder.name for folder in REWARDS.iterdir()))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", dest="sets", nargs="+", default=[])
    parser.add_argument("--replay", default="")
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    result: dict[str, Any] = {"found": [], "machine": machine()}
    if args.replay:
        result = json.loads(Path(args.replay).read_text())
        result["found"] = [with_races(found, args.sets) for found in result["found"]]
        write(args.out, result)
        return
    for name in args.tasks:
        for seed in args.seeds:
            result["found"].append(with_races(measured(name, seed, args.sets), args.sets))
            write(args.out, result)


if __name__ == "__main__":
    main()
