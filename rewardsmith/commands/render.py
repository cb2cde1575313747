"""`render`: a policy at work, as a video or as single pictures, without a display."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from rewardsmith.commands.options import RUNS, AsJson, PlaySeed, RunsFolder
from rewardsmith.commands.subjects import CandidateWord, PolicyWords, Subject, TaskWord
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from rewardsmith.interfaces import Picture
    from rewardsmith.policies import Kept
    from rewardsmith.render.film import Episode, Pace
    from rewardsmith.render.video import Video
    from rewardsmith.types import Task, Trajectory

TELL_EVERY_S = 15.0
LARGEST = 4096  # pixels
PICTURE = re.compile(r"\d+-\d{5,}\.png")
"""What single pictures are called: the episode's number, the picture's."""

Pick = Literal["all", "best", "worst"]


def render(
    policy: PolicyWords = "latest",
    candidate: CandidateWord = "",
    /,
    *,
    task: TaskWord = None,
    out: Annotated[Path | None, Parameter(help="The video: FILE.mp4, or FILE.webp, which needs no PyAV.")] = None,
    frames: Annotated[Path | None, Parameter(help="A folder for the single pictures, as PNG.")] = None,
    episodes: Annotated[
        int | None,
        Parameter(validator=Number(gte=1, lte=256), help="How many to play, 1 if left out; with --kept, to film."),
    ] = None,
    pick: Annotated[Pick, Parameter(help="Which of them to film.")] = "all",
    kept: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Film episodes that a run keeps instead: a candidate's, or what it began with (`random`, `noised` or "
            "`imported` for the candidate); or those of a file of `rewardsmith trajectories`.",
        ),
    ] = False,
    seed: PlaySeed = 0,
    size: Annotated[str, Parameter(help="Width and height in pixels.")] = "640x480",
    fps: Annotated[
        float, Parameter(validator=Number(gte=0.1, lte=1000), help="Pictures a second at most; time is real.")
    ] = 30.0,
    camera: Annotated[str | None, Parameter(help="A camera of the model, by number or name.")] = None,
    runs: RunsFolder = RUNS,
    as_json: AsJson = False,
) -> None:
    """Film a policy: play whole episodes on given seeds, write a video of them, and say what each came to.

    Several filmed episodes are a file each: FILE-0.mp4, FILE-1.mp4, ...
    """
    from rewardsmith.commands.subjects import kept_of, subject_of
    from rewardsmith.render.film import pace

    shown = kept_of(policy, candidate, task, runs) if kept else subject_of(policy, candidate, task, runs, seed=seed)
    picture = _picture(size, camera)
    speed = pace(shown.task.control_dt_s, at_most=fps)
    files = _Files(shown, out, frames, speed.rate)
    if isinstance(shown, Subject):
        told = _film(shown, files, picture, speed, episodes=episodes or 1, pick=pick, seed=seed)
    else:
        told = _film_kept(shown, files, picture, speed, episodes=episodes, pick=pick)
    print(_as_json(shown, told, speed) if as_json else _words(shown, told))


# --- what is filmed -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Told:
    """What is said of an episode: what it came to, and where its pictures are, if it was filmed."""

    episode: Episode
    video: Path | None
    pictures: int


def _picture(size: str, camera: str | None) -> Picture:
    from rewardsmith.interfaces import Picture

    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (16 <= width <= LARGEST and 16 <= height <= LARGEST):
        raise UsageError(f"--size {size}: expected WIDTHxHEIGHT in pixels, 16 to {LARGEST} each, e.g. 640x480.")
    number = camera is not None and camera.isascii() and camera.isdigit()
    return Picture(width=width, height=height, camera=int(camera) if camera is not None and number else camera)


# --- filming --------------------------------------------------------------------------------------------------------


class _Files:
    """Where pictures go: a video an episode, single pictures, or both.

    A context that finishes the videos, or, where it is left by an error, takes away what it wrote.
    """

    def __init__(self, shown: Subject | Kept, out: Path | None, frames: Path | None, rate: Fraction) -> None:
        from rewardsmith.render import video

        if out is None and frames is None:
            out = Path(f"{shown.task.name}-{shown.name}{video.default_suffix()}")
        if out is not None:
            video.check(out)
        if frames is not None:
            _refuse_earlier(frames)
            video.check_folder(frames)
        self._out, self._folder, self._rate = out, frames, rate
        self._open, self._undo = dict[int, "Video"](), ExitStack()
        self._started = self._spoke = time.monotonic()
        self.counts: dict[int, int] = {}
        self.paths: dict[int, Path] = {}
        self.several, self.expected = False, 0

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._folder is not None and exc[0] is not None:
            for episode, count in self.counts.items():
                for number in range(count):
                    self._png(episode, number).unlink(missing_ok=True)
        self._undo.__exit__(*exc)  # type: ignore[arg-type]

    def take(self, episode: int, picture: NDArray[np.uint8]) -> None:
        """The next picture of an episode."""
        from rewardsmith.render.video import write_png

        count = self.counts[episode] = self.counts.get(episode, 0) + 1
        if self._out is not None:
            self._video(episode).add(picture)
        if self._folder is not None:
            write_png(self._png(episode, count - 1), picture)
        if time.monotonic() - self._spoke > TELL_EVERY_S:
            self._spoke = time.monotonic()
            most = f" of {self.expected} at most" if self.expected else ""
            seconds = f"{self._spoke - self._started:.0f} s"
            print(f"{sum(self.counts.values())} pictures{most}, {seconds}", file=sys.stderr)

    def _png(self, episode: int, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{episode}-{number:05}.png"

    def _video(self, episode: int) -> Video:
        from rewardsmith.render.video import open_video

        assert self._out is not None
        if episode not in self._open:
            path = self._out.with_stem(f"{self._out.stem}-{episode}") if self.several else self._out
            self.paths[episode] = path
            self._open[episode] = self._undo.enter_context(open_video(path, self._rate))
        return self._open[episode]


def _refuse_earlier(folder: Path) -> None:
    """Raises: UsageError: the folder holds pictures of an earlier render, which would lie among the new ones."""
    found = sorted(path.name for path in folder.glob("*.png") if PICTURE.fullmatch(path.name))
    if found:
        raise UsageError(
            f"--frames {folder}: {len(found)} pictures of an earlier render lie there ({found[0]} to {found[-1]}). "
            "Delete them, or choose another folder."
        )


def _film(
    subject: Subject, files: _Files, picture: Picture, speed: Pace, *, episodes: int, pick: Pick, seed: int
) -> list[_Told]:
    from rewardsmith.render.film import film
    from rewardsmith.seeds import env_seeds

    filmed = episodes if pick == "all" else 1
    files.several = filmed > 1
    files.expected = filmed * (math.ceil(subject.task.episode_steps / speed.every) + 1)
    with files:
        played, _ = film(
            subject.player, subject.task, env_seeds=env_seeds(seed, episodes), picture=picture, every=speed.every,
            take=files.take, pick=pick,
        )  # fmt: skip
    return [_Told(episode=e, video=files.paths.get(e.number), pictures=files.counts.get(e.number, 0)) for e in played]


def _film_kept(
    kept: Kept, files: _Files, picture: Picture, speed: Pace, *, episodes: int | None, pick: Pick
) -> list[_Told]:
    from dataclasses import replace

    from rewardsmith.render.kept import film_kept

    trajectories = _chosen(kept, episodes, pick)
    files.several, told = len(trajectories) > 1, list[_Told]()
    with files:
        for number, trajectory in enumerate(trajectories):
            episode = film_kept(
                trajectory, kept.task, env_seeds=kept.env_seeds, picture=picture, every=speed.every,
                take=lambda _, pixels, number=number: files.take(number, pixels),  # type: ignore[misc]
            )  # fmt: skip
            told.append(
                _Told(
                    episode=replace(episode, number=number),
                    video=files.paths.get(number),
                    pictures=files.counts[number],
                )
            )
    return told


def _chosen(kept: Kept, count: int | None, pick: Pick) -> list[Trajectory]:
    """The worst, the best, or `count` of them, the worst and the best among these; None: all."""
    import numpy as np

    from rewardsmith.recording import spread

    if pick != "all":
        return [kept.episodes[0 if pick == "worst" else -1]]
    fitness = np.array([episode.fitness for episode in kept.episodes])
    return [kept.episodes[i] for i in spread(fitness, count or len(fitness))]


# --- telling --------------------------------------------------------------------------------------------------------


def _words(shown: Subject | Kept, told: Sequence[_Told]) -> str:
    return "\n".join(_line(shown.task, each) for each in told)


def _line(task: Task, told: _Told) -> str:
    """`episode 0: fitness 2.31 m, success, 500 steps (25 s), seed 3499211612 -> video.mp4`."""
    from rewardsmith.store.pages import number

    episode = told.episode
    unit = "" if task.fitness.unit == "1" else f" {task.fitness.unit}"
    fitness = "fitness not finite" if episode.fitness is None else f"fitness {number(episode.fitness)}{unit}"
    success = {True: ", success", False: ", no success", None: ""}[episode.success]
    seconds = episode.length * task.control_dt_s
    where = f" -> {told.video}" if told.video else f" -> {told.pictures} pictures" if told.pictures else ""
    return (
        f"episode {episode.number}: {fitness}{success}, {episode.length} steps ({seconds:.3g} s), "
        f"seed {episode.env_seed}{where}"
    )


def _as_json(shown: Subject | Kept, told: Sequence[_Told], speed: Pace) -> str:
    episodes = [
        {**asdict(each.episode), "video": None if each.video is None else str(each.video), "pictures": each.pictures}
        for each in told
    ]
    return json.dumps(
        {"policy": shown.name, "task": shown.task.name, "fps": float(speed.rate), "episodes": episodes}, indent=2
    )
