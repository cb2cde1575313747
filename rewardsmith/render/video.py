"""Pictures into files: an mp4 or an animated WebP, or each picture as a PNG.

Pictures go to the file as they come. A file takes its name when it is whole; what is given up leaves nothing behind.
"""

from __future__ import annotations

import importlib.util
import io
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from rewardsmith.errors import CannotRender, UsageError
from rewardsmith.store import artefacts

SUFFIXES = (".mp4", ".webp")
WEBP_LIMIT_MIB = 1024
"""What the pictures of one WebP may take: Pillow wants all of them at once."""
NO_PYAV = "mp4 needs PyAV, which is not installed: pip install 'rewardsmith[render]'. Or write --out FILE.webp."


class Video(Protocol):
    """A file of pictures that is being written. Leaving it as a context finishes it, or deletes it after an error."""

    def add(self, picture: NDArray[np.uint8]) -> None:
        """The next picture, `(H, W, 3)` RGB; all of one size."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: object, error: object, trace: object) -> None: ...


def default_suffix() -> str:
    """`.mp4` where PyAV is installed, else `.webp`."""
    return ".mp4" if importlib.util.find_spec("av") else ".webp"


def check(path: Path) -> None:
    """Refuse a video that cannot be written, before anything is played.

    Raises: UsageError: an unknown ending, a folder. CannotRender: PyAV is needed and not installed, or nothing can be
    written there.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--out {path}: expected a file that ends in {' or '.join(SUFFIXES)}.")
    if path.suffix.lower() == ".mp4" and not importlib.util.find_spec("av"):
        raise CannotRender(NO_PYAV)
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder. Expected a file, e.g. {path / f'film{path.suffix}'}.")
    check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Raises: CannotRender: no picture can be written in it."""
    if why := artefacts.refuses(folder):
        raise CannotRender(f"Nothing can be written in {folder} ({why}). Choose another place.")


def open_video(path: Path, rate: Fraction) -> Video:
    """A video at `path`, by its ending, that shows `rate` pictures a second.

    Raises: as `check`. CannotRender: it cannot be written there.
    """
    check(path)
    return Mp4(path, rate) if path.suffix.lower() == ".mp4" else Webp(path, rate)


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write one picture. Raises: CannotRender: it cannot be written there."""
    with _Png(path, picture):
        pass


class _Whole:
    """A file that is written beside its place and moved there when it is whole."""

    def __init__(self, path: Path) -> None:
        self.path, self._part = path, path.with_name(f".{path.name}.part")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self._finish(whole=kind is None)
            if kind is None:
                self._part.replace(self.path)
        except OSError as fault:
            raise _unwritable(self.path, fault) from fault
        finally:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _finish(self, *, whole: bool) -> None:
        raise NotImplementedError


class Mp4(_Whole):
    """H.264, which every browser shows. The first picture decides the size; an odd one is made even at the edge."""

    def __init__(self, path: Path, rate: Fraction) -> None:
        super().__init__(path)
        import av

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._container: Any = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
            self._stream: Any = self._container.add_stream(
                "libx264", rate=rate, options={"crf": "20", "preset": "veryfast"}
            )
        except OSError as error:
            raise _unwritable(path, error) from error
        except ValueError as error:  # PyAV's word for a codec it was built without
            raise CannotRender(f"This PyAV cannot write H.264: {error}. Write --out FILE.webp instead.") from error
        self._stream.pix_fmt = "yuv420p"
        self._empty = True

    def add(self, picture: NDArray[np.uint8]) -> None:
        import av

        even = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
        if self._empty:
            self._stream.height, self._stream.width, self._empty = *even.shape[:2], False
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))

    def _finish(self, *, whole: bool) -> None:
        if whole and not self._empty:
            self._container.mux(self._stream.encode())
        self._container.close()


class Webp(_Whole):
    """An animated WebP, which needs no more than Pillow; all pictures are held until the end."""

    def __init__(self, path: Path, rate: Fraction) -> None:
        super().__init__(path)
        self._milliseconds = round(1000 / rate)
        self._pictures: list[NDArray[np.uint8]] = []

    def add(self, picture: NDArray[np.uint8]) -> None:
        self._pictures.append(picture)
        if picture.nbytes * len(self._pictures) > WEBP_LIMIT_MIB * 2**20:
            raise CannotRender(
                f"{self.path}: {len(self._pictures)} pictures of this size are more than a WebP can be made of "
                f"({WEBP_LIMIT_MIB} MiB). Write an mp4, or lower --size or --fps."
            )

    def _finish(self, *, whole: bool) -> None:
        from PIL import Image

        if not whole:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        first, *rest = [Image.fromarray(picture) for picture in self._pictures]
        first.save(
            self._part, format="WEBP", save_all=True, append_images=rest, duration=self._milliseconds, loop=0, method=2
        )


class _Png(_Whole):
    """One picture, lossless. Pillow encodes it into memory: what it says of a full disk itself has no reason."""

    def __init__(self, path: Path, picture: NDArray[np.uint8]) -> None:
        super().__init__(path)
        self._picture = picture

    def _finish(self, *, whole: bool) -> None:
        from PIL import Image

        if not whole:
            return
        encoded = io.BytesIO()
        Image.fromarray(self._picture).save(encoded, format="PNG")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._part.write_bytes(encoded.getbuffer())


def _unwritable(path: Path, error: OSError) -> CannotRender:
    return CannotRender(f"{path} cannot be written ({error.strerror or os.strerror(error.errno or 0)}).")
