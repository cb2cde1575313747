"""The loop, on one page: ask for rewards, verify them, train under them, judge the policies, tell, ask again.

`evolve` is a generator of finished generations. It neither logs, prints nor writes: a progress display, the ledger and
the report consume what it yields. Resuming a run is calling it with the history that its ledger holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from rewardsmith import drafting, feedback, judge, train
from rewardsmith.archive import Archive
from rewardsmith.budget import Budget
from rewardsmith.config import EvolveConfig
from rewardsmith.interfaces import Brief, Learner, Parts, Progress, RewardFn, Scene, SimulatorFactory, Trainee, Watcher
from rewardsmith.play import random_states
from rewardsmith.readings import Readings
from rewardsmith.seeds import stream
from rewardsmith.types import Attempt, Final, Generation, Judged, ReferenceResult, Rejected, Task, Trained


def evolve(task: Task, parts: Parts, config: EvolveConfig, history: Sequence[Generation] = ()) -> Iterator[Generation]:
    """Yield finished generations until all are bred or a limit is reached; replaying `history` is how a run resumes."""
    archive, budget = Archive.replay(history, config.search), Budget(config.limits, history)
    states = random_states(task, parts.simulator, seed=stream(config.seed, 0, "probe"))
    while not archive.complete and budget.exceeded() is None:
        index = archive.next_index
        chain = archive.chain_of(index)
        watch = _during(index, parts.watch)
        people = parts.people.said_before(index)
        archive.hear(people)
        turns = archive.lineage(chain)
        batch = _drafts(archive, task, parts, config, index=index, states=states)
        batch = train.run(batch, task, parts.learner, seed=stream(config.seed, index, "train"), watch=watch)
        batch = judge.score(
            batch, task, parts.simulator,
            seed=stream(config.seed, index, "judge"), episodes=config.judge.episodes, watch=watch,
        )  # fmt: skip
        batch = feedback.comment(batch, Scene(task=task, batch=batch), parts.sources)
        generation = Generation(
            index=index, chain=chain, attempts=batch, people=people, parents=tuple(a.id for a in turns[-1:])
        )
        archive.add(generation)
        budget.charge(batch)
        yield generation


def _drafts(
    archive: Archive, task: Task, parts: Parts, config: EvolveConfig, *, index: int, states: Mapping[str, Tensor]
) -> tuple[Attempt, ...]:
    """Generation 0 is what a person seeded; every later one is asked for."""
    if index == 0:
        return drafting.seeded(parts, task, states=states)
    chain = archive.chain_of(index)
    brief = Brief(
        task=task,
        turns=archive.lineage(chain),
        siblings=archive.siblings(chain),
        people=archive.people(chain),
        env_steps=config.train.env_steps,
        gamma=config.train.gamma,
        anchors=parts.anchors,
        ranges={s.name: (float(states[s.name].min()), float(states[s.name].max())) for s in task.signals},
    )
    return drafting.draft(brief, parts, config, generation=index, states=states)


def references(
    task: Task, learner: Learner, simulator: SimulatorFactory, config: EvolveConfig, *, watch: Watcher
) -> tuple[ReferenceResult, ...]:
    """Policies under the expert's and the sparse reward, trained and judged with a candidate's own budget."""
    readings, watch = Readings(task), _during(0, watch)
    rewards: dict[str, RewardFn] = {"sparse": train.sparse_reward(readings)}
    if task.references.expert:
        rewards["expert"] = train.expert_reward(readings)
    trainees = [Trainee(id=name, reward=reward, verified=None) for name, reward in rewards.items()]
    seed = stream(config.seed, 0, "references")
    results = [outcome for outcome, _ in learner.train(trainees, task, seed=seed, watch=watch)]
    policies = [r.policy for r in results if isinstance(r, Trained)]
    scores = iter(
        judge.measure(
            policies,
            task,
            simulator,
            seed=stream(config.seed, 0, "finals"),
            episodes=config.judge.final_episodes,
            watch=watch,
        )
    )
    return tuple(
        ReferenceResult(
            name="expert" if t.id == "expert" else "sparse",
            outcome=r if isinstance(r, Rejected) else judge.judged(r, next(scores)),
        )
        for t, r in zip(trainees, results, strict=True)
    )


def finish(
    task: Task, parts: Parts, config: EvolveConfig, history: Sequence[Generation],
    measured: Sequence[ReferenceResult] = (),
) -> Final | Rejected | None:  # fmt: skip
    """The winner, measured again on seeds nobody selected on; `Rejected` where that gives no finite fitness.

    None where nothing was judged.
    """
    winner = Archive.replay(history, config.search).best()
    if winner is None or not isinstance(winner.outcome, Judged):
        return None
    [score] = judge.measure(
        [winner.outcome.policy], task, parts.simulator,
        seed=stream(config.seed, 0, "finals"), episodes=config.judge.final_episodes,
        watch=_during(len(history), parts.watch),
    )  # fmt: skip
    if isinstance(score, Rejected):
        return score
    normalised, note = judge.human_normalised(score, measured) if measured else (None, "")
    return Final(
        winner=winner.id,
        score=score,
        references=tuple((r.name, r.outcome.score) for r in measured if isinstance(r.outcome, Judged)),
        human_normalised=normalised,
        human_normalised_note=note,
    )


def _during(generation: int, watch: Watcher) -> Watcher:
    """`watch`, told which generation is under way."""

    def tell(progress: Progress) -> None:
        watch(replace(progress, generation=generation))

    return tell
