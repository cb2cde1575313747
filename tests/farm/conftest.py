"""A population with traced and reference rewards on the point task, small enough to train again and again."""

from __future__ import annotations

import functools
import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
import torch

from rewardsmith import farm, sim, train
from rewardsmith.config import FarmSettings, RaceSettings, TrainSettings
from rewardsmith.farm.parcels import Parcel, work
from rewardsmith.farm.remote import Lost, Remote
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.interfaces import Trainee, Watcher
from rewardsmith.learn.checkpoint import Standing
from rewardsmith.learn.ppo import Outcome, PopulationPPO
from rewardsmith.readings import Readings
from rewardsmith.sim.point import point_task
from rewardsmith.types import Trained, Verified

TASK = point_task(episode_steps=7)
RACE = RaceSettings(keep=0.5, finalists=1, doubt=0.01, solved=None, patience=None)


def traced(factor: float) -> Trainee:
    """A candidate whose reward is so many times the distance, as a checked graph."""
    text = json.dumps(
        {
            "version": 1,
            "inputs": ["distance"],
            "unused": [],
            "constants": [],
            "nodes": [{"op": "mul.Tensor", "args": [{"t": 0}, factor], "kwargs": {}}],
            "total": {"t": 1},
            "components": [["near", {"t": 1}]],
        }
    )
    graph = RewardGraph.from_json(text, signals=allowed_inputs(TASK))
    readings = Readings(TASK)
    return Trainee(id=f"x {factor}", reward=train.graph_reward(graph, readings), verified=Verified(graph=graph))


@pytest.fixture(scope="session")
def population() -> list[Trainee]:
    """Three candidates, one of them as wrong as can be, one with a seed of its own, and both references."""
    readings = Readings(TASK)
    references = {"expert": train.expert_reward(readings), "sparse": train.sparse_reward(readings)}
    return [
        *(traced(factor) for factor in (-1.0, 2.0)),
        replace(traced(-0.5), seed=5),
        *(Trainee(id=name, reward=reward, verified=None) for name, reward in references.items()),
    ]


@pytest.fixture(scope="session")
def settings() -> TrainSettings:
    """15 rollouts of 64 env steps in five legs, with a race that drops somebody."""
    return TrainSettings(
        env_steps=15 * 64, num_envs=4, rollout_steps=16, epochs=2, minibatches=2, hidden=(16,), curve_points=10,
        device="cpu", legs=5, race=RACE, learning_rate=3e-3, target_kl=None, farm=FarmSettings(groups=2, cpus=1),
    )  # fmt: skip


@pytest.fixture(scope="session")
def trained(population: list[Trainee]) -> Callable[..., list[Outcome]]:
    """Trains the population where and as settings say."""

    def run(at: TrainSettings, *, racing: bool) -> list[Outcome]:
        return farm.learner(at, sim.make).train(population, TASK, seed=5, watch=lambda _: None, race=racing)

    return run


@pytest.fixture(scope="session")
def here(trained: Callable[..., list[Outcome]], settings: TrainSettings) -> Callable[[bool], list[Outcome]]:
    """What comes of the population on this machine, raced or not."""
    return functools.cache(lambda racing: trained(settings, racing=racing))


@dataclass(kw_only=True)
class Desk:
    """A farm on one desk: parcels go through pickle; machines are lost as `losses` says, by a group's first id."""

    losses: dict[str, int] = field(default_factory=dict)
    sent: list[Parcel] = field(default_factory=list)
    cleared: int = 0
    cancelled: int = 0

    def send(self, parcel: Parcel) -> _OnDesk:
        self.sent.append(parcel)
        return _OnDesk(desk=self, parcel=pickle.dumps(parcel), first=parcel.group[0].id)

    def clear(self) -> None:
        self.cleared += 1


@dataclass(kw_only=True)
class _OnDesk:
    desk: Desk
    parcel: bytes
    first: str
    asked: int = 0

    def found(self) -> Mapping[str, Standing] | Lost | None:
        self.asked += 1
        if self.asked == 1:  # a look too early
            return None
        if self.desk.losses.get(self.first, 0):
            self.desk.losses[self.first] -= 1
            return Lost(why="the power went")
        found: Mapping[str, Standing] = pickle.loads(pickle.dumps(work(pickle.loads(self.parcel))))
        return found

    def cancel(self) -> None:
        self.desk.cancelled += 1


@pytest.fixture
def desk() -> type[Desk]:
    return Desk


@pytest.fixture
def on_desk(
    settings: TrainSettings, population: list[Trainee], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Outcome]]:
    """Trains the population at a desk."""
    monkeypatch.setattr("rewardsmith.farm.remote.TELL_S", 0.0)

    def run(
        desk: Desk,
        *,
        racing: bool = True,
        trainees: Sequence[Trainee] = population,
        watch: Watcher = lambda _: None,
        at: TrainSettings = settings,
    ) -> list[Outcome]:
        learner = PopulationPPO(at, sim.make, crew=Remote(desk, at.farm, sim.make))
        return learner.train(trainees, TASK, seed=5, watch=watch, race=racing)

    return run


@pytest.fixture
def same() -> Callable[[Sequence[Outcome], Sequence[Outcome]], bool]:
    """Bit for bit the same policies, curves, stops and env steps."""

    def compare(one: Sequence[Outcome], other: Sequence[Outcome]) -> bool:
        return all(_same(a, b) for (a, _), (b, _) in zip(one, other, strict=True))

    return compare


def _same(a: object, b: object) -> bool:
    if not isinstance(a, Trained) or not isinstance(b, Trained):
        return a == b
    if a.policy.tensors.keys() != b.policy.tensors.keys():
        return False
    tensors = all(torch.equal(value, b.policy.tensors[name]) for name, value in a.policy.tensors.items())
    rest = (a.curves, a.env_steps, a.stopped, a.verified) == (b.curves, b.env_steps, b.stopped, b.verified)
    return tensors and rest
