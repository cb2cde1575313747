"""Our PPO's returns on six Gym tasks beside Stable-Baselines3's, measured here, and CleanRL's, as they published them.

Each task is the shipped one with its training settings, trained under the environment's own reward for a million env
steps, whatever the task asks for. A training's score is the mean return of its last policy over fresh episodes, with
mean actions. Scores of a task are told as their interquartile mean with a stratified bootstrap interval; over all tasks
they are normalised first, so that random actions are 0 and Stable-Baselines3's mean is 1.

Stable-Baselines3 gets the same network, batch, epochs, discount and normalisers, and keeps its learning rate constant,
as is its default. CleanRL's numbers are of other versions of the environments and of episodes in training, with sampled
actions: a landmark, not a comparison.

Run: `python benchmarks/returns.py [--steps 1000000] [--seeds 5] [--sb3-seeds 5] [--tasks NAME ...] [--out FILE]`.
It may be stopped at any time: what FILE holds is not trained again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from _machine import machine, write
from _sb3 import sb3_ppo

from rewardsmith import sim, taskfile
from rewardsmith.config import TrainSettings, resolve
from rewardsmith.interfaces import Trainee
from rewardsmith.judge import Played, measure, play_random
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.measures.intervals import iqm_interval
from rewardsmith.readings import Readings
from rewardsmith.train import expert_reward
from rewardsmith.types import Measure, Score, Task, Trained

Side = Literal["ours", "sb3"]
Scores = dict[str, dict[str, dict[str, float]]]
"""Mean returns by task, side and seed."""

TASKS = (
    "half_cheetah_run",
    "hopper_hop",
    "walker_walk",
    "ant_run",
    "inverted_pendulum_balance",
    "reacher_reach",
)
EPISODES = 16
OUT = Path(__file__).parent / "results" / "returns.json"
CLEANRL: dict[str, Any] = {
    "source": "https://github.com/vwxyzjn/cleanrl/blob/fe8d8a03c41a7ef5b523e2e354bd01c363e786bb/docs/benchmark/"
    "ppo_continuous_action.md",
    "of": "ppo_continuous_action.py on Gymnasium's -v4 environments, MuJoCo 2.3.3, 1M steps, 3 seeds: returns in "
    "training and their spread, as published; none for Ant and Reacher.",
    "returns": {
        "half_cheetah_run": [1442.64, 46.03],
        "hopper_hop": [2382.86, 271.74],
        "walker_walk": [2287.95, 571.78],
        "inverted_pendulum_balance": [963.09, 22.20],
    },
}


def main() -> None:
    args = _arguments()
    torch.set_num_threads(1)
    found = _known(args.out, steps=args.steps, episodes=EPISODES)
    loaded = {name: _loaded(name, args.steps) for name in args.tasks}
    for name, (task, settings) in loaded.items():
        found["settings"].setdefault(name, json.loads(settings.model_dump_json()))
        found["random"].setdefault(name, _random(task))
    for name, side, seed in _missing(found["returns"], args.tasks, seeds={"ours": args.seeds, "sb3": args.sb3_seeds}):
        task, settings = loaded[name]
        score = (_ours if side == "ours" else _sb3)(task, settings, seed=seed)
        found["returns"].setdefault(name, {}).setdefault(side, {})[str(seed)] = score
        found["machine"], found["summary"] = machine(), _summary(found["returns"], found["random"])
        write(str(args.out), found)
        print(f"{name} {side} seed {seed}: {score:.1f}", flush=True)
    _print(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sb3-seeds", type=int, default=5)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    parser.add_argument("--out", type=Path, default=OUT)
    return parser.parse_args()


def _known(out: Path, **asked: int) -> dict[str, Any]:
    """What the file holds, or nothing yet; a file of another protocol is not added to."""
    if not out.exists():
        return {"asked": asked, "settings": {}, "random": {}, "returns": {}, "cleanrl": CLEANRL}
    found: dict[str, Any] = json.loads(out.read_text())
    if found["asked"] != asked:
        raise SystemExit(f"{out} was measured with {found['asked']}, not {asked}. Give another file with --out.")
    return found


def _loaded(name: str, steps: int) -> tuple[Task, TrainSettings]:
    """The shipped task, scored by the environment's own return, and its settings for so many steps."""
    loaded = taskfile.load(name)
    settings = resolve(loaded.settings).train.model_copy(update={"env_steps": steps})
    task = replace(loaded.task, fitness=Measure(source="reward", reduce="sum"), success=None, hidden_fitness=None)
    return task, settings


def _missing(returns: Scores, names: list[str], *, seeds: Mapping[Side, int]) -> Iterator[tuple[str, Side, int]]:
    """What is still to be trained, seed by seed over all tasks, the two sides in turns."""
    for seed in range(max(seeds.values())):
        for name in names:
            for side, count in seeds.items():
                if seed < count and str(seed) not in returns.get(name, {}).get(side, {}):
                    yield name, side, seed


# --- one training ---------------------------------------------------------------------------------------------------


def _ours(task: Task, settings: TrainSettings, *, seed: int) -> float:
    trainee = Trainee(id="expert", reward=expert_reward(Readings(task)), verified=None)
    learner = PopulationPPO(settings, sim.make)
    [(outcome, _)] = learner.train([trainee], task, seed=seed, watch=lambda _: None, race=False)
    assert isinstance(outcome, Trained), outcome
    [score] = measure([outcome.policy], task, sim.make, seed=10_000 + seed, episodes=EPISODES, watch=lambda _: None)
    assert isinstance(score, Score), score
    return score.mean


def _sb3(task: Task, settings: TrainSettings, *, seed: int) -> float:
    from stable_baselines3.common.evaluation import evaluate_policy

    model = sb3_ppo(task.env.id, settings, vec_env="dummy", seed=seed)
    model.learn(settings.env_steps)
    env = model.get_env()
    env.training, env.norm_reward = False, False
    returns, _ = evaluate_policy(model, env, n_eval_episodes=EPISODES, return_episode_rewards=True, warn=False)
    env.close()
    return float(np.mean(returns))


def _random(task: Task) -> float:
    """Mean return of random actions."""
    played = play_random(task, sim.make, seed=10_000, episodes=64, watch=lambda _: None)
    assert isinstance(played, Played), played
    return played.score.mean


# --- all of them ----------------------------------------------------------------------------------------------------


def _summary(returns: Scores, random: Mapping[str, float]) -> dict[str, object]:
    """Interquartile means with 95% intervals: each task's returns, and the normalised scores of all tasks."""
    sides: tuple[Side, ...] = ("ours", "sb3")
    by_task = {
        name: {side: _interval({name: list(runs[side].values())}) for side in sides if runs.get(side)}
        for name, runs in returns.items()
    }
    return {"by_task": by_task, "normalised": {side: _interval(_normalised(returns, random, side)) for side in sides}}


def _normalised(returns: Scores, random: Mapping[str, float], side: Side) -> dict[str, list[float]]:
    """Scores of the tasks that both sides were trained on: 0 for random actions, 1 for Stable-Baselines3's mean."""
    found: dict[str, list[float]] = {}
    for name, runs in returns.items():
        if runs.get("ours") and runs.get("sb3"):
            one = float(np.mean(list(runs["sb3"].values()))) - random[name]
            found[name] = [(value - random[name]) / one for value in runs[side].values()]
    return found


def _interval(scores: Mapping[str, list[float]]) -> dict[str, float] | None:
    found = iqm_interval(scores)
    return None if found is None else {"iqm": found.value, "low": found.low, "high": found.high}


def _print(found: dict[str, Any]) -> None:
    summary: dict[str, Any] = found.get("summary") or _summary(found["returns"], found["random"])
    for name, sides in summary["by_task"].items():
        words = [f"{side} {_words(interval)}" for side, interval in sides.items()]
        published = CLEANRL["returns"].get(name)
        words += [f"CleanRL (v4) {published[0]:.0f} +- {published[1]:.0f}"] if published else []
        print(f"{name} (random {found['random'][name]:.0f}): {', '.join(words)}")
    for side, interval in summary["normalised"].items():
        print(f"normalised over tasks, {side}: {_words(interval)}")


def _words(interval: Mapping[str, float] | None) -> str:
    return "none" if interval is None else "{iqm:.4g} [{low:.4g}, {high:.4g}]".format(**interval)


if __name__ == "__main__":
    main()
