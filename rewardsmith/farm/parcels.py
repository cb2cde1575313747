"""What crosses between machines: a group's trainings and legs as one parcel out, the trainings as they then stand back.

Parcels are pickled by Ray or submitit, between processes of ours on machines that trust one another; none is ever part
of a run's folder. A reward crosses as its checked text and is checked anew where it arrives, never as code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rewardsmith.errors import FarmError
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import RewardFn, SimulatorFactory, Trainee
from rewardsmith.learn.checkpoint import DECISIVE, Standing
from rewardsmith.learn.crew import Here, Job, Stretch, torch_threads
from rewardsmith.learn.training import Seeds, Training
from rewardsmith.readings import Readings
from rewardsmith.train import ReferenceReward, expert_reward, graph_reward, sparse_reward
from rewardsmith.types import Task
from rewardsmith.versions import installed


@dataclass(frozen=True, kw_only=True, slots=True)
class Traced:
    """A candidate's reward: its graph's text."""

    text: str


Reward = Traced | Literal["expert", "sparse"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One training on its way: whose it is, under which reward and seeds, and how it stands."""

    id: str
    reward: Reward
    seeds: Seeds
    standing: Standing


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """All that a machine needs to take a group through some legs, using `cores` of its own."""

    job: Job
    legs: tuple[Stretch, ...]
    group: tuple[Sent, ...]
    simulator: SimulatorFactory
    cores: int
    versions: Mapping[str, str]


def pack(
    group: Sequence[Training], legs: Sequence[Stretch], job: Job, *, simulator: SimulatorFactory, cores: int
) -> Parcel:
    """The parcel for a group. Raises: FarmError: a reward is neither traced nor a reference."""
    return Parcel(
        job=job,
        legs=tuple(legs),
        group=tuple(
            Sent(id=t.trainee.id, reward=_reward(t.trainee), seeds=t.seeds, standing=t.standing()) for t in group
        ),
        simulator=simulator,
        cores=cores,
        versions=decisive_versions(),
    )


def work(parcel: Parcel) -> dict[str, Standing]:
    """Train what is in the parcel, on the machine this runs on; how each training then stands, by id.

    Raises: FarmError: packages here differ from those where the run is.
    """
    _refuse_other_versions(parcel.versions)
    group = [_training(sent, parcel.job) for sent in parcel.group]
    with torch_threads(parcel.job.settings.threads):
        Here(parcel.simulator, cores=parcel.cores).train(group, parcel.legs, parcel.job, lambda _: None)
    return {t.trainee.id: t.standing() for t in group}


def decisive_versions() -> dict[str, str]:
    """The versions here that decide a training's numbers; what is not installed is left out."""
    return installed(DECISIVE)


def _reward(trainee: Trainee) -> Reward:
    if trainee.verified is not None:
        return Traced(text=trainee.verified.graph.to_json())
    if isinstance(trainee.reward, ReferenceReward):
        return trainee.reward.kind
    raise FarmError(
        f"The reward of '{trainee.id}' is plain Python, which is not sent to other machines. Train it with "
        "train.where=here."
    )


def _training(sent: Sent, job: Job) -> Training:
    trainee = Trainee(id=sent.id, reward=_reward_fn(sent.reward, job.task), verified=None)
    training = Training(trainee, sent.standing.state, job.settings, seeds=sent.seeds)
    training.go_on_from(sent.standing)
    return training


def _reward_fn(reward: Reward, task: Task) -> RewardFn:
    """The reward, made anew. Raises: GraphError: the text is not a graph that may run."""
    readings = Readings(task)
    match reward:
        case Traced(text=text):
            return graph_reward(RewardGraph.from_json(text, signals=allowed_inputs(task)), readings)
        case "expert":
            return expert_reward(readings)
        case "sparse":
            return sparse_reward(readings)


def _refuse_other_versions(wanted: Mapping[str, str]) -> None:
    here = decisive_versions()
    other = [f"{name} {here.get(name, 'missing')} (the run has {number})" for name, number in wanted.items()
             if here.get(name) != number]  # fmt: skip
    if other:
        raise FarmError(
            f"This machine has other packages than the one the run is on: {', '.join(other)}. Results would differ; "
            "install the same versions on all machines."
        )
