"""What is measured before the first generation: random play, policies under the reference rewards, the expert noised.

Each is played once a run and kept with it, since a resumed run must know the same; see `session.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rewardsmith import judge, train
from rewardsmith.config import EvolveConfig
from rewardsmith.evolve import during
from rewardsmith.interfaces import Learner, RewardFn, SimulatorFactory, Trainee, Watcher
from rewardsmith.readings import Readings
from rewardsmith.repeats import Streams, judged_by_seed
from rewardsmith.seeds import stream
from rewardsmith.types import Judged, ReferenceResult, Rejected, Task, Trajectory

Kind = Literal["expert", "sparse"]


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
    rewards: dict[Kind, RewardFn] = {"sparse": train.sparse_reward(readings)}
    if task.references.expert:
        rewards["expert"] = train.expert_reward(readings)
    found = judged_by_seed(
        [Trainee(id=name, reward=reward, verified=None) for name, reward in rewards.items()],
        {
            seed: Streams(
                train=stream(seed, 0, "references"), judge=stream(seed, 0, "judge"), finals=stream(seed, 0, "finals")
            )
            for seed in seeds
        },
        task, learner, simulator,
        episodes=config.judge.episodes, keep=config.judge.keep, final_episodes=config.judge.final_episodes, watch=watch,
    )  # fmt: skip
    return {
        seed: tuple(ReferenceResult(name=name, outcome=r.outcome) for name, r in zip(rewards, repeated, strict=True))
        for seed, repeated in found.items()
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
