"""A few pictures of each of some episodes, for a model that judges what it sees. Each episode is drawn once in a run.

Drawing is done in a process of its own: EnvPool needs OpenGL before it is imported, which in a run it long has been,
and a driver may end the process that it draws in.
"""

from __future__ import annotations

import hashlib
import io
import math
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rewardsmith import sim
from rewardsmith.errors import CannotRender, ConfigError, RunError
from rewardsmith.interfaces import Album, Picture
from rewardsmith.readings import Readings
from rewardsmith.render.kept import film_kept
from rewardsmith.store.episodes import from_bytes, to_bytes
from rewardsmith.types import Image, Task, Trajectory

WIDTH, HEIGHT = 448, 336
"""Enough to see a limb, and whole patches for most models that see."""

T = TypeVar("T")


class Stills:
    """`Eyes` that play an episode again and draw `count` states of it at most, evenly over its time.

    An episode that cannot be played again has no pictures; `tell` is told why.
    """

    def __init__(
        self, task: Task, *, count: int, camera: int | str | None, album: Album, tell: Callable[[str], None]
    ) -> None:
        self._task, self._count, self._album, self._tell = task, count, album, tell
        self._picture = _picture(camera)

    def __call__(self, episodes: Sequence[Trajectory]) -> list[tuple[Image, ...]]:
        """The images of each, in order; none of one that cannot be played again."""
        keys = [self._key(episode) for episode in episodes]
        found = {key: images for key in keys if (images := self._album.get(key)) is not None}
        missing = {key: t for key, t in zip(keys, episodes, strict=True) if key not in found}
        if missing:
            drawn = _apart(draw, to_bytes(list(missing.values())), self._task, self._picture, self._count)
            found |= {key: self._kept(key, each) for key, each in zip(missing, drawn, strict=True)}
        return [found[key] for key in keys]

    def _kept(self, key: str, drawn: list[Still] | str) -> tuple[Image, ...]:
        if isinstance(drawn, str):
            self._tell(f"The judge is shown nothing of an episode: {drawn}")
            return ()
        images = tuple(_image(still, steps=drawn[-1].step, dt_s=self._task.control_dt_s) for still in drawn)
        self._album.put(key, images)
        return images

    def _key(self, episode: Trajectory) -> str:
        look = f"{self._count} of {WIDTH}x{HEIGHT} by {self._picture.camera!r}"
        return hashlib.sha256(to_bytes([episode], about={"look": look})).hexdigest()


def prove(task: Task, *, camera: int | str | None) -> None:
    """See whether the task's episodes can be drawn here at all. Raises: ConfigError, CannotRender: they cannot."""
    if task.env.device == "cuda":
        raise ConfigError(
            f"{task.path or task.name}: a judge is shown an episode by playing it again, and a GPU repeats no physics "
            "exactly. Write advice.look: summaries, or env.device: cpu."
        )
    _apart(draw_first, task, _picture(camera))


def _picture(camera: int | str | None) -> Picture:
    return Picture(width=WIDTH, height=HEIGHT, camera=camera)


class AlbumInMemory:
    """An `Album` that lives as long as the process: for tests, and for judging outside a run."""

    def __init__(self) -> None:
        self.images: dict[str, tuple[Image, ...]] = {}

    def get(self, key: str) -> tuple[Image, ...] | None:
        """The images kept under `key`, or None."""
        return self.images.get(key)

    def put(self, key: str, images: Sequence[Image]) -> None:
        """Keep images."""
        self.images[key] = tuple(images)


def _image(still: Still, *, steps: int, dt_s: float) -> Image:
    return Image(
        caption=f"at {still.step * dt_s:.3g} s (step {still.step} of {steps})",
        sha256=hashlib.sha256(still.png).hexdigest(),
        content=still.png,
    )


# --- drawing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Still:
    """A picture of the state after `step` control steps."""

    step: int
    png: bytes


def draw(episodes: bytes, task: Task, picture: Picture, count: int) -> list[list[Still] | str]:
    """Stills of each of some episodes, given as `store.episodes` writes them; why there are none of it, in words."""
    found, _ = from_bytes(episodes)
    return [_drawn(episode, task, picture, count) for episode in found]


def draw_first(task: Task, picture: Picture) -> bytes:
    """How the task may begin, as PNG. Raises: ConfigError, CannotRender."""
    fields = Readings(task).info_fields
    with closing(sim.make_visible(task, env_seeds=[0], info_fields=fields, picture=picture)) as simulator:
        simulator.reset()
        return _png(simulator.render(0))


def moments(steps: int, count: int) -> list[int]:
    """At most `count` of the states 0 to `steps`, the first and the last among them, evenly apart but for the last."""
    every = _every(steps, count)
    return sorted({*range(0, steps + 1, every), steps})


def _every(steps: int, count: int) -> int:
    return max(1, math.ceil(steps / (count - 1)))


def _drawn(episode: Trajectory, task: Task, picture: Picture, count: int) -> list[Still] | str:
    steps, taken = len(episode.actions), list[bytes]()
    try:
        film_kept(
            episode, task, env_seeds=(), picture=picture, every=_every(steps, count),
            take=lambda _, pixels: taken.append(_png(pixels)),
        )  # fmt: skip
    except RunError as error:
        return str(error)
    return [Still(step=step, png=png) for step, png in zip(moments(steps, count), taken, strict=True)]


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image as Pillow

    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


# --- in a process of its own ----------------------------------------------------------------------------------------


def _apart(work: Callable[..., T], *given: object) -> T:
    """What `work` gives or raises in a process of its own."""
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_leave_interrupts) as process:
            return process.submit(work, *given).result()
    except BrokenProcessPool as error:
        raise CannotRender(
            "The process that draws pictures ended before it had drawn them, as it may where OpenGL is broken. "
            "`rewardsmith doctor` tries each way to draw and says what to install."
        ) from error


def _leave_interrupts() -> None:
    """Ctrl-C is for the process that waits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
