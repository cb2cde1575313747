"""`train`: rewards trained and judged outside any run, on one seed or several, all of them side by side."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from rewardsmith.commands.options import AsJson, ConfigFile, SandboxKind, Seed, Sets, refuse_folder
from rewardsmith.commands.verify import REJECTED, Checker, locked_by, plain_verdict
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.config import EvolveConfig
    from rewardsmith.interfaces import Trainee
    from rewardsmith.types import Judged, Rejected, Task, Verified

Reference = Literal["expert", "sparse"]


def train(
    files: Annotated[tuple[Path, ...], Parameter(help="Reward files; none are needed with --reference.")] = (),
    /,
    *,
    task: Annotated[str, Parameter(help="The task: a name that ships, or a path to a task file.")],
    reference: Annotated[
        Reference | None, Parameter(help="Train the environment's own reward, or the fitness as one, too.")
    ] = None,
    seeds: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=1),
            help="Trainings of each reward: with the seed, the next, and so on (setting train.seeds).",
        ),
    ] = None,
    seed: Seed = None,
    sets: Sets = (),
    config: ConfigFile = None,
    policy: Annotated[
        Path | None,
        Parameter(
            help="Where to write the policy (of several seeds the median one's), as .safetensors, e.g. for "
            "`rewardsmith render`."
        ),
    ] = None,
    sandbox: SandboxKind = None,
    as_json: AsJson = False,
) -> int:
    """Verify, train and judge rewards.

    With several seeds, what is told is the mean over them with its 95% interval. Exit code 1 where a reward was
    rejected on the way. With --json, one object a line and reward.
    """
    from rewardsmith import taskfile
    from rewardsmith.config import resolve
    from rewardsmith.environment import first_frame

    files = tuple(dict.fromkeys(files))
    names = [*map(str, files), *([f"{reference} reward"] if reference else [])]
    if not names:
        raise UsageError("Which reward? Expected FILE... or --reference expert|sparse.")
    if policy is not None:
        _can_hold(policy, rewards=len(names))
    if limits := [text for text in sets if text.strip().startswith("limits.")]:
        raise UsageError(f"--set {limits[0]}: limits end a run of `rewardsmith evolve`. Here train.env_steps does.")
    loaded = taskfile.load(task)
    words = [*sets, *_counted(seed, seeds), *locked_by(sandbox)]
    settings = resolve(loaded.settings, file=config, sets=words)
    started = time.monotonic()
    first_frame(loaded)
    found = _results(files, reference, loaded.task, settings, seeds=settings.train.seeds)
    results = [Result(name=name, by_seed=by_seed) for name, by_seed in zip(names, found, strict=True)]
    for result in results:
        print(json.dumps(result.plain()) if as_json else result.words(loaded.task.fitness.unit))
    if not as_json:
        print(f"{time.monotonic() - started:.0f} s in all")
    if policy is not None:
        results[0].write(policy)
    return REJECTED if any(result.rejected for result in results) else 0


def _counted(seed: int | None, seeds: int | None) -> list[str]:
    """The two options as the settings that they are."""
    given = {"seed": seed, "train.seeds": seeds}
    return [f"{name}={number}" for name, number in given.items() if number is not None]


def _can_hold(policy: Path, *, rewards: int) -> None:
    """Raises: UsageError: no policy can be written there. It is asked before the training, not after."""
    from rewardsmith.store.artefacts import refuses

    if policy.suffix != ".safetensors":
        raise UsageError(f"--policy {policy}: expected a file that ends in .safetensors.")
    if rewards > 1:
        raise UsageError(f"--policy {policy}: there are {rewards} rewards and one file. Train one of them with it.")
    refuse_folder("--policy", policy)
    if (why := refuses(policy.parent)) is not None:
        raise UsageError(f"--policy {policy}: nothing can be written in its folder ({why}).")


# --- training -------------------------------------------------------------------------------------------------------


def _results(
    files: Sequence[Path], reference: Reference | None, task: Task, settings: EvolveConfig, *, seeds: int
) -> list[Mapping[int, Judged | Rejected]]:
    """What became of each reward under each seed, the reference last; all that were not rejected train together."""
    from rewardsmith import farm, sim
    from rewardsmith.display import Board, Lines
    from rewardsmith.play import random_rollout
    from rewardsmith.repeats import Streams, judged_by_seed
    from rewardsmith.seeds import stream
    from rewardsmith.types import Rejected

    if not files:  # verifying a file plays the task too
        random_rollout(task, sim.make, seed=stream(settings.seed, 0, "probe"))
    wanted: list[Trainee | Rejected] = [_trainee(file, v, task) for file, v in _verified(files, task, settings)]
    wanted += [_reference(reference, task)] if reference else []
    drawn = range(settings.seed, settings.seed + seeds)
    found = judged_by_seed(
        [t for t in wanted if not isinstance(t, Rejected)],
        {
            s: Streams(train=stream(s, 0, "train"), judge=stream(s, 0, "judge"), finals=stream(s, 0, "finals"))
            for s in drawn
        },
        task,
        farm.learner(settings.train, sim.make),
        sim.make,
        episodes=settings.judge.episodes,
        final_episodes=settings.judge.final_episodes,
        watch=Lines(Board(task=task, generations=0), out=sys.stderr),
    )
    trained = {s: iter(repeated) for s, repeated in found.items()}
    return [{s: t if isinstance(t, Rejected) else next(trained[s]).outcome for s in drawn} for t in wanted]


def _verified(files: Sequence[Path], task: Task, settings: EvolveConfig) -> list[tuple[Path, Verified | Rejected]]:
    from rewardsmith.codetext import read_reward
    from rewardsmith.sandbox import ProcessSandbox

    codes = [(file, read_reward(file)) for file in files]
    if not codes:
        return []
    with ProcessSandbox(settings.verify) as sandbox:
        checker = Checker(task, sandbox)
        return [(file, checker.check(file, code).outcome) for file, code in codes]


def _trainee(file: Path, verified: Verified | Rejected, task: Task) -> Trainee | Rejected:
    from rewardsmith import train as training
    from rewardsmith.interfaces import Trainee
    from rewardsmith.readings import Readings
    from rewardsmith.types import Rejected

    if isinstance(verified, Rejected):
        return verified
    return Trainee(id=str(file), reward=training.graph_reward(verified.graph, Readings(task)), verified=verified)


def _reference(reference: Reference, task: Task) -> Trainee:
    from rewardsmith import train as training
    from rewardsmith.interfaces import Trainee
    from rewardsmith.readings import Readings

    if reference == "sparse":
        return Trainee(id="sparse", reward=training.sparse_reward(Readings(task)), verified=None)
    if task.references.expert is None:
        raise UsageError(f"Task '{task.name}' declares no expert reward (references.expert).")
    return Trainee(id="expert", reward=training.expert_reward(Readings(task)), verified=None)


# --- telling --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of one reward under each seed."""

    name: str
    by_seed: Mapping[int, Judged | Rejected]

    @property
    def rejected(self) -> Rejected | None:
        """Why it was rejected under one of the seeds."""
        from rewardsmith.types import Rejected

        return next((o for o in self.by_seed.values() if isinstance(o, Rejected)), None)

    @property
    def judged(self) -> dict[int, Judged]:
        from rewardsmith.types import Judged

        return {seed: o for seed, o in self.by_seed.items() if isinstance(o, Judged)}

    def words(self, unit: str) -> str:
        """A line on the reward; with several seeds, one more on each."""
        from rewardsmith.store.pages import outcome_words

        judged, rejected = self.judged, self.rejected
        if not judged:
            assert rejected is not None
            return f"{self.name}: {outcome_words(rejected, unit='1')} {rejected.hint}".rstrip()
        if len(self.by_seed) == 1:
            [only] = judged.values()
            return f"{self.name}: {outcome_words(only, unit=unit)}, after {only.trained.env_steps:,} env steps"
        lines = (f"  seed {seed}: {outcome_words(o, unit=unit)}" for seed, o in self.by_seed.items())
        return "\n".join([f"{self.name}: {self._over_seeds(unit)}", *lines])

    def plain(self) -> dict[str, object]:
        """The same for programs; the interval is over seeds, with a single one over its episodes."""
        judged, rejected = self.judged, self.rejected
        if not judged:
            assert rejected is not None
            return {"reward": self.name, **plain_verdict(rejected), "seeds": []}
        mean, ci95 = self._fitness()
        success = [o.score.success_rate for o in judged.values() if o.score.success_rate is not None]
        return {
            "reward": self.name,
            "accepted": rejected is None,
            "reason": rejected.reason if rejected else None,
            "fitness": mean,
            "fitness_ci95": ci95,
            "success_rate": sum(success) / len(success) if success else None,
            "seeds": [{"seed": seed, **_measured(o)} for seed, o in judged.items()],
        }

    def write(self, path: Path) -> None:
        """Keep a policy that was judged, where one was: that of the seed in the middle."""
        from rewardsmith.policies import write_policy

        ranked = sorted(self.judged.items(), key=lambda found: found[1].score.mean)
        if not ranked:
            return
        seed, middle = ranked[(len(ranked) - 1) // 2]
        write_policy(path, middle.policy)
        if len(ranked) > 1:
            print(f"{path} holds the policy of seed {seed}, the median one.", file=sys.stderr)

    def _fitness(self) -> tuple[float, float | None]:
        import numpy as np

        from rewardsmith.judge import mean_ci95

        scores = [o.score for o in self.judged.values()]
        means = np.array([score.mean for score in scores])
        if len(means) > 1:
            return float(means.mean()), mean_ci95(means)
        return scores[0].mean, scores[0].ci95 if len(self.by_seed) == 1 else None

    def _over_seeds(self, unit: str) -> str:
        from rewardsmith.quoting import one_line
        from rewardsmith.store.pages import number

        mean, ci95 = self._fitness()
        judged, asked = self.judged, len(self.by_seed)
        success = [o.score.success_rate for o in judged.values() if o.score.success_rate is not None]
        of = f"{len(judged)} of {asked} seeds" if len(judged) < asked else f"{asked} seeds"
        steps = max(o.trained.env_steps for o in judged.values())
        return (
            f"fitness {number(mean)}{'' if ci95 is None else f' +- {number(ci95)}'}"
            f"{'' if unit == '1' else ' ' + one_line(unit)} over {of}"
            f"{f', success {sum(success) / len(success):.0%}' if success else ''}, after {steps:,} env steps each"
        )


def _measured(outcome: Judged) -> dict[str, object]:
    score, trained = outcome.score, outcome.trained
    return {
        "fitness": score.mean,
        "fitness_ci95": score.ci95,
        "success_rate": score.success_rate,
        "mean_length": score.mean_length,
        "episodes": list(score.episodes),
        "env_steps": trained.env_steps,
        "train_seconds": round(trained.seconds, 3),
        "curves": {c.name: {"env_steps": list(c.env_steps), "values": list(c.values)} for c in trained.curves},
    }
