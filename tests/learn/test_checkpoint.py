"""A training that was stopped between two legs goes on and ends bit for bit as if it had not been."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith import sim
from rewardsmith.config import RaceSettings, SacSettings, TrainSettings
from rewardsmith.interfaces import Saved, Simulator, Trainee
from rewardsmith.learn import checkpoint
from rewardsmith.learn.checkpoint import Standing
from rewardsmith.learn.curves import Episodes
from rewardsmith.learn.ppo import Outcome, Place, PopulationPPO
from rewardsmith.learn.racing import Leg, Mean
from rewardsmith.sim.point import point_task
from rewardsmith.store.checkpoints import Checkpoints
from rewardsmith.types import Checkpoint, Policy, Rejected, Stop, Trained

Named = Callable[[float], Trainee]
GAINS = (0.0, 0.5, 30.0, -2.0)
BATCH = 4 * 8
RACE = RaceSettings(keep=0.5, finalists=1, legs=1, doubt=1e-6)  # a hair's breadth decides, from the first leg on
FORGETFUL = SacSettings(warmup_steps=BATCH, batch=8, replay_steps=3 * BATCH)  # of 12 rollouts it remembers three


class Killed(Exception):
    """The process is gone."""


class Killing(Checkpoints):
    """Checkpoints of which the `last` saved is followed by a kill; `saved` is how many were, `first` the first."""

    def __init__(self, folder: Path, *, last: int | None = None) -> None:
        super().__init__(folder, before=lambda: None)
        self._last, self.saved = last, 0
        self.first: Saved | None = None

    def save(self, key: str, saved: Saved) -> None:
        super().save(key, saved)
        self.first = self.first or saved
        self.saved += 1
        if self.saved == self._last:
            raise Killed


@pytest.fixture(params=["ppo", "sac"])
def long(settings: TrainSettings, request: pytest.FixtureRequest) -> TrainSettings:
    """Three legs of two parts of two rollouts each, all of which are saved."""
    changes = {"env_steps": 12 * BATCH, "resume_steps": 2 * BATCH, "rollout_steps": 8, "legs": 3, "race": RACE}
    changes |= {"checkpoint_minutes": 0.0, "workers": 1, "epochs": 1, "algorithm": request.param, "sac": FORGETFUL}
    return settings.model_copy(update=changes)


@pytest.fixture
def population(trainee: Named) -> list[Trainee]:
    return [trainee(gain) for gain in GAINS]


def _train(
    population: Sequence[Trainee],
    settings: TrainSettings,
    kept: Checkpoints | None,
    *,
    seed: int = 3,  # one under which the race stops somebody
    race: bool = True,
    simulator: Callable[..., Simulator] = sim.make,
) -> list[Outcome]:
    learner = PopulationPPO(settings, simulator, checkpoints=kept)
    return learner.train(population, point_task(episode_steps=3), seed=seed, watch=lambda _: None, race=race)


def _kept(checkpoints: Checkpoints) -> Saved:
    """What is kept of the one training there is."""
    [file] = checkpoints.files()
    found = checkpoints.load(file.name.partition("-")[0])
    assert found is not None
    return found


def _stopped_in(checkpoints: Checkpoints) -> int:
    """How many train no further."""
    return sum(about["stop"] is not None for about in _kept(checkpoints).about["each"])


def _plain(outcomes: Sequence[Outcome]) -> list[object]:
    """All of some outcomes but the seconds, comparable."""
    return [
        (_trained(o) if isinstance(o, Trained) else o, dataclasses.replace(cost, seconds=0.0)) for o, cost in outcomes
    ]


def _trained(found: Trained) -> object:
    bare = dataclasses.replace(found, policy=Policy(tensors={}), peak=None, seconds=0.0)
    return bare, _tensors(found.policy), found.peak and (found.peak.env_steps, _tensors(found.peak.policy))


def _tensors(policy: Policy) -> dict[str, object]:
    return {name: (tensor.dtype, tensor.tolist()) for name, tensor in policy.tensors.items()}


@pytest.mark.parametrize("race", [True, False])
def test_killed_after_a_checkpoint_a_training_ends_as_the_unbroken_one(
    population: list[Trainee], long: TrainSettings, tmp_path: Path, race: bool
) -> None:
    unbroken = Killing(tmp_path / "unbroken")
    expected = _plain(_train(population, long, unbroken, race=race))
    assert unbroken.saved == 6
    assert (_stopped_in(unbroken) > 0) == race
    for last in (2, 5):  # at the end of a leg, and within one
        folder = tmp_path / f"killed-{last}"
        with pytest.raises(Killed):
            _train(population, long, Killing(folder, last=last), race=race)
        rest = Killing(folder)
        assert _plain(_train(population, long, rest, race=race)) == expected
        assert rest.saved == unbroken.saved - last


def test_where_a_training_is_kept_changes_nothing_of_it(population: list[Trainee], long: TrainSettings) -> None:
    """Nor do the points at which it could be."""
    kept = _plain(_train(population, long, None))
    again = _train(population, long.model_copy(update={"workers": 2, "checkpoint_minutes": 9.0}), None)
    assert _plain(again) == kept


def test_parts_of_a_leg_are_no_legs(population: list[Trainee], long: TrainSettings, tmp_path: Path) -> None:
    kept = Killing(tmp_path, last=5)
    with pytest.raises(Killed):
        _train(population, long, kept, race=False)
    [file] = kept.files()
    found = _kept(kept)
    assert file.name.split("-")[1] == "000000010"
    assert found.position == 10
    assert found.tensors["0/legs"].shape[0] == 2
    assert any(name.startswith("0/leg/") for name in found.tensors)


@pytest.mark.parametrize("damage", ["torn", "flipped"])
def test_from_a_damaged_checkpoint_nothing_goes_on(
    population: list[Trainee], long: TrainSettings, tmp_path: Path, damage: str
) -> None:
    expected = _plain(_train(population, long, None))
    kept = Killing(tmp_path, last=3)
    with pytest.raises(Killed):
        _train(population, long, kept)
    [file] = kept.files()
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content if damage == "flipped" else content[:-1])
    rest = Killing(tmp_path)
    assert _plain(_train(population, long, rest)) == expected
    assert rest.saved == 6


def test_nothing_is_kept_that_nobody_goes_on_from(
    population: list[Trainee], long: TrainSettings, tmp_path: Path
) -> None:
    """Neither of who lost the race nor, at the end, of anybody."""
    killed = Killing(tmp_path / "killed", last=2)
    with pytest.raises(Killed):
        _train(population, long, killed)
    found = _kept(killed)
    with_state = {int(name.split("/")[0]) for name in found.tensors if "/state/" in name}
    assert with_state == {k for k, about in enumerate(found.about["each"]) if about["stop"] is None}
    assert _stopped_in(killed) > 0
    over = Killing(tmp_path / "over")
    _train(population, long, over)
    assert [name for name in _kept(over).tensors if "/state/" in name] == []


def test_a_training_that_is_over_is_not_trained_again(
    population: list[Trainee], long: TrainSettings, tmp_path: Path
) -> None:
    rare = long.model_copy(update={"checkpoint_minutes": 1e9})  # the end is saved all the same
    expected = _plain(_train(population, rare, Killing(tmp_path)))
    made: list[int] = []

    def simulator(*args: object, **options: object) -> Simulator:
        made.append(1)
        return sim.make(*args, **options)  # type: ignore[arg-type]

    assert _plain(_train(population, rare, Killing(tmp_path), simulator=simulator)) == expected
    assert len(made) == 1, "one environment, to see how wide its observations are"


def test_a_rejection_outlives_a_kill(trainee: Named, long: TrainSettings, tmp_path: Path) -> None:
    plain = trainee(0.5)

    def late(rollout: object) -> object:
        total, components = plain.reward(rollout)  # type: ignore[arg-type]
        seen.append(1)
        return (total / 0.0 if len(seen) == 3 else total), components

    seen: list[int] = []
    population = [plain, dataclasses.replace(plain, id="late", reward=late)]  # type: ignore[arg-type]
    with pytest.raises(Killed):
        _train(population, long, Killing(tmp_path, last=3))
    [_, (outcome, cost)] = _train(population, long, Killing(tmp_path))
    assert isinstance(outcome, Rejected)
    assert "first at control step" in outcome.reason
    assert cost.env_steps == 4 * BATCH  # to the end of the part it failed in


def test_another_training_is_not_gone_on_with(trainee: Named, long: TrainSettings, tmp_path: Path) -> None:
    population = [trainee(0.5), trainee(1.0)]
    with pytest.raises(Killed):
        _train(population, long, Killing(tmp_path, last=5))
    others: list[tuple[Sequence[Trainee], TrainSettings, int]] = [
        (population, long, 2),
        ([trainee(0.5), trainee(1.5)], long, 3),
        (population[::-1], long, 3),
        ([population[0], dataclasses.replace(population[1], seed=2)], long, 3),
        (population, long.model_copy(update={"gamma": 0.9}), 3),
    ]
    for others_population, settings, seed in others:
        assert _next_saved(others_population, settings, tmp_path, seed=seed).position == 2, "it begins anew"
    assert _next_saved(population, long, tmp_path).position == 12, "the same training goes on"


def test_a_checkpoint_that_does_not_fit_is_none(trainee: Named, long: TrainSettings, tmp_path: Path) -> None:
    """Its name may be right and its content somebody's."""
    population = [trainee(0.5)]
    kept = Killing(tmp_path, last=1)
    with pytest.raises(Killed):
        _train(population, long, kept)
    key = kept.files()[0].name.partition("-")[0]
    found = _kept(kept)
    states = [name for name in found.tensors if name.startswith("0/state/")]
    elsewhere = [-2, 14] + ([4] if long.algorithm == "sac" else [])  # PPO's state does not say how far it is
    changes: tuple[dict[str, Any], ...] = (
        *({"tensors": {**found.tensors, name: torch.zeros(3, 2)}} for name in states[:1] + states[-2:]),
        {"tensors": {n: t for n, t in found.tensors.items() if n not in states}},
        *({"position": position} for position in elsewhere),
        {"tensors": {n: t for n, t in found.tensors.items() if n != "0/legs"}},
        {"about": {**found.about, "ids": ["somebody"]}},
        {"about": {}},
        {"about": {**found.about, "each": [{"env_steps": "many"}]}},
    )
    for change in changes:
        kept.clear()
        Checkpoints(tmp_path, before=lambda: None).save(key, dataclasses.replace(found, **change))
        again = _next_saved(population, long, tmp_path)
        assert again.position == found.position == 2, "it begins anew"
        assert again.tensors.keys() == found.tensors.keys()
        assert all(torch.equal(again.tensors[name], found.tensors[name]) for name in found.tensors)


def _next_saved(population: Sequence[Trainee], settings: TrainSettings, folder: Path, *, seed: int = 3) -> Saved:
    """What a training, begun or gone on with, saves first."""
    rest = Killing(folder, last=1)
    with pytest.raises(Killed):
        _train(population, settings, rest, seed=seed)
    assert rest.first is not None
    return rest.first


class Slow(Checkpoints):
    """Checkpoints that take a fifth of a second to save."""

    def save(self, key: str, saved: Saved) -> None:
        time.sleep(0.2)
        super().save(key, saved)


def test_what_takes_long_to_save_is_saved_less_often(tmp_path: Path) -> None:
    """Within the ten seconds of which a fifth of one is 2%, unless all points are asked for."""
    for every_s, due in ((1e-6, False), (0.0, True)):
        place = Place(Slow(tmp_path, before=lambda: None), "a" * 64, every_s=every_s)
        time.sleep(1e-3)
        assert place.due()
        place.save(Saved(position=1, tensors={}, about={}))
        assert place.due() == due


# --- values -----------------------------------------------------------------------------------------------------------

numbers = st.floats(allow_nan=False, width=64)
means = st.none() | st.builds(Mean, value=numbers, error=st.floats(0, math.inf), count=st.integers(1, 10**6))
legs = st.builds(
    Leg, env_steps=st.integers(0, 2**40), fitness=means, own_return=means, solved=means, gained=st.floats(0, 1e9)
)
arrays = st.lists(st.floats(width=64), max_size=3).map(np.array)


@given(
    legs=st.lists(legs, max_size=3).map(tuple),
    points=st.dictionaries(
        st.sampled_from(["reward", "component/near", "fitness"]),
        st.lists(st.tuples(st.integers(0, 2**40), numbers), max_size=3),
    ),
    own=st.lists(numbers, max_size=3).map(tuple),
    values=arrays,
    solved=st.booleans(),
    stopped=st.booleans(),
)
def test_any_standing_comes_back_as_it_was(
    legs: tuple[Leg, ...], points: dict[str, list[tuple[int, float]]], own: tuple[float, ...], values: np.ndarray,
    solved: bool, stopped: bool,
) -> None:  # fmt: skip
    state = {"weights": torch.tensor([1.0, math.pi]), "obs.seen": torch.tensor(3.0, dtype=torch.float64)}
    policy = Policy(tensors={"activation": torch.tensor(1)})
    episodes = Episodes(fitness=values, success=values if solved else None, length=values, own_return=values)
    standing = Standing(
        state=state, policy=policy, env_steps=64, legs=legs, points=points, leg=(episodes, episodes), own=own,
        fault=Rejected(stage="train", reason="ü", hint="", line=None) if stopped else None,
        stop=Stop(kind="solved", env_steps=3, why="w") if stopped else None,
        peak=(2.5, Checkpoint(policy=policy, env_steps=7)) if stopped else None,
    )  # fmt: skip
    saved = checkpoint.saved({"a": standing}, position=1, seconds=2.0, done=False)
    assert checkpoint.standings(saved, ids=["b"]) is None
    found = checkpoint.standings(saved, ids=["a"])
    assert found is not None
    same = ("env_steps", "legs", "own", "fault", "stop")
    assert [getattr(found["a"], name) for name in same] == [getattr(standing, name) for name in same]
    assert found["a"].points == points
    for one in found["a"].leg:
        np.testing.assert_array_equal(one.fitness, values)
        assert (one.success is None) == (not solved)
    assert all(torch.equal(found["a"].state[name], tensor) for name, tensor in state.items())
    assert (found["a"].peak is None) == (not stopped)
    assert checkpoint.seconds_of(saved) == 2.0
