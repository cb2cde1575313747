"""A training under way is kept whole or not at all, and what is no longer sound is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rewardsmith.errors import DiskFull
from rewardsmith.interfaces import Saved
from rewardsmith.store.checkpoints import Checkpoints, is_sound

KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def kept(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path, before=lambda: None)


def _saved(position: int) -> Saved:
    tensors = {"0/w": torch.arange(4.0)[1:3] * position, "0/count": torch.tensor(position, dtype=torch.float64)}
    return Saved(position=position, tensors=tensors, about={"ids": ["ü"]}, done=True)


def test_a_training_comes_back_as_it_was_saved_last(kept: Checkpoints) -> None:
    assert kept.load(KEY) is None
    for position in (3, 12):
        kept.save(KEY, _saved(position))
    found = kept.load(KEY)
    assert found is not None
    assert (found.position, found.about) == (12, {"ids": ["ü"]})
    assert {name: (t.dtype, t.tolist()) for name, t in found.tensors.items()} == {
        "0/w": (torch.float32, [12.0, 24.0]),
        "0/count": (torch.float64, 12.0),
    }
    assert len(kept.files()) == 1


def test_trainings_are_kept_apart_and_forgotten_together(kept: Checkpoints, tmp_path: Path) -> None:
    kept.save(KEY, _saved(1))
    assert kept.load(OTHER) is None
    kept.save(OTHER, _saved(2))
    assert [found.position for key in (KEY, OTHER) if (found := kept.load(key))] == [1, 2]
    (kept.files()[0].parent / ".half.safetensors.part").touch()
    kept.clear()
    assert (kept.load(KEY), kept.files()) == (None, [])
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("harm", ["torn", "flipped", "empty"])
def test_a_damaged_checkpoint_is_none(kept: Checkpoints, harm: str) -> None:
    kept.save(KEY, _saved(1))
    [file] = kept.files()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes({"torn": bytes(content[:-1]), "flipped": bytes(content), "empty": b""}[harm])
    assert not is_sound(file)
    assert kept.load(KEY) is None


def test_where_a_kill_left_two_the_further_one_counts_and_where_it_is_torn_the_other(kept: Checkpoints) -> None:
    kept.save(KEY, _saved(1))
    [first] = kept.files()
    content = first.read_bytes()
    kept.save(KEY, _saved(2))
    [second] = kept.files()
    first.write_bytes(content)
    assert [f.position for f in [kept.load(KEY)] if f] == [2]
    second.write_bytes(b"")
    assert [f.position for f in [kept.load(KEY)] if f] == [1]


def test_no_training_begins_where_its_outcome_could_not_be_kept(tmp_path: Path) -> None:
    def refuse() -> None:
        raise DiskFull("no room")

    with pytest.raises(DiskFull):
        Checkpoints(tmp_path, before=refuse).load(KEY)
