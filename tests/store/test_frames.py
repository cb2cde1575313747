"""Pictures that a judge was shown: kept by their hash, the same after a resume, and no run's end where one is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from rewardsmith.errors import RunError
from rewardsmith.store import Run, fsck
from rewardsmith.types import Image, Message, Prompt


def image(caption: str, content: bytes) -> Image:
    return Image(caption=caption, sha256=hashlib.sha256(content).hexdigest(), content=content)


TWO = (image("at 0 s", b"a picture"), image("at 1 s", b"another"))


@pytest.fixture
def kept(new_run: Callable[[], Run]) -> Path:
    """The folder of a run that keeps two pictures."""
    with new_run() as run:
        assert run.frames.get("an episode") is None
        run.frames.put("an episode", TWO)
        run.frames.put("an episode", TWO)
    return run.folder


def test_pictures_come_back_as_they_were_kept(kept: Path) -> None:
    with Run.open(kept, write=False) as run:
        assert run.frames.get("an episode") == TWO
        assert run.frames.get("another") is None
        assert run.damaged() == ()
    assert sorted(p.name for p in (kept / "frames").iterdir()) == sorted(f"{i.sha256}.png" for i in TWO)


def test_a_prompt_s_page_names_the_pictures_by_their_files(kept: Path) -> None:
    message = Message(role="user", content="How well?", images=TWO)
    with Run.open(kept, write=True) as run:
        run.record_prompt("g001-00.score1", Prompt(messages=(message,), sha256="0"))
    page = (kept / "prompts" / "g001-00.score1.md").read_text()
    assert page.startswith("# user\n\nHow well?\n\nat 0 s\n\n![at 0 s](../frames/")
    for each in TWO:
        assert (kept / "prompts" / f"../frames/{each.sha256}.png").read_bytes() == each.content
        assert f"(../frames/{each.sha256}.png)" in page


def test_a_damaged_picture_is_named_and_set_aside_and_drawn_again(kept: Path) -> None:
    file = kept / "frames" / f"{TWO[0].sha256}.png"
    file.write_bytes(b"another picture")
    with Run.open(kept, write=False) as run:
        assert [file.name in line for line in run.damaged()] == [True]
        with pytest.raises(RunError, match="is damaged"):
            run.frames.get("an episode")
    [fault] = fsck.repair(kept).faults
    assert fault.cure == "set aside; the run goes on without it"
    with Run.open(kept, write=True) as run:
        assert run.frames.get("an episode") is None
        run.frames.put("an episode", TWO)
        assert run.frames.get("an episode") == TWO
    assert fsck.check(kept).faults == ()
