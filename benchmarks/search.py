"""A whole search of BIRD's size: 5 generations of 8 rewards, 1M env steps each, raced, on this machine.

Claims: it takes under half an hour on two cores for a Gym task and a MetaWorld task; all that is not simulating,
learning or waiting for a model is under 3% of it; and the winner is as fit within intervals as that of the same search
without racing (`--sides raced plain`). (BIRD, SB3's PPO on 8 cores: 3 to 6 hours.)

Rewards come from the offline proposer. A second side is given the replies of the first, as they were recorded: both
train the same rewards from the same seeds, and racing changes only who trains to the end. (Left to itself it would
breed from other scores, and one search says little of another.) Run: `python benchmarks/search.py [--tasks NAME ...]
[--generations 5] [--offspring 8] [--env-steps 1000000] [--sides raced plain] [--out FILE]`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from _machine import machine, write

from rewardsmith import evolve, finals
from rewardsmith.assemble import Extras, begin, parts_of
from rewardsmith.config import resolve
from rewardsmith.interfaces import Learner, Progress, Proposer, ReplyStore, Request
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.taskfile import load
from rewardsmith.types import Final, Judged, Reply

TASKS = ("half_cheetah_run", "door_open")


class Clock:
    """Seconds of a search, by what they went into."""

    def __init__(self) -> None:
        self.training = self.judging = self.proposing = 0.0
        self._judging_since = 0.0

    def watch(self, progress: Progress) -> None:
        """Judging begins where training ends, and lasts until it was last heard of."""
        if progress.stage == "judge":
            now = time.perf_counter()
            self.judging += now - self._judging_since
            self._judging_since = now

    def learner(self, inner: Learner) -> Learner:
        clock = self

        class Timed:
            def train(self, *args: Any, **options: Any) -> Any:
                started = time.perf_counter()
                try:
                    return inner.train(*args, **options)
                finally:
                    clock._judging_since = time.perf_counter()
                    clock.training += clock._judging_since - started

        return Timed()

    def proposer(self, inner: Proposer) -> Proposer:
        clock = self

        class Timed:
            name, origin = inner.name, inner.origin

            def propose(self, requests: Sequence[Request], *, store: ReplyStore) -> list[Reply]:
                started = time.perf_counter()
                try:
                    return inner.propose(requests, store=store)
                finally:
                    clock.proposing += time.perf_counter() - started

        return Timed()


def search(
    name: str, args: argparse.Namespace, *, race: bool, folder: Path, replies: Path | None = None
) -> dict[str, object]:
    """One search from an empty `folder` to a winner measured again, and where its time went.

    `replies` is the folder of an earlier one whose rewards it is given; None: it asks for its own.
    """
    loaded = load(name)
    sets = [
        f"search.generations={args.generations}",
        f"search.offspring={args.offspring}",
        f"train.env_steps={args.env_steps}",
        f"train.race.enabled={json.dumps(race)}",
        f"seed={args.seed}",
        f"model={f'replay:{replies}' if replies else 'offline'}",
    ]
    config = resolve(loaded.settings, sets=sets)
    clock, started = Clock(), time.perf_counter()
    with (
        begin(folder, loaded, config, Extras()) as run,
        ProcessSandbox(config.verify) as sandbox,
    ):
        given = parts_of(run, Extras(), config=config, sandbox=sandbox, watch=clock.watch, tell=lambda _: None)
        parts = replace(given, learner=clock.learner(given.learner), proposer=clock.proposer(given.proposer))
        history = []
        for generation in evolve.evolve(loaded.task, parts, config):
            run.add_generation(generation)
            history.append(generation)
            print(f"{name}: generation {generation.index}, {time.perf_counter() - started:,.0f} s", flush=True)
        looped, judging = time.perf_counter(), clock.judging
        final = finals.finish(loaded.task, parts, config, history, ())
        assert isinstance(final, Final), final
        run.set_final(final)
        total = time.perf_counter() - started
        finale = time.perf_counter() - looped
    attempts = [a for g in history for a in g.attempts]
    steps = sum(a.spend.env_steps for a in attempts)
    rest = total - clock.training - judging - clock.proposing - finale
    return {
        "race": race,
        "replies": "those of the side before" if replies else "its own",
        "winner": final.winner,
        "fitness": final.score.mean,
        "ci95": final.score.ci95,
        "minutes (< 30)": total / 60,
        "seconds": {
            "training": clock.training,
            "judging": judging,
            "the winner, on fresh seeds": finale,
            "proposing": clock.proposing,
            "everything else": rest,
        },
        "everything else / all (< 0.03)": rest / total,
        "env_steps": steps,
        "env steps / those of all trainings": steps / (len(attempts) * args.env_steps),
        "judged": sum(isinstance(a.outcome, Judged) for a in attempts),
        "stopped": stops(attempts),
        "fittest": fittest(attempts),
    }


def stops(attempts: Sequence[Any]) -> dict[str, int]:
    """How many trainings ended early, by why."""
    kinds = [o.trained.stopped.kind for a in attempts if isinstance(o := a.outcome, Judged) and o.trained.stopped]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def fittest(attempts: Sequence[Any], *, count: int = 8) -> dict[str, float]:
    """The fitness that the fittest were judged by, best first, rounded to four digits."""
    judged = {a.id: a.outcome.score.mean for a in attempts if isinstance(a.outcome, Judged)}
    return {name: float(f"{judged[name]:.4g}") for name in sorted(judged, key=lambda n: -judged[n])[:count]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--generations", type=int, default=5)
    parser.add_argument("--offspring", type=int, default=8)
    parser.add_argument("--env-steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sides", nargs="+", choices=("raced", "plain"), default=["raced"])
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    found: dict[str, list[dict[str, object]]] = {}
    for name in args.tasks:
        with tempfile.TemporaryDirectory() as folder:
            first: Path | None = None
            for side in args.sides:
                result = search(name, args, race=side == "raced", folder=Path(folder, side), replies=first)
                first = first or Path(folder, side)
                found.setdefault(name, []).append(result)
                print(f"{name}: {json.dumps(result, indent=2)}", flush=True)
                sized = {"generations": args.generations, "offspring": args.offspring, "env_steps": args.env_steps}
                write(args.out, {**sized, "seed": args.seed, "tasks": found, "machine": machine()})


if __name__ == "__main__":
    main()
