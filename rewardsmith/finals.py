"""What is measured after the last generation: the finalists on seeds nobody selected on, and in disturbed worlds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rewardsmith import judge
from rewardsmith.archive import Archive
from rewardsmith.config import EvolveConfig
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Parts, Progress, Watcher
from rewardsmith.measures.normalised import human_normalised
from rewardsmith.seeds import stream
from rewardsmith.types import (
    Attempt,
    Disturbance,
    Disturbed,
    Final,
    Generation,
    Judged,
    Measured,
    Probe,
    ReferenceResult,
    Rejected,
    Task,
)

FACTORS: dict[Disturbed, float] = {"reset_noise": 3.0, "mass": 1.3, "friction": 0.6, "horizon": 2.0}
"""How much each quantity is changed: enough to upset a policy that fits one world alone, not enough to make another."""


def finish(
    task: Task, parts: Parts, config: EvolveConfig, history: Sequence[Generation],
    measured: Sequence[ReferenceResult] = (),
) -> Final | Rejected | None:  # fmt: skip
    """The winner, measured again on seeds nobody selected on; `Rejected` where that gives no finite fitness.

    None where nothing was judged. `measured` are the references, where the run has any.
    """
    archive = Archive.replay(history, config.search)
    archive.hear(parts.people.said_after(len(history)))
    finalists = archive.finalists(config.judge.finalists)
    if not finalists:
        return None
    parts = replace(parts, watch=_in_finals(len(history), parts.watch))
    again = _measured(finalists, task, parts, config, episodes=config.judge.final_episodes)
    winner = again[0]
    if isinstance(winner.score, Rejected):
        return winner.score
    normalised, note = human_normalised(winner.score, measured) if measured else (None, "")
    return Final(
        winner=winner.id,
        score=winner.score,
        references=tuple((r.name, r.outcome.score) for r in measured if isinstance(r.outcome, Judged)),
        human_normalised=normalised,
        human_normalised_note=note,
        finalists=again,
        probes=tuple(_probe(kind, finalists, task, parts, config) for kind in config.judge.probes),
    )


def _in_finals(generation: int, watch: Watcher) -> Watcher:
    """`watch`, told that finals are under way: where a limit ended the run, no generation `generation` is judged."""

    def tell(progress: Progress) -> None:
        watch(replace(progress, generation=generation, stage="finals"))

    return tell


def _probe(kind: Disturbed, finalists: Sequence[Attempt], task: Task, parts: Parts, config: EvolveConfig) -> Probe:
    """The finalists on the first of the final seeds in a world that differs in one respect; or why it cannot.

    A world that cannot be made or played is one more that is refused: it does not end a run whose winner is known.
    """
    disturbance = Disturbance(kind=kind, factor=FACTORS[kind])
    changed = disturbed(task, disturbance)
    try:
        if (refused := _refusal(changed, parts)) is not None:
            return Probe(disturbance=disturbance, refused=refused)
        scores = _measured(finalists, changed, parts, config, episodes=config.judge.episodes)
    except ConfigError as fault:
        return Probe(disturbance=disturbance, refused=str(fault))
    return Probe(disturbance=disturbance, scores=scores)


def _refusal(changed: Task, parts: Parts) -> str | None:
    """Why the simulator cannot make that world; None where it can, or where nothing is asked of it."""
    if changed.env.disturbance is None:
        return None
    return parts.refuses(changed) if parts.refuses else "This simulator offers no disturbances."


def disturbed(task: Task, disturbance: Disturbance) -> Task:
    """The task in another world. A longer horizon needs nothing of the simulator: it is the episode's length."""
    if disturbance.kind == "horizon":
        return replace(task, episode_steps=round(task.episode_steps * disturbance.factor))
    return replace(task, env=replace(task.env, disturbance=disturbance))


def _measured(
    finalists: Sequence[Attempt], task: Task, parts: Parts, config: EvolveConfig, *, episodes: int
) -> tuple[Measured, ...]:
    policies = [a.outcome.policy for a in finalists if isinstance(a.outcome, Judged)]
    seed = stream(config.seed, 0, "finals")
    scores = judge.measure(policies, task, parts.simulator, seed=seed, episodes=episodes, watch=parts.watch)
    return tuple(Measured(id=a.id, score=s) for a, s in zip(finalists, scores, strict=True))
