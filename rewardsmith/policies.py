"""The policies a person can name: one that a run keeps, or a file that `rewardsmith train --policy` wrote.

Reading only. What a policy does with what it sees is `learn/policy.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.errors import RunError, UsageError, did_you_mean
from rewardsmith.seeds import env_seeds, stream
from rewardsmith.store import Run, artefacts
from rewardsmith.types import Attempt, Judged, Policy, Task

SUFFIX = ".safetensors"
NEEDED = ("actor.0.weight", "actor.0.bias", "log_std", "obs_mean", "obs_var", "action_low", "action_high", "activation")
"""What every policy's file holds, whatever its size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FromRun:
    """A candidate, or a reference, as its run judged it, and the seeds of the environments it was judged in."""

    name: str
    run: str
    task: Task
    judged: Judged
    judge_seeds: tuple[int, ...]


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
        known = dict(_judged(run))
        name = candidate or _winner(run)
        if name not in known:
            raise _lacks(run, name, known)
        generation, judged = known[name]
        seed = stream(run.config.seed, generation, "judge")
        return FromRun(
            name=name,
            run=run.folder.name,
            task=run.task,
            judged=judged,
            judge_seeds=tuple(env_seeds(seed, run.config.judge.episodes)),
        )


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
