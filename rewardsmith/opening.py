"""What is measured before the first generation: random play, policies under the reference rewards, the expert noised.

Each is played once a run and kept with it, since a resumed run must know the same; see `session.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rewardsmith import judge, train
from rewardsmith.config import EvolveConfig
from rewardsmith.evolve import during
from rewardsmith.interfaces import Learner, RewardFn, SimulatorFactory, Trainee, Watcher
from rewardsmith.readings import Readings
from rewardsmith.seeds import stream
from rewardsmith.types import Judged, ReferenceResult, Rejected, Score, Task, Trained, Trajectory


def random_episodes(
    task: Task, simulator: SimulatorFactory, config: EvolveConfig, *, watch: Watcher
) -> tuple[Trajectory, ...]:
    """Whole episodes of random actions, worst first; none where random actions give no finite fitness."""
    count = config.pool.random
    if not count:
        return ()
    played = judge.play_random(
        task, simulator, seed=stream(config.seed, 0, "random"), episodes=max(2, count), watch=during(0, watch),
        keep=count,
    )  # fmt: skip
    return () if isinstance(played, Rejected) else played.trajectories


def references(
    task: Task, learner: Learner, simulator: SimulatorFactory, config: EvolveConfig, *, watch: Watcher
) -> tuple[ReferenceResult, ...]:
    """Policies under the expert's and the sparse reward, trained and judged with a candidate's own budget.

    The score is over the final episodes; the trajectories are of judge seeds, since no screen may know the final ones.
    """
    return references_by_seed([config.seed], task, learner, simulator, config, watch=watch)[config.seed]


def references_by_seed(
    seeds: Sequence[int],
    task: Task,
    learner: Learner,
    simulator: SimulatorFactory,
    config: EvolveConfig,
    *,
    watch: Watcher,
) -> dict[int, tuple[ReferenceResult, ...]]:
    """What `references` gives under each of `seeds`, all trained side by side."""
    readings, watch = Readings(task), during(0, watch)
    rewards: dict[str, RewardFn] = {"sparse": train.sparse_reward(readings)}
    if task.references.expert:
        rewards["expert"] = train.expert_reward(readings)
    own = {seed: stream(seed, 0, "references") for seed in seeds}
    trainees = {
        (seed, name): Trainee(
            id=name if len(own) == 1 else f"{name}, seed {seed}", reward=reward, verified=None, seed=own[seed]
        )
        for seed in own
        for name, reward in rewards.items()
    }
    trained = learner.train(list(trainees.values()), task, seed=own[seeds[0]], watch=watch, race=False)
    outcomes = {which: outcome for which, (outcome, _) in zip(trainees, trained, strict=True)}
    return {
        seed: _references({name: outcomes[seed, name] for name in rewards}, task, simulator, config, watch, seed=seed)
        for seed in own
    }


def noised_expert(
    task: Task,
    measured: Sequence[ReferenceResult],
    simulator: SimulatorFactory,
    config: EvolveConfig,
    *,
    watch: Watcher,
) -> tuple[Trajectory, ...]:
    """Whole episodes of the expert's policy with noise on its actions, worst first, for a screen that asks for them."""
    policies = [r.outcome.policy for r in measured if r.name == "expert" and isinstance(r.outcome, Judged)]
    count = config.judge.keep
    if not policies or not count or not config.screen.demonstration:
        return ()
    played = judge.play_noised(
        policies[0], task, simulator,
        seed=stream(config.seed, 0, "noised"), episodes=max(2, count), watch=during(0, watch), keep=count,
    )  # fmt: skip
    return () if isinstance(played, Rejected) else played.trajectories


def _references(
    results: dict[str, Trained | Rejected],
    task: Task,
    simulator: SimulatorFactory,
    config: EvolveConfig,
    watch: Watcher,
    *,
    seed: int,
) -> tuple[ReferenceResult, ...]:
    """Each by its better checkpoint, then measured again like a winner."""
    trained = [(name, r) for name, r in results.items() if isinstance(r, Trained)]
    settings = config.judge
    chosen = judge.outcomes(
        trained, task, simulator,
        seed=stream(seed, 0, "judge"), episodes=settings.episodes, watch=watch, keep=settings.keep,
    )  # fmt: skip
    policies = [j.policy for j in chosen if isinstance(j, Judged)]
    finals = stream(seed, 0, "finals")
    again = iter(judge.measure(policies, task, simulator, seed=finals, episodes=settings.final_episodes, watch=watch))
    scored = [j if isinstance(j, Rejected) else _rescored(j, next(again)) for j in chosen]
    found = dict(zip((name for name, _ in trained), scored, strict=True))
    return tuple(
        ReferenceResult(
            name="expert" if name == "expert" else "sparse", outcome=r if isinstance(r, Rejected) else found[name]
        )
        for name, r in results.items()
    )


def _rescored(judged: Judged, score: Score | Rejected) -> Judged | Rejected:
    return score if isinstance(score, Rejected) else replace(judged, score=score)
