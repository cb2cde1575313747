"""The policies and the kept episodes that a person can name: in a run, or in a file that a command wrote.

Reading only. What a policy does with what it sees is `learn/policy.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.errors import RunError, UsageError, did_you_mean
from rewardsmith.seeds import env_seeds, stream
from rewardsmith.store import Run, artefacts
from rewardsmith.types import Attempt, Judged, Policy, Task, Trajectory

SUFFIX = ".safetensors"
NEEDED = ("actor.0.weight", "actor.0.bias", "log_std", "obs_mean", "obs_var", "action_low", "action_high", "activation")
"""What every policy's file holds, whatever its size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FromRun:
    """A candidate, or a reference, as its run judged it."""

    name: str
    task: Task
    judged: Judged


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Whole episodes, the worst first; those that do not know which seed they were played with have one of `env_seeds`.

    `name` says whose they are.
    """

    name: str
    task: Task
    episodes: tuple[Trajectory, ...]
    env_seeds: tuple[int, ...] = ()


BEGUN_WITH = ("random", "noised", "imported")
"""What a run began with, as `episodes_of_run` is told: random play, the expert noised, episodes of other runs."""


def read_policy(path: Path) -> Policy:
    """The policy in a file. Raises: RunError: it cannot be read, or holds none."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(path.read_bytes())
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}). Expected a policy's {SUFFIX} file.") from error
    except SafetensorError as error:
        raise RunError(f"{path} is no safetensors file ({error}).") from error
    lacking = [name for name in NEEDED if name not in tensors]
    if lacking:
        raise RunError(
            f"{path} holds no policy: it lacks {', '.join(lacking)}. Expected a file from a run's `policies/`, or from "
            "`rewardsmith train --policy FILE`."
        )
    return Policy(tensors=tensors)


def write_policy(path: Path, policy: Policy) -> None:
    """Write a policy to a file, whole or not at all. Raises: RunError: it cannot be written there."""
    artefacts.write(path, artefacts.tensors_to_bytes(policy.tensors))


def of_run(text: str, runs: Path, candidate: str = "") -> FromRun:
    """What the run that `text` means keeps of `candidate`; of the winner, or the best so far, where none is named.

    Raises: RunError: no such run, it has judged nothing, or not this candidate. UsageError: no such candidate.
    """
    with Run.open(Run.resolve(text, runs), write=False) as run:
        name, _, judged = _named(run, candidate)
        return FromRun(name=name, task=run.task, judged=judged)


def episodes_of_run(text: str, runs: Path, word: str = "") -> Kept:
    """The episodes that the run which `text` means keeps of a candidate, or began with where `word` is in `BEGUN_WITH`.

    Raises: as `of_run`. UsageError: it keeps none of these.
    """
    with Run.open(Run.resolve(text, runs), write=False) as run:
        kept = _begun_with(run, word) if word in BEGUN_WITH else _of_candidate(run, word)
        if not kept.episodes:
            setting = {"random": "pool.random", "imported": "--trajectories"}.get(word, "judge.keep")
            raise UsageError(f"{run.folder.name} keeps no episode of '{kept.name}' ({setting}).")
        return kept


def episodes_in_file(path: Path, task: Task) -> Kept:
    """The episodes in a file of `rewardsmith trajectories`.

    Raises: ConfigError: it cannot be read, or is of another task. UsageError: it holds none.
    """
    from rewardsmith.store.sharing import read_shared

    found = read_shared([path], task)
    if not found:
        raise UsageError(f"{path} holds no episode.")
    return Kept(name=path.stem, task=task, episodes=_worst_first(found))


def _of_candidate(run: Run, candidate: str) -> Kept:
    name, generation, judged = _named(run, candidate)
    seeds = env_seeds(stream(run.config.seed, generation, "judge"), run.config.judge.episodes)
    return Kept(name=name, task=run.task, episodes=tuple(judged.trajectories), env_seeds=tuple(seeds))


def _begun_with(run: Run, word: str) -> Kept:
    known, config = run.start_trajectories() or (), run.config
    match word:
        case "random":
            seeds = env_seeds(stream(config.seed, 0, "random"), max(2, config.pool.random))
        case "noised":
            seeds = env_seeds(stream(config.seed, 0, "noised"), max(2, config.judge.keep))
        case _:
            seeds = []
    mine = [t for t in known if (t.source if t.source in BEGUN_WITH else "imported") == word]
    return Kept(name=word, task=run.task, episodes=_worst_first(mine), env_seeds=tuple(seeds))


def _worst_first(episodes: Sequence[Trajectory]) -> tuple[Trajectory, ...]:
    return tuple(sorted(episodes, key=lambda t: t.fitness))


def _named(run: Run, candidate: str) -> tuple[str, int, Judged]:
    """A candidate's name, its generation and outcome; the winner's, or the best's so far, where none is named."""
    known = dict(_judged(run))
    name = candidate or _winner(run)
    if name not in known:
        raise _lacks(run, name, known)
    return name, *known[name]


def _judged(run: Run) -> Iterator[tuple[str, tuple[int, Judged]]]:
    """Everything the run has judged, by name, with the generation whose seeds it was judged on."""
    for generation in run.history():
        for attempt in generation.attempts:
            if isinstance(attempt.outcome, Judged):
                yield attempt.id, (generation.index, attempt.outcome)
    for reference in run.references() or ():
        if isinstance(reference.outcome, Judged):
            yield reference.name, (0, reference.outcome)


def _winner(run: Run) -> str:
    final, best = run.final(), run.best()
    if final is not None:
        return final.winner
    if best is None:
        raise RunError(f"{run.folder} has judged no candidate yet, so it keeps no policy to look at.")
    return best.id


def _lacks(run: Run, name: str, known: dict[str, tuple[int, Judged]]) -> RunError | UsageError:
    listed = ", ".join(known) or "none yet"
    attempt = next((a for g in run.history() for a in g.attempts if a.id == name), None)
    if attempt is None:
        return UsageError(f"{run.folder.name} has no candidate '{name}'.{did_you_mean(name, known)} Judged: {listed}.")
    return RunError(f"{run.folder.name} keeps no policy of '{name}': {_fate(attempt)}. Judged: {listed}.")


def _fate(attempt: Attempt) -> str:
    from rewardsmith.store.pages import outcome_words

    return outcome_words(attempt.outcome, unit="1").rstrip(".")
