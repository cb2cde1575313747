"""Whether a model sees pictures at all: asked once, before anything is trained on its word.

Some servers refuse pictures, others drop them without a word, and a model that was shown nothing judges all the same.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from random import Random

from rewardsmith import prompting
from rewardsmith.errors import ConfigError
from rewardsmith.interfaces import Album, Ask, Question
from rewardsmith.quoting import one_line
from rewardsmith.types import Image, Reply

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "green": (30, 160, 60),
    "blue": (30, 60, 220),
    "yellow": (240, 210, 40),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}
PICTURES = 3  # blind guesses are right once in 120
PIXELS = 112


def prove(ask: Ask, album: Album, *, seed: int) -> None:
    """Have the model name the colours of plain pictures, which `seed` chooses and `album` keeps.

    Raises: ConfigError: it names others. ProposerError: no reply can be had, e.g. since it refuses pictures.
    """
    shown = chosen(seed)
    asked = question(shown)
    album.put("sight", asked.prompt.messages[-1].images)
    [reply] = ask([asked])
    if not names(reply, shown):
        raise ConfigError(
            f"'{ask.name}' does not see pictures: shown {', '.join(shown)}, it answered '{one_line(reply.text)}'. "
            "Expected a model that does (advice.model=provider/model), or advice.look=summaries."
        )


def chosen(seed: int) -> tuple[str, ...]:
    """The colours to be shown, each another."""
    return tuple(Random(f"sight of {seed}").sample(list(COLOURS), PICTURES))


def question(shown: tuple[str, ...]) -> Question:
    """What the model is asked."""
    images = [picture(colour, f"Picture {i}:") for i, colour in enumerate(shown, start=1)]
    return Question(
        purpose="sight",
        about="start",
        index=1,
        prompt=prompting.question("sight.j2", images=images, colours=list(COLOURS), count=len(shown)),
    )


def picture(colour: str, caption: str) -> Image:
    """A plain square."""
    from PIL import Image as Pillow

    file = io.BytesIO()
    Pillow.new("RGB", (PIXELS, PIXELS), COLOURS[colour]).save(file, format="PNG")
    content = file.getvalue()
    return Image(caption=caption, sha256=hashlib.sha256(content).hexdigest(), content=content)


def names(reply: Reply, shown: tuple[str, ...]) -> bool:
    """Whether the colours that a reply names last are those shown, in their order."""
    found = re.findall(rf"\b(?:{'|'.join(COLOURS)})\b", reply.text.lower())
    return tuple(found[-len(shown) :]) == shown
