"""What racing saves in one generation, and whether it loses the best reward.

Claims: the candidate that wins a generation with racing is as fit, within intervals, as the one that wins it when
everybody trains for the whole budget; and racing takes less than 0.6 of the env steps.

Candidates are drafts of the offline proposer (no model, no key), the same for both sides; survivors of a race are bit
for bit what they are without one, so both sides differ only by whom the race stopped.
Run: `python benchmarks/racing.py [--tasks NAME ...] [--env-steps 300000] [--seeds 2] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from _machine import machine, write

from rewardsmith import drafting, judge, sim, train
from rewardsmith.assemble import Extras, begin, parts_of
from rewardsmith.config import EvolveConfig, resolve
from rewardsmith.interfaces import Brief
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.play import random_states, ranges_of
from rewardsmith.seeds import stream
from rewardsmith.taskfile import LoadedTask, load
from rewardsmith.types import Attempt, Judged, Task

TASKS = ("hopper_hop", "half_cheetah_run", "door_open", "drawer_close")


@dataclass(frozen=True, kw_only=True)
class Side:
    """One way of training a generation: fitness and its 95% half-width by candidate, and what it took."""

    fitness: dict[str, float]
    ci95: dict[str, float]
    env_steps: int
    seconds: float
    stopped: dict[str, str]

    @property
    def best(self) -> str:
        return max(self.fitness, key=lambda name: self.fitness[name])


def drafts(loaded: LoadedTask, config: EvolveConfig, folder: Path) -> tuple[Attempt, ...]:
    """Verified drafts of the offline proposer."""
    task = loaded.task
    with (
        begin(folder, loaded, config, Extras()) as run,
        parts_of(run, Extras(), config=config, watch=lambda _: None, tell=lambda _: None) as parts,
    ):
        states = random_states(task, parts.simulator, seed=stream(config.seed, 0, "probe"))
        brief = Brief(
            task=task, ranges=ranges_of(task, states), env_steps=config.train.env_steps, gamma=config.train.gamma
        )
        return drafting.draft(brief, parts, config, generation=1, states=states)


def trained(batch: tuple[Attempt, ...], task: Task, config: EvolveConfig, *, race: bool) -> Side:
    """The batch trained and judged, with or without racing."""
    settings = config.train.model_copy(update={"race": config.train.race.model_copy(update={"enabled": race})})
    learner = PopulationPPO(settings, sim.make)
    after = train.run(batch, task, learner, seed=stream(config.seed, 1, "train"), watch=lambda _: None)
    scored = judge.score(after, task, sim.make, seed=stream(config.seed, 1, "judge"), episodes=32, watch=lambda _: None)
    found = {a.id: a.outcome for a in scored if isinstance(a.outcome, Judged)}
    return Side(
        fitness={name: outcome.score.mean for name, outcome in found.items()},
        ci95={name: outcome.score.ci95 for name, outcome in found.items()},
        env_steps=sum(a.spend.env_steps for a in after),
        seconds=sum(a.spend.seconds for a in after),
        stopped={name: o.trained.stopped.kind for name, o in found.items() if o.trained.stopped},
    )


def compared(name: str, seed: int, args: argparse.Namespace) -> dict[str, object]:
    """Both sides on one task and seed."""
    loaded = load(name)
    sets = [f"train.env_steps={args.env_steps}", f"search.offspring={args.candidates}", f"seed={seed}"]
    config = resolve(loaded.settings, sets=sets)
    with tempfile.TemporaryDirectory() as folder:
        batch = drafts(loaded, config, Path(folder) / "run")
    plain, raced = (trained(batch, loaded.task, config, race=race) for race in (False, True))
    lost = plain.fitness[plain.best] - raced.fitness[raced.best]
    within = lost <= plain.ci95[plain.best] + raced.ci95[raced.best]
    print(
        f"{name}, seed {seed}: best {plain.fitness[plain.best]:.4g} ({plain.best}) plain, "
        f"{raced.fitness[raced.best]:.4g} ({raced.best}) raced; env steps {raced.env_steps / plain.env_steps:.2f}, "
        f"seconds {raced.seconds / plain.seconds:.2f}",
        flush=True,
    )
    return {
        "task": name,
        "seed": seed,
        "plain": vars(plain) | {"best": plain.best},
        "raced": vars(raced) | {"best": raced.best},
        "same winner": plain.best == raced.best,
        "as fit within intervals": within,
        "env steps raced / plain (< 0.6)": raced.env_steps / plain.env_steps,
        "seconds raced / plain": raced.seconds / plain.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--env-steps", type=int, default=300_000)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    found = [compared(name, seed, args) for name in args.tasks for seed in range(args.seeds)]
    write(args.out, {"env_steps": args.env_steps, "candidates": args.candidates, "found": found, "machine": machine()})


if __name__ == "__main__":
    main()
