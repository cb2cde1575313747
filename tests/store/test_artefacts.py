"""A file is there whole, or its fault is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.errors import RunError
from rewardsmith.store import artefacts
from rewardsmith.store.artefacts import StoredTensors


def stored(folder: Path, tensors: dict[str, torch.Tensor]) -> StoredTensors:
    sha = artefacts.write(folder / "policies/a.safetensors", artefacts.tensors_to_bytes(tensors))
    return StoredTensors(folder, "policies/a.safetensors", expected=sha)


def test_writing_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    artefacts.write(tmp_path / "new/a.txt", b"first")
    artefacts.write(tmp_path / "new/a.txt", b"second")
    assert [(p.name, p.read_bytes()) for p in (tmp_path / "new").iterdir()] == [("a.txt", b"second")]


def test_a_folder_that_cannot_be_written_to_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot be written .*then resume"):
        artefacts.write(tmp_path / "file" / "a.txt", b"")


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_becomes_bytes_and_nothing_is_lost(text: str) -> None:
    assert artefacts.to_bytes(text).decode("utf-8", "surrogatepass") == text


def test_tensors_come_back_bit_for_bit(tmp_path: Path) -> None:
    stacked = torch.randn(4, 3, 2)
    tensors = {"w": stacked[1], "v": stacked[2].T, "count": torch.tensor(7, dtype=torch.int64)}
    back = stored(tmp_path, tensors)
    assert set(back) == set(tensors)
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)
    assert all(back[name].dtype == tensors[name].dtype for name in tensors)


def test_the_same_tensors_have_the_same_bytes() -> None:
    names = [f"layer{i}" for i in range(20)]
    forwards = {name: torch.ones(2) for name in names}
    backwards = {name: torch.ones(2) for name in reversed(names)}
    assert artefacts.tensors_to_bytes(forwards) == artefacts.tensors_to_bytes(backwards)


@pytest.mark.parametrize("tenth", range(10))
def test_a_file_cut_short_anywhere_is_noticed_and_named(tmp_path: Path, tenth: int) -> None:
    back = stored(tmp_path, {"w": torch.randn(20)})
    path = tmp_path / "policies/a.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * tenth // 10])
    with pytest.raises(RunError, match=r"policies/a\.safetensors is damaged: .* Put back a copy of it"):
        back["w"]


def test_a_single_flipped_bit_is_noticed(tmp_path: Path) -> None:
    back = stored(tmp_path, {"w": torch.randn(20)})
    path = tmp_path / "policies/a.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="is damaged"):
        len(back)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    back = stored(tmp_path, {"w": torch.zeros(1)})
    (tmp_path / "policies/a.safetensors").unlink()
    with pytest.raises(RunError, match=r"a\.safetensors cannot be read \(No such file"):
        back["w"]


def test_a_file_of_that_hash_that_holds_no_tensors_is_refused(tmp_path: Path) -> None:
    sha = artefacts.write(tmp_path / "a.safetensors", b"no tensors at all")
    with pytest.raises(RunError, match="is no safetensors file"):
        StoredTensors(tmp_path, "a.safetensors", expected=sha)["w"]


@pytest.mark.parametrize("file", ["../outside", "/etc/hostname", "policies/../../outside"])
def test_a_ledger_cannot_point_outside_its_run(tmp_path: Path, file: str) -> None:
    (tmp_path / "outside").write_bytes(b"x")
    (tmp_path / "run").mkdir()
    with pytest.raises(RunError, match="lies outside the run"):
        artefacts.read(tmp_path / "run", file, expected=artefacts.sha256(b"x"))
