"""How long a screen takes, and what it would have saved and lost on recorded rewards of mixed quality.

Claims: one candidate against 1000 episodes of 200 steps takes < 200 ms; on three MetaWorld and two Gym tasks, with 40
recorded candidates each, the screen skips at least a third of the trainings and loses none of the top three.

    python benchmarks/screen.py speed  [--rounds 15] [--out FILE]
    python benchmarks/screen.py record [--folder FOLDER] [--task TASK ...] [--env-steps N]   hours; goes on where it was
    python benchmarks/screen.py replay [--folder FOLDER] [--task TASK ...] [--orders 20] [--out FILE]   seconds
    python benchmarks/screen.py power  [--draws 500] [--out FILE]   half a minute; no task

`record` trains every candidate and keeps its fitness and four of its episodes. Of the 40, the planted wrong rewards of
the task's tests come first, 14 are draws of the offline proposer in which the signs of some terms are turned round (the
mistake that language models make most), and the others are such draws as they are. `replay` screens them twice. Warm:
each against random play and the episodes of all the others, as where an earlier run of the task shared its own. Cold:
in five generations of eight, as in a first run, where the screen knows random play and what it let through before,
never what it skipped; every order by chance is another run. All were trained, so the audit is of everything skipped.

The tasks are such that rewards differ after few env steps (100,000 in the committed results): of the first 24 rewards
of drawer_open, 22 were at 0 then, and where all are alike there is no best to lose.

`power` draws scores from normal distributions of which the share of pairs in order is known, and counts how often `auc`
lets them pass.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from _machine import machine, write

from rewardsmith import judge, prompting, screen, sim, taskfile, train, verify
from rewardsmith.assemble import written
from rewardsmith.config import EvolveConfig, ScreenSettings, resolve
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import Brief, Request
from rewardsmith.learn.ppo import PopulationPPO
from rewardsmith.play import random_states
from rewardsmith.pool import Pool, kept
from rewardsmith.propose.asking import RepliesInMemory
from rewardsmith.propose.offline import OfflineProposer
from rewardsmith.report.screen import audited
from rewardsmith.sandbox import ProcessSandbox
from rewardsmith.screen import tpe
from rewardsmith.screen.duplicates import Twin
from rewardsmith.seeds import stream
from rewardsmith.sim.point import point_task
from rewardsmith.store.episodes import from_bytes, to_bytes
from rewardsmith.types import (
    Attempt,
    Candidate,
    Drafted,
    Judged,
    Policy,
    Rejected,
    Score,
    Task,
    Trained,
    Trajectory,
    Verified,
)

TASKS = ("reach", "door_close", "drawer_close", "half_cheetah_run", "hopper_hop")
PLANTED = Path(__file__).parents[1] / "tests" / "corpus" / "planted"
CANDIDATES, TURNED, BATCH, TOP = 40, 14, 8, 3
READINGS: dict[str, dict[str, Any]] = {
    "auc": {"preference": "auc"},
    "auc, at least 0.3": {"preference": "auc", "auc_at_least": 0.3},
    "code": {"preference": "code"},
    "paper": {"preference": "paper"},
}


# --- part 1: how long it takes --------------------------------------------------------------------------------------


def speed(rounds: int) -> dict[str, Any]:
    """Milliseconds of each test for one candidate of about 70 operations, 1000 episodes of 200 steps."""
    from reward_graph import SIGNALS
    from reward_graph import written as reward_of

    task = point_task(episode_steps=200)
    played = made_up({n: s for n, s in SIGNALS.items() if not n.startswith("prev_") and n != "episode_progress"})
    rewards = [reward_of(70, seed)[1] for seed in range(6)]
    twins = [Twin(id=f"g001-{i:02d}", graph=g, result="is known") for i, g in enumerate(rewards[2:])]
    found: dict[str, dict[str, float]] = {}
    for name, settings in {
        "preference (auc)": {"preference": "auc", "duplicates": "off"},
        "preference (paper)": {"preference": "paper", "duplicates": "off"},
        "demonstration": {"demonstration": True, "duplicates": "off"},
        "duplicates (scaled), 4 twins": {"duplicates": "scaled"},
        "duplicates (shaped), 4 twins": {"duplicates": "shaped"},
    }.items():
        config = EvolveConfig(screen=ScreenSettings.model_validate(settings))
        first, later = [], []
        for _ in range(rounds):
            made = screen.Screen(task, config, trajectories=played)
            first.append(timed(made, rewards[1], twins))
            later.append(timed(made, rewards[0], twins))
        found[f"{name}, first of a batch"] = medians(first)
        found[f"{name}, each after it"] = medians(later)
    return {"milliseconds": found, "machine": machine(), "rounds": rounds}


def timed(made: screen.Screen, reward: RewardGraph, twins: Sequence[Twin]) -> tuple[float, float]:
    """Seconds of one candidate, of the clock and of the processor; the first puts the episodes together for all."""
    clock, processor = time.perf_counter(), time.process_time()
    made.verdicts(reward, twins)
    return time.perf_counter() - clock, time.process_time() - processor


def medians(times: Sequence[tuple[float, float]]) -> dict[str, float]:
    clock, processor = zip(*times, strict=True)
    return {"clock": 1e3 * statistics.median(clock), "processor": 1e3 * statistics.median(processor)}


def made_up(shapes: dict[str, tuple[int, ...]], *, episodes: int = 1000, steps: int = 200) -> list[Trajectory]:
    """Episodes of random numbers, half of them successes, a tenth the expert's."""
    draw = torch.Generator().manual_seed(0)
    return [
        Trajectory(
            source="expert" if i % 10 == 0 else "random",
            signals={name: torch.randn(steps + 1, *shape, generator=draw) for name, shape in shapes.items()},
            actions=torch.zeros(steps, 1),
            fitness_steps=torch.zeros(steps),
            expert=None,
            fitness=float(i % 10 == 0),
            success=i % 2 == 0,
            terminated=False,
        )
        for i in range(episodes)
    ]


# --- part 2, recording ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Written:
    """A reward to be recorded: `kind` is planted, turned or drawn."""

    id: str
    kind: str
    code: str


def record(name: str, folder: Path, env_steps: int) -> None:
    """Train what is not recorded yet, eight at a time."""
    loaded = taskfile.load(name)
    sets = [f"train.env_steps={env_steps}", "train.race.enabled=false", "judge.keep=4"]
    config = resolve(loaded.settings, sets=sets)
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    random_play(loaded.task, config, place / "random.safetensors")
    rewards = candidates(loaded.task, config, place / "candidates.json")
    for start in range(0, len(rewards), BATCH):
        file = place / f"batch-{start // BATCH}.json"
        if file.exists():
            continue
        started = time.monotonic()
        attempts = judged(rewards[start : start + BATCH], loaded.task, config, batch=start // BATCH)
        kinds = {r.id: r.kind for r in rewards}
        played = [t for a in attempts if isinstance(a.outcome, Judged) for t in a.outcome.trajectories]
        file.with_suffix(".safetensors").write_bytes(to_bytes(played))
        file.write_text(json.dumps([plain(a, kinds[a.id]) for a in attempts], indent=1) + "\n")
        fitness = [f"{a.fitness:.3g}" if a.fitness is not None else "none" for a in attempts]
        print(f"{name} {file.stem}: {' '.join(fitness)} ({time.monotonic() - started:.0f} s)", flush=True)


def random_play(task: Task, config: EvolveConfig, file: Path) -> None:
    if file.exists():
        return
    found = judge.play_random(
        task, sim.make, seed=stream(0, 0, "random"), episodes=config.pool.random, watch=lambda _: None,
        keep=config.pool.random,
    )  # fmt: skip
    if isinstance(found, Rejected):
        raise SystemExit(f"{task.name}: {found.reason}")
    file.write_bytes(to_bytes(found.trajectories))


def candidates(task: Task, config: EvolveConfig, file: Path) -> list[Written]:
    """The 40 rewards, all verified; the same ones again where they were chosen before."""
    if file.exists():
        return [Written(**one) for one in json.loads(file.read_text())]
    planted = [("planted", code) for code in planted_wrong(task.name)]
    drawn = offline(task, count=2 * CANDIDATES)
    turned = [("turned", turned_round(code, seed)) for seed, code in enumerate(drawn[:CANDIDATES])]
    fresh = [("drawn", code) for code in drawn[CANDIDATES:]]
    valid = accepted(task, config, [*planted, *turned, *fresh])
    chosen = [pair for pair in valid if pair[0] == "planted"]
    chosen += [pair for pair in valid if pair[0] == "turned"][:TURNED]
    chosen += [pair for pair in valid if pair[0] == "drawn"][: CANDIDATES - len(chosen)]
    found = [Written(id=f"g001-{i:02d}", kind=kind, code=code) for i, (kind, code) in enumerate(chosen)]
    file.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")
    return found


def planted_wrong(name: str) -> list[str]:
    manifest = json.loads((PLANTED / "manifest.json").read_text())
    return [
        (PLANTED / file).read_text()
        for file, entry in manifest.items()
        if entry["task"] == name and entry["screen"] == "fail"
    ]


def offline(task: Task, *, count: int) -> list[str]:
    brief = Brief(task=task)
    prompt = prompting.render(brief, settings=EvolveConfig().search)
    asked = [
        Request(candidate_id=f"g001-{i:02d}", prompt=prompt, brief=brief, index=i, seed=stream(0, 1, "propose", i))
        for i in range(count)
    ]
    found = [prompting.extract(r) for r in OfflineProposer().propose(asked, store=RepliesInMemory())]
    return [code for code in found if isinstance(code, str)]


def turned_round(code: str, seed: int) -> str:
    """The same reward with the signs of some of its weights turned: the first term's always, each other's by chance."""
    draw, first = Random(seed), iter([True])

    def turned(match: re.Match[str]) -> str:
        turn = next(first, False) or draw.random() < 0.3
        sign = "" if (match[2] == "-") == turn else "-"
        return f"{match[1]}{sign}{match[3]}"

    return re.sub(r"(?m)^( +\w+_weight = )(-?)([\d.e-]+)", turned, code)


def accepted(task: Task, config: EvolveConfig, rewards: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that pass verification, each program once."""
    found = verified([code for _, code in rewards], task, config)
    graphs: set[str] = set()
    kept = []
    for pair, outcome in zip(rewards, found, strict=True):
        if isinstance(outcome, Verified) and outcome.graph.sha256 not in graphs:
            graphs.add(outcome.graph.sha256)
            kept.append(pair)
    return kept


def verified(codes: Sequence[str], task: Task, config: EvolveConfig) -> list[Verified | Rejected]:
    batch = [Attempt(candidate=written(code, index=i), outcome=Drafted()) for i, code in enumerate(codes)]
    with ProcessSandbox(config.verify) as sandbox:
        found = verify.gauntlet(batch, task, sandbox, random_states(task, sim.make, seed=0))
    return [a.outcome for a in found if isinstance(a.outcome, Verified | Rejected)]


def judged(rewards: Sequence[Written], task: Task, config: EvolveConfig, *, batch: int) -> tuple[Attempt, ...]:
    outcomes = verified([r.code for r in rewards], task, config)
    attempts = [
        Attempt(candidate=replace(written(r.code), id=r.id, origin="offline"), outcome=outcome)
        for r, outcome in zip(rewards, outcomes, strict=True)
    ]
    learner = PopulationPPO(config.train, sim.make)
    trained = train.run(attempts, task, learner, seed=stream(0, batch, "train"), watch=lambda _: None)
    settings = config.judge
    return judge.score(
        trained, task, sim.make,
        seed=stream(0, batch, "judge"), episodes=settings.episodes, keep=settings.keep, watch=lambda _: None,
    )  # fmt: skip


def plain(attempt: Attempt, kind: str) -> dict[str, Any]:
    outcome = attempt.outcome
    base = {"id": attempt.id, "kind": kind, "env_steps": attempt.spend.env_steps}
    if isinstance(outcome, Judged) and outcome.trained.verified is not None:
        return base | {"graph": outcome.trained.verified.graph.to_json(), "score": asdict(outcome.score)}
    reason = outcome.reason if isinstance(outcome, Rejected) else "not judged"
    return base | {"graph": None, "score": None, "reason": reason}


# --- part 2, replaying ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What was recorded of a task; `kinds` by id."""

    task: Task
    attempts: tuple[Attempt, ...]
    env_steps: int
    kinds: dict[str, str]
    random: tuple[Trajectory, ...]

    def top(self) -> list[str]:
        """The ids of the best three."""
        return [a.id for a in sorted(self.attempts, key=lambda a: -(a.fitness or 0.0))[:TOP]]


def read(name: str, folder: Path) -> Recorded:
    task, place = taskfile.load(name).task, folder / name
    attempts: list[Attempt] = []
    env_steps = 0
    kinds: dict[str, str] = {}
    for file in sorted(place.glob("batch-*.json")):
        played, _ = from_bytes(file.with_suffix(".safetensors").read_bytes())
        for one in json.loads(file.read_text()):
            if one["score"] is not None:
                env_steps = max(env_steps, one["env_steps"])
                attempts.append(attempt_of(one, task, [t for t in played if t.source == one["id"]]))
                kinds[one["id"]] = one["kind"]
    random, _ = from_bytes((place / "random.safetensors").read_bytes())
    return Recorded(task=task, attempts=tuple(attempts), env_steps=env_steps, kinds=kinds, random=random)


def attempt_of(one: dict[str, Any], task: Task, played: Sequence[Trajectory]) -> Attempt:
    lists: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in one["score"].items()}
    graph = RewardGraph.from_json(one["graph"], signals=allowed_inputs(task))
    trained = Trained(
        verified=Verified(graph=graph), policy=Policy(tensors={}), curves=(), env_steps=one["env_steps"], seconds=0.0
    )
    candidate = Candidate(id=one["id"], code="", sha256="", origin="offline", model="")
    return Attempt(
        candidate=candidate, outcome=Judged(trained=trained, score=Score(**lists), trajectories=tuple(played))
    )


def untrained(attempt: Attempt) -> Attempt:
    """A recorded attempt as it was before it was trained."""
    assert isinstance(attempt.outcome, Judged)
    assert attempt.outcome.trained.verified is not None
    return replace(attempt, outcome=attempt.outcome.trained.verified)


def replay(recorded: Recorded, config: EvolveConfig, order: int) -> dict[str, Any]:
    """One run in an order by chance: how many it skipped, which of the best it lost, how often it was wrong."""
    shuffled = Random(order).sample(recorded.attempts, len(recorded.attempts))
    pool = Pool(config.pool, start=recorded.random)
    through: list[Attempt] = []
    everything: list[Attempt] = []
    for index, batch in enumerate(batches(shuffled), start=1):
        asked = [untrained(a) for a in batch]
        answers = screen.rank(
            asked, recorded.task, config, known=through, trajectories=pool.trajectories, seed=order
        )  # an audit of everything: what fails stays to be trained and says so
        done = [replace(said, outcome=was.outcome) for said, was in zip(answers, batch, strict=True)]
        skipped = {a.id for a in done if any(r.verdict == "failed" for r in screen.records(a))}
        trained = [a for a in done if a.id not in skipped]
        pool.add(trained, generation=index)
        through += trained
        everything += done
    return counted(recorded, everything)


def batches(attempts: Sequence[Attempt]) -> Iterator[Sequence[Attempt]]:
    for start in range(0, len(attempts), BATCH):
        yield attempts[start : start + BATCH]


def warm(recorded: Recorded, config: EvolveConfig) -> dict[str, Any]:
    """Each candidate against the episodes of all the others, as where an earlier run of the task has shared its own."""
    done: list[Attempt] = []
    for mine in recorded.attempts:
        others = [
            t
            for a in recorded.attempts
            if a is not mine and isinstance(a.outcome, Judged)
            for t in a.outcome.trajectories
        ]
        known = kept([*recorded.random, *others], config.pool.keep)
        [said] = screen.rank([untrained(mine)], recorded.task, config, known=(), trajectories=known, seed=0)
        done.append(replace(said, outcome=mine.outcome))
    return counted(recorded, done)


def counted(recorded: Recorded, done: Sequence[Attempt]) -> dict[str, Any]:
    """What was skipped of all, which of the best were lost, and what the audit of everything skipped says."""
    skipped = [a.id for a in done if any(r.verdict == "failed" for r in screen.records(a))]
    audit = audited(done)
    return {
        "skipped": len(skipped),
        "of": len(done),
        "lost": [i for i in recorded.top() if i in skipped],
        "wrong": audit.wrong if audit else 0,
        "best": audit.best if audit else 0,
        "by_kind": {kind: sum(recorded.kinds[i] == kind for i in skipped) for kind in ("planted", "turned", "drawn")},
    }


def replayed(recorded: Recorded, reading: dict[str, Any], orders: int) -> dict[str, Any]:
    """One reading of the screen: with shared episodes, and over all orders of a run that begins with none."""
    settings = {**reading, "duplicates": "off", "audit": 1.0}
    config = EvolveConfig(screen=ScreenSettings.model_validate(settings))
    runs = [replay(recorded, config, order) for order in range(orders)]
    return {"warm": summed_up([warm(recorded, config)]), "cold": summed_up(runs)}


def summed_up(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    skipped, wrong = sum(r["skipped"] for r in runs), sum(r["wrong"] for r in runs)
    return {
        "runs": len(runs),
        "skipped_share": statistics.mean(r["skipped"] / r["of"] for r in runs),
        "runs_that_lost_one_of_the_top_three": sum(bool(r["lost"]) for r in runs),
        "audit_wrong_share": wrong / skipped if skipped else None,
        "audit_interval": judge.wilson95(wrong / skipped, skipped) if skipped else None,
        "skipped_by_kind": {k: sum(r["by_kind"][k] for r in runs) / len(runs) for k in runs[0]["by_kind"]},
    }


# --- part 4: how sure the bound is ------------------------------------------------------------------------------------

KNOWN = ((8, 8), (16, 16), (40, 40), (8, 40))
TRUE = (0.5, 0.65, 0.75, 0.85, 0.95)
ALIKE = 4  # episodes of one policy
OF_POLICY = 0.9  # of a score's variance, where episodes of one policy are alike


def power(draws: int) -> dict[str, Any]:
    """How many of rewards with a true share of pairs in order the `auc` reading lets pass, by episodes known."""
    rows = []
    for alike, successes, failures, share in (
        *((1, *known, share) for known in KNOWN for share in TRUE),
        *((ALIKE, 16, 16, share) for share in TRUE),
    ):
        gap = statistics.NormalDist().inv_cdf(share) * 2**0.5
        draw = np.random.default_rng(0)
        bounds = [
            tpe.auc_lower_bound(gap + scores(successes, alike, draw), scores(failures, alike, draw))
            for _ in range(draws)
        ]
        asked = ScreenSettings().auc_at_least
        rows.append(
            {
                "successes": successes,
                "failures": failures,
                "alike": alike,
                "share": share,
                "passed": sum(bound >= asked for bound in bounds) / draws,
            }
        )
    return {"rows": rows, "draws": draws, "machine": machine()}


def scores(count: int, alike: int, draw: np.random.Generator) -> tpe.Scores:
    """Standard normal scores of episodes, so many of each policy."""
    if alike == 1:
        return draw.normal(size=count)
    of_policy = np.repeat(draw.normal(size=count // alike), alike)
    found: tpe.Scores = OF_POLICY**0.5 * of_policy + (1 - OF_POLICY) ** 0.5 * draw.normal(size=count)
    return found


# --- the shell ------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("speed", "record", "replay", "power"), default="speed")
    parser.add_argument("--folder", type=Path, default=Path("runs/screen-benchmark"))
    parser.add_argument("--task", nargs="*", default=list(TASKS))
    parser.add_argument("--env-steps", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # torch's exporter warns of itself
    if args.part == "record":
        for name in args.task:
            record(name, args.folder, args.env_steps)
        return
    match args.part:
        case "speed":
            result = speed(args.rounds)
        case "power":
            result = power(args.draws)
        case _:
            result = replays(args.task, args.folder, args.orders)
    print(json.dumps(result, indent=2))
    write(args.out, result)


def replays(names: Sequence[str], folder: Path, orders: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        recorded = read(name, folder)
        fitness = sorted((a.fitness or 0.0) for a in recorded.attempts)
        found[name] = {
            "candidates": len(recorded.attempts),
            "fitness": {"least": fitness[0], "median": statistics.median(fitness), "most": fitness[-1]},
            "env_steps": recorded.env_steps,
            **{name: replayed(recorded, reading, orders) for name, reading in READINGS.items()},
        }
    return {"tasks": found, "orders": orders, "machine": machine()}


if __name__ == "__main__":
    main()
