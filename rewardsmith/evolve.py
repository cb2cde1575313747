"""The loop, on one page: ask for rewards, verify them, train under them, judge the policies, tell, ask again.

`evolve` is a generator of finished generations. It neither logs, prints nor writes: a progress display, the ledger and
the report consume what it yields. Resuming a run is calling it with the history that its ledger holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from rewardsmith import drafting, feedback, judge, screen, train
from rewardsmith.archive import Archive
from rewardsmith.budget import Budget
from rewardsmith.config import EvolveConfig
from rewardsmith.interfaces import Brief, Parts, Progress, Scene, Watcher
from rewardsmith.play import random_states, ranges_of
from rewardsmith.pool import Pool
from rewardsmith.repeats import Repeats
from rewardsmith.seeds import stream
from rewardsmith.types import Attempt, Generation, Task, Trajectory


def evolve(
    task: Task, parts: Parts, config: EvolveConfig, history: Sequence[Generation] = (), start: Sequence[Trajectory] = ()
) -> Iterator[Generation]:
    """Yield finished generations until all are bred; replaying `history` is how a run resumes.

    `start` are the episodes that the run knows before its first candidate.

    Raises: LimitReached: a limit is reached before the next generation; the message says which.
    """
    archive, budget = Archive.replay(history, config.search), Budget(config.limits, history, gauges=parts.gauges)
    pool = Pool.replay(history, config.pool, start=start)
    states = random_states(task, parts.simulator, seed=stream(config.seed, 0, "probe"))
    while not archive.complete:
        budget.check()
        index = archive.next_index
        chain = archive.chain_of(index)
        watch = during(index, parts.watch)
        people = parts.people.said_before(index)
        archive.hear(people)
        turns = archive.lineage(chain)
        batch = _drafts(archive, pool, task, parts, config, index=index, states=states)
        batch = screen.rank(
            batch, task, config,
            known=archive.attempts(), trajectories=pool.trajectories, seed=stream(config.seed, index, "screen"),
        )  # fmt: skip
        repeats = Repeats(batch, count=config.train.seeds)
        batch = repeats.apart()
        seeds = [stream(config.seed, index, "train", number) for number in range(config.train.seeds)]
        starts = train.parents_policies(batch, archive.attempts()) if config.train.warm_start else {}
        batch = train.run(
            batch, task, parts.learner, seed=seeds[0], watch=watch, starts=starts, seeds=repeats.seeds(seeds)
        )
        batch = judge.score(
            batch, task, parts.simulator,
            seed=stream(config.seed, index, "judge"), episodes=config.judge.episodes, keep=config.judge.keep,
            watch=watch,
        )  # fmt: skip
        batch = repeats.medians(batch)
        pool.add(batch, generation=index)
        scene = Scene(task=task, batch=batch, turns=turns, trajectories=pool.trajectories)
        batch = feedback.comment(batch, scene, parts.sources)
        generation = Generation(
            index=index, chain=chain, attempts=batch, people=people, parents=tuple(a.id for a in turns[-1:])
        )
        archive.add(generation)
        budget.charge(batch)
        yield generation


def _drafts(
    archive: Archive,
    pool: Pool,
    task: Task,
    parts: Parts,
    config: EvolveConfig,
    *,
    index: int,
    states: Mapping[str, Tensor],
) -> tuple[Attempt, ...]:
    """Generation 0 is what a person seeded; every later one is asked for, or refitted to what is known."""
    if index == 0:
        return drafting.seeded(parts, task, states=states)
    chain = archive.chain_of(index)
    brief = Brief(
        task=task,
        turns=archive.lineage(chain),
        siblings=archive.siblings(chain),
        earlier=archive.earlier(chain),
        people=archive.people(chain),
        env_steps=config.train.env_steps,
        gamma=config.train.gamma,
        anchors=parts.anchors,
        ranges=ranges_of(task, states),
    )
    return drafting.draft(brief, parts, config, generation=index, states=states, known=pool.trajectories)


def during(generation: int, watch: Watcher) -> Watcher:
    """`watch`, told which generation is under way."""

    def tell(progress: Progress) -> None:
        watch(replace(progress, generation=generation))

    return tell
