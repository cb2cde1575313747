"""Trajectories come back from their file as they went in, and a file that does not fit is refused with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from rewardsmith.errors import RunError
from rewardsmith.store import artefacts
from rewardsmith.store.episodes import HEADER, NotEpisodes, StoredTrajectories, from_bytes, to_bytes
from rewardsmith.types import Trajectory


def _trajectory(
    steps: int = 3, *, expert: bool = True, success: bool | None = True, fitness: float = 1.5
) -> Trajectory:
    draw = torch.Generator().manual_seed(steps)
    return Trajectory(
        source="g001-00",
        signals={
            "speed": torch.rand(steps + 1, generator=draw),
            "place": torch.rand(steps + 1, 2, generator=draw),
        },
        actions=torch.rand(steps, 4, generator=draw),
        fitness_steps=torch.rand(steps, generator=draw),
        expert=torch.rand(steps, generator=draw) if expert else None,
        fitness=fitness,
        success=success,
        terminated=True,
        env_seed=None if steps % 2 else 2**31 - steps,
    )


def _same(one: Trajectory, other: Trajectory) -> bool:
    labels = [(t.source, t.fitness, t.success, t.terminated, t.env_seed, sorted(t.signals)) for t in (one, other)]
    return (
        labels[0] == labels[1]
        and all(torch.equal(value, other.signals[name]) for name, value in one.signals.items())
        and torch.equal(one.actions, other.actions)
        and torch.equal(one.fitness_steps, other.fitness_steps)
        and (
            one.expert is other.expert
            if one.expert is None or other.expert is None
            else torch.equal(one.expert, other.expert)
        )
    )


trajectories = st.lists(
    st.builds(
        _trajectory,
        st.integers(1, 6),
        expert=st.booleans(),
        success=st.none() | st.booleans(),
        fitness=st.floats(allow_nan=False, allow_infinity=False),
    ),
    max_size=3,
)


@settings(max_examples=30, deadline=None)
@given(trajectories)
def test_trajectories_come_back_as_they_went_in(given: Sequence[Trajectory]) -> None:
    found, about = from_bytes(to_bytes(given, about={"task": "hop"}))
    assert about == {"task": "hop"}
    assert len(found) == len(given)
    assert all(_same(one, other) for one, other in zip(given, found, strict=True))


def test_equal_trajectories_have_equal_files() -> None:
    assert to_bytes([_trajectory()]) == to_bytes([_trajectory()])


def _broken(**changed: torch.Tensor) -> bytes:
    """A file of one episode of three steps in which some tensors are others."""
    whole = {
        "0/actions": torch.zeros(3, 1), "0/fitness_steps": torch.zeros(3), "0/signals/speed": torch.zeros(4),
    }  # fmt: skip
    label = {"source": "random", "fitness": 0.0, "success": None, "terminated": False}
    header = json.dumps({"about": {}, "episodes": [label]})
    return bytes(save({**whole, **changed}, metadata={HEADER: header}))


def _labelled(**changes: object) -> bytes:
    label = {"source": "random", "fitness": 0.0, "success": None, "terminated": False} | changes
    header = json.dumps({"about": {}, "episodes": [label]})
    return bytes(save({"0/actions": torch.zeros(3, 1), "0/fitness_steps": torch.zeros(3)}, metadata={HEADER: header}))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"nothing of the kind", "no safetensors file"),
        (bytes(save({"w": torch.zeros(1)})), "no header 'rewardsmith'"),
        (bytes(save({"w": torch.zeros(1)}, metadata={HEADER: "[]"})), "no header 'rewardsmith'"),
        (_broken(**{"1/actions": torch.zeros(3, 1)}), "belongs to no episode"),
        (_broken(**{"0/signals/speed": torch.zeros(3)}), "'signals/speed' has the shape"),
        (_broken(**{"0/expert": torch.zeros(4)}), "'expert' has the shape"),
        (_broken(**{"0/other": torch.zeros(3)}), "'other' has the shape"),
        (_broken(**{"0/fitness_steps": torch.tensor([0.0, float("nan"), 0.0])}), "no finite number"),
        (_broken(**{"0/actions": torch.zeros(3, 1, dtype=torch.int64)}), "no finite number"),
        (_labelled(fitness=True), "label of an episode"),
        (_labelled(source="a\nb"), "label of an episode"),
        (_labelled(source="a" * 201), "label of an episode"),
        (_labelled(success="yes"), "label of an episode"),
        (_labelled(env_seed=-1), "label of an episode"),
        (_labelled(env_seed=True), "label of an episode"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(NotEpisodes, match=why):
        from_bytes(content)


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[Sequence[Trajectory]], StoredTrajectories]:
    def store(trajectories: Sequence[Trajectory]) -> StoredTrajectories:
        sha = artefacts.write(tmp_path / "a.safetensors", to_bytes(trajectories))
        return StoredTrajectories(tmp_path, "a.safetensors", expected=sha, count=len(trajectories))

    return store


def test_stored_trajectories_are_read_at_first_use(
    stored: Callable[[Sequence[Trajectory]], StoredTrajectories], tmp_path: Path
) -> None:
    given = [_trajectory(2), _trajectory(5)]
    found = stored(given)
    assert len(found) == 2
    assert _same(found[-1], given[-1])
    assert all(_same(one, other) for one, other in zip(found, given, strict=True))
    assert [t.source for t in found[:1]] == ["g001-00"]
    (tmp_path / "a.safetensors").unlink()
    assert _same(found[0], given[0])


def test_damaged_trajectories_are_named(
    stored: Callable[[Sequence[Trajectory]], StoredTrajectories], tmp_path: Path
) -> None:
    found = stored([replace(_trajectory(), expert=None)])
    (tmp_path / "a.safetensors").write_bytes(b"torn")
    assert len(found) == 1
    with pytest.raises(RunError, match=r"a\.safetensors is damaged"):
        list(found)
