"""What a judge is shown of an episode: its signals in a table, pictures of it, or both. Nothing of who played it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rewardsmith.advice.story import story
from rewardsmith.interfaces import Eyes
from rewardsmith.types import Image, Task, Trajectory


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """An episode as a judge sees it: how it ended, its signals as a table (or an empty text), and images (or none)."""

    ending: str
    table: str
    images: tuple[Image, ...] = ()

    @property
    def what(self) -> str:
        """What that is, in words: `6 pictures and the signals`."""
        pictures = f"{len(self.images)} pictures" if self.images else ""
        return " and ".join(part for part in (pictures, "the signals" if self.table else "") if part)

    def captioned(self, which: str) -> tuple[Image, ...]:
        """The images in order of time, each told which picture of `which` it is."""
        count = len(self.images)
        return tuple(
            replace(image, caption=f"{which}, picture {i} of {count}, {image.caption}:")
            for i, image in enumerate(self.images, start=1)
        )


Show = Callable[[Sequence[Trajectory], Task], list[Shown | None]]
"""How episodes are shown, one by one in order; None where one cannot be."""


def signals(episodes: Sequence[Trajectory], task: Task) -> list[Shown | None]:
    """Each by the table of its signals."""
    stories = [story(episode, task) for episode in episodes]
    return [Shown(ending=told.ending, table=told.table) for told in stories]


def pictures(eyes: Eyes, *, tables: bool) -> Show:
    """Each by pictures, with `tables` by its signals too; None where no picture of it can be had."""

    def show(episodes: Sequence[Trajectory], task: Task) -> list[Shown | None]:
        stories = [story(episode, task) for episode in episodes]
        return [
            Shown(ending=told.ending, table=told.table if tables else "", images=images) if images else None
            for told, images in zip(stories, eyes(episodes), strict=True)
        ]

    return show
