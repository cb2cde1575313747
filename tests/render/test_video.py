"""Videos that are read back by another library's decoder: PyAV for mp4, Pillow for WebP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rewardsmith.errors import CannotRender, UsageError
from rewardsmith.render import video


def pictures(count: int, *, height: int = 48, width: int = 64) -> Iterator[NDArray[np.uint8]]:
    """A bright square on grey that moves to the right."""
    for i in range(count):
        picture = np.full((height, width, 3), 90, dtype=np.uint8)
        picture[10:30, 2 * i : 2 * i + 20] = (250, 40, 40)
        yield picture


def written(path: Path, count: int, *, rate: Fraction = Fraction(25), height: int = 48, width: int = 64) -> Path:
    with video.open_video(path, rate) as file:
        for picture in pictures(count, height=height, width=width):
            file.add(picture)
    return path


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(1000, 33)])
def test_an_mp4_holds_every_picture_at_its_rate(tmp_path: Path, rate: Fraction) -> None:
    av = pytest.importorskip("av", reason="needs PyAV: pip install 'rewardsmith[render]'")
    with av.open(str(written(tmp_path / "new" / "a.mp4", 12, rate=rate))) as container:
        stream = container.streams.video[0]
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert (stream.codec_context.name, stream.average_rate) == ("h264", rate)
    assert len(decoded) == 12
    for picture, original in zip(decoded, pictures(12), strict=True):
        assert np.abs(picture.astype(int) - original.astype(int)).mean() < 10.0


def test_an_mp4_of_an_odd_size_is_made_even(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="needs PyAV: pip install 'rewardsmith[render]'")
    with av.open(str(written(tmp_path / "a.mp4", 2, height=47, width=63))) as container:
        assert next(container.decode(video=0)).to_ndarray(format="rgb24").shape == (48, 64, 3)


def test_a_webp_holds_every_picture_at_its_rate(tmp_path: Path) -> None:
    with Image.open(written(tmp_path / "a.webp", 7, rate=Fraction(20))) as image:
        assert image.n_frames == 7
        assert image.size == (64, 48)
        image.seek(1)
        image.load()
        assert image.info["duration"] == 50


@pytest.mark.parametrize("suffix", video.SUFFIXES)
def test_a_video_that_is_given_up_leaves_nothing_behind(tmp_path: Path, suffix: str) -> None:
    if suffix == ".mp4":
        pytest.importorskip("av", reason="needs PyAV: pip install 'rewardsmith[render]'")
    file = video.open_video(tmp_path / f"a{suffix}", Fraction(10))
    file.add(next(pictures(1)))
    file.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", video.SUFFIXES)
def test_a_place_that_cannot_be_written_to_is_one_clear_error(tmp_path: Path, suffix: str) -> None:
    if suffix == ".mp4":
        pytest.importorskip("av", reason="needs PyAV: pip install 'rewardsmith[render]'")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotRender, match=r"Nothing can be written in .*/file \(File exists\)"):
        written(tmp_path / "file" / f"a{suffix}", 1)


def test_another_ending_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.gif: expected a file that ends in \.mp4 or \.webp"):
        video.check(tmp_path / "a.gif")


def test_without_pyav_mp4_says_what_to_install_and_webp_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert video.default_suffix() == ".webp"
    with pytest.raises(CannotRender, match=r"pip install 'rewardsmith\[render\]'\. Or write --out FILE\.webp"):
        video.check(Path("a.mp4"))


def test_a_webp_that_would_not_fit_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "WEBP_LIMIT_MIB", 0)
    with pytest.raises(CannotRender, match="more than a WebP can be made of"):
        written(tmp_path / "a.webp", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_can_be_written_alone(tmp_path: Path) -> None:
    video.write_png(tmp_path / "new" / "a.png", next(pictures(1)))
    with Image.open(tmp_path / "new" / "a.png") as image:
        assert (np.array(image) == next(pictures(1))).all()


# Writes a picture over one that is there, and runs out of room; says how it ended.
CRAMPED = """
import resource, sys
from pathlib import Path
import numpy as np
from rewardsmith.errors import CannotRender
from rewardsmith.render import video
noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    video.write_png(Path(sys.argv[1]), noise)
except CannotRender as error:
    print(error)
"""


def test_a_picture_that_cannot_be_written_whole_leaves_the_earlier_one(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    video.write_png(file, next(pictures(1)))
    before = file.read_bytes()
    done = subprocess.run([sys.executable, "-c", CRAMPED, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{file} cannot be written (File too large).\n"
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == before
