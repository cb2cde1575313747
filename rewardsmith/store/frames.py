"""Pictures of a run's episodes, as a judge is shown them: an `Album` of files named by their hash.

Which picture is of what is an event, so that a resumed run shows the very same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from rewardsmith.store import artefacts
from rewardsmith.store.codec import Json
from rewardsmith.store.ledger import Ledger
from rewardsmith.store.pages import image_file
from rewardsmith.types import Image


class Frames:
    """An `Album` in a run's folder."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder, self._ledger = folder, ledger

    def get(self, key: str) -> tuple[Image, ...] | None:
        """The images kept under `key`; None where there are none, or not all are there any more.

        Raises: RunError: one is damaged.
        """
        event = self._ledger.get(f"frames:{key}")
        if event is None:
            return None
        kept = cast("dict[str, list[dict[str, str]]]", event.body)["value"]
        if not all((self._folder / image_file(each["sha256"])).exists() for each in kept):
            return None
        return tuple(self._read(each["caption"], each["sha256"]) for each in kept)

    def put(self, key: str, images: Sequence[Image]) -> None:
        """Keep images: their files first, then the event that names them. Raises: RunError: the disk is full."""
        artefact = {image_file(image.sha256): image.content for image in images}
        hashes: dict[str, Json] = {
            file: artefacts.write(self._folder / file, content) for file, content in artefact.items()
        }
        named: list[Json] = [{"caption": image.caption, "sha256": image.sha256} for image in images]
        self._ledger.append_once(f"frames:{key}", "frames", lambda: {"value": named, "artefacts": hashes})

    def _read(self, caption: str, sha256: str) -> Image:
        content = artefacts.read(self._folder, image_file(sha256), expected=sha256)
        return Image(caption=caption, sha256=sha256, content=content)
