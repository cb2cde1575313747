"""What a run looks like while it works: a live panel on a terminal, plain lines anywhere else.

A display is told of progress and never asked; it neither blocks nor raises, and knows nothing that the ledger does
not. What a finished run looks like is `report/`'s business.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from rewardsmith.archive import Archive
from rewardsmith.config import EvolveConfig, SearchSettings
from rewardsmith.interfaces import Progress
from rewardsmith.measures.normalised import scale_words
from rewardsmith.quoting import one_line
from rewardsmith.store.pages import number, outcome_words
from rewardsmith.types import Attempt, Final, Generation, Judged, ReferenceResult, Rejected, Spend, Task

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

STAGES: Mapping[str, str] = {
    "random": "playing at random",
    "propose": "asking for rewards",
    "verify": "verifying",
    "train": "training",
    "judge": "judging",
    "references": "training the references",
    "finals": "measuring the winner again",
}
_STEP = 0.25  # share of a stage after which plain lines say something again
_WIDEST = 110
_TOLD_SHARE = 10  # a gain of more times what there was is told as a number alone
_BAR = 40


class Display(Protocol):
    """Shows one run; a context manager, and itself the run's `Watcher`."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...
    def __call__(self, progress: Progress) -> None: ...
    def begun(self, history: Sequence[Generation], references: Sequence[ReferenceResult]) -> None: ...
    def measured(self, references: Sequence[ReferenceResult]) -> None: ...
    def finished(self, generation: Generation) -> None: ...
    def spent(self, spend: Spend) -> None: ...
    def say(self, text: str) -> None: ...
    def pause(self) -> None: ...


def make(task: Task, config: EvolveConfig, *, plain: bool = False, out: TextIO | None = None) -> Display:
    """A live panel where `out` (stdout) is a terminal and `plain` is not asked for, else plain lines."""
    out = out or sys.stdout
    board = board_of(task, config)
    if plain or not out.isatty():
        return Lines(board, out=out)
    return Panel(board, out=out)


# --- what is known --------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Board:
    """All that a display knows of its run, updated as it is told. `now` is a clock in seconds.

    `best` is the `archive`'s: who leads by the run's own rule and by what people said.
    Where replies come `by_hand`, the time they take is a person's and counts for no generation.
    """

    task: Task
    generations: int
    archive: Archive = field(default_factory=lambda: Archive(SearchSettings()))
    by_hand: bool = False
    now: Callable[[], float] = time.monotonic
    generation: int = 0
    stage: str = ""
    fraction: float = 0.0
    states: dict[str, str] = field(default_factory=dict)
    env_steps_per_s: float | None = None
    best: Attempt | None = None
    references: tuple[ReferenceResult, ...] = ()
    spend: Spend = field(default_factory=Spend)
    finished: int = 0
    took_s: list[float] = field(default_factory=list)
    paused_at: float | None = None
    since: float = field(init=False)
    stage_since: float = field(init=False)
    stage_from: float = 0.0  # where a resumed stage stood when it was first told of

    def __post_init__(self) -> None:
        self.since = self.stage_since = self.now()

    def progress(self, progress: Progress) -> bool:
        """Take in what is under way; True where the stage is another than before."""
        if self.paused_at is not None:
            self.since += self.now() - self.paused_at
            self.paused_at = None
        changed = (progress.generation, progress.stage) != (self.generation, self.stage)
        if changed:
            self.stage_since, self.stage_from = self.now(), progress.fraction
        before = self.states if progress.generation == self.generation else {}
        self.states = {**before, **progress.states}  # a new dict: a panel may be drawing the old one
        self.generation, self.stage, self.fraction = progress.generation, progress.stage, progress.fraction
        self.env_steps_per_s = progress.env_steps_per_s if progress.stage == "train" else None
        if self.by_hand and progress.stage == "propose":
            self.pause()
        return changed

    def begun(self, history: Sequence[Generation], references: Sequence[ReferenceResult]) -> None:
        """Take in what a resumed run has done already."""
        for generation in history:
            self._take(generation)
        self.references = tuple(references)
        self.since = self.now()

    def measured(self, references: Sequence[ReferenceResult]) -> None:
        """Take in what the references reached."""
        self.references, self.states = tuple(references), {}
        self.since = self.now()

    def add(self, generation: Generation) -> None:
        """Take in a generation that has just finished."""
        self._take(generation)
        if generation.index > 0:
            self.took_s.append(self.now() - self.since)
        self.since = self.now()
        self.stage, self.fraction, self.states = "", 0.0, {}

    def pause(self) -> None:
        """Time from now to the next progress counts for no generation."""
        self.paused_at = self.now()

    def seconds_left(self) -> float | None:
        """An estimate from this session's finished generations, or from the training under way; None before either."""
        elapsed = (self.now() if self.paused_at is None else self.paused_at) - self.since
        before = 0.0
        if self.took_s:
            each = sum(self.took_s) / len(self.took_s)
        elif self.breeding and self.stage == "train" and self.fraction - self.stage_from > 0.05:
            training = self.now() - self.stage_since
            whole = training / (self.fraction - self.stage_from)
            each, before = elapsed - training + whole, whole * self.stage_from
        else:
            return None
        return max(0.0, each * (self.generations - self.finished) - elapsed - before)

    @property
    def latest_s(self) -> float | None:
        """How long the generation that finished last took in this session; None before one has."""
        return self.took_s[-1] if self.took_s else None

    @property
    def breeding(self) -> bool:
        """Whether a generation is under way, rather than the references or the finals."""
        return 1 <= self.generation <= self.generations and self.stage not in {"references", "finals"}

    def _take(self, generation: Generation) -> None:
        self.finished = max(self.finished, generation.index)
        self.archive.hear(generation.people)
        self.archive.add(generation)
        self.best = self.archive.best()


def board_of(task: Task, config: EvolveConfig) -> Board:
    """The board of a run that has not begun."""
    by_hand = config.model.partition(":")[0] == "manual"
    return Board(
        task=task,
        generations=config.search.generations * config.search.restarts,
        archive=Archive(config.search),
        by_hand=by_hand,
    )


# --- words ----------------------------------------------------------------------------------------------------------


def generation_words(generation: Generation, task: Task, *, took_s: float | None = None) -> list[str]:
    """A finished generation: how it went and how long it took, then a line for each candidate, the fittest first."""
    title = f"generation {generation.index}" if generation.index else "seeded rewards"
    judged = sorted((a for a in generation.attempts if a.fitness is not None), key=lambda a: -(a.fitness or 0.0))
    rejected = [a for a in generation.attempts if isinstance(a.outcome, Rejected)]
    took = "" if took_s is None else f", in {duration_words(took_s)}"
    lines = [f"{title}: {len(judged)} judged, {len(rejected)} rejected{took}"]
    lines += [f"  {_candidate_words(a, task)}" for a in (*judged, *rejected)]
    if generation.attempts and not judged:
        lines.append(f"  nothing could be judged; most often: {most_frequent_rejection(generation.attempts)}")
    return lines


def most_frequent_rejection(attempts: Sequence[Attempt]) -> str:
    """Why most of the rejected attempts were rejected, in the words of the first of them."""
    reasons = [(a.outcome.stage, a.outcome.reason) for a in attempts if isinstance(a.outcome, Rejected)]
    if not reasons:
        return "no candidate was rejected"
    stage, reason = max(reasons, key=reasons.count)
    return f"rejected at {stage}: {one_line(reason)}"


def reference_words(references: Sequence[ReferenceResult], task: Task) -> list[str]:
    """One line a reference: what its policy reached."""
    return [f"{r.name} reward: {outcome_words(r.outcome, unit=task.fitness.unit)}" for r in references]


def final_words(final: Final, history: Sequence[Generation], task: Task) -> list[str]:
    """The winner as measured again, what it gained on generation 1, and how it stands to the references."""
    score, unit = final.score, _unit(task)
    lines = [f"winner {final.winner}: fitness {number(score.mean)} +- {number(score.ci95)}{unit} on fresh seeds"]
    if score.success_rate is not None:
        lines[0] += f", success {score.success_rate:.0%}"
    lines += [gain] if (gain := gain_words(history, task)) else []
    lines += [f"{name} reward: fitness {number(s.mean)} +- {number(s.ci95)}{unit}" for name, s in final.references]
    if final.human_normalised is not None:
        scale = scale_words(final.references)
        lines.append(f"human-normalised score: {number(final.human_normalised)} ({scale})")
    elif final.human_normalised_note:
        lines.append(f"human-normalised score: {final.human_normalised_note}")
    return lines


def gain_words(history: Sequence[Generation], task: Task) -> str:
    """The best fitness of generation 1 and of all generations, on the seeds that select; empty before there are two.

    What a person brought in before them is nobody's gain.
    """
    bred = [g for g in history if g.index >= 1]
    first = _best_of(bred[:1])
    best = _best_of(bred)
    if first is None or best is None or len(bred) < 2:
        return ""
    more = best - first
    if more <= 0:
        return f"best of generation 1: {number(first)}{_unit(task)}; no later generation did better"
    share = f", {more / abs(first):+.0%}" if more < _TOLD_SHARE * abs(first) else ""
    return (
        f"best of generation 1: {number(first)}; best of all {len(bred)}: {number(best)}{_unit(task)} "
        f"(+{number(more)}{share}), on the seeds that choose"
    )


def spend_words(spend: Spend) -> str:
    """`1.2M env steps, 12,625 tokens, $0.0312`; tokens and cost only where there are any."""
    tokens = spend.tokens_in + spend.tokens_out
    words = [f"{count_words(spend.env_steps)} env steps"]
    words += [f"{tokens:,} tokens"] if tokens else []
    words += [f"${spend.cost_usd:.4f}"] if spend.cost_usd else []
    return ", ".join(words)


def count_words(count: float) -> str:
    """`950`, `12k`, `1.2M`."""
    if count < 1000:
        return f"{count:.0f}"
    if count < 1_000_000:
        return f"{count / 1000:.3g}k"
    return f"{count / 1_000_000:.3g}M"


def duration_words(seconds: float) -> str:
    """`8 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _candidate_words(attempt: Attempt, task: Task) -> str:
    words = f"{attempt.id}  {outcome_words(attempt.outcome, unit=task.fitness.unit)}"
    repaired = f"  (after {len(attempt.repairs)} repair{'s' * (len(attempt.repairs) > 1)})" if attempt.repairs else ""
    return one_line(words, limit=_WIDEST) + repaired


def _best_of(generations: Sequence[Generation]) -> float | None:
    return max((f for g in generations for a in g.attempts if (f := a.fitness) is not None), default=None)


def _unit(task: Task) -> str:
    return "" if task.fitness.unit == "1" else f" {task.fitness.unit}"


def _best_words(board: Board) -> str:
    if board.best is None or not isinstance(board.best.outcome, Judged):
        return "none yet"
    score = board.best.outcome.score
    against = [f"{r.name} {number(r.outcome.score.mean)}" for r in board.references if isinstance(r.outcome, Judged)]
    words = f"{number(score.mean)} +- {number(score.ci95)}{_unit(board.task)} ({board.best.id})"
    return f"{words}; {', '.join(against)}" if against else words


# --- plain lines ----------------------------------------------------------------------------------------------------


class Lines:
    """Plain lines, one when a stage begins and one each quarter of a training."""

    def __init__(self, board: Board, *, out: TextIO) -> None:
        self._board, self._out = board, out
        self._told = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return

    def __call__(self, progress: Progress) -> None:
        if self._board.progress(progress):
            self._told = 0.0
            if self._board.stage == "judge" and not self._board.breeding:
                return
            self.say(f"{self._where()}{STAGES[progress.stage]}{self._how_many(progress)}")
            for name, state in progress.states.items() if progress.stage == "propose" else ():
                if state != "asked":  # again, and why
                    self.say(f"  {name}  {one_line(state, limit=_WIDEST)}")
        elif progress.stage == "train" and progress.fraction >= self._told + _STEP and progress.fraction < 1.0:
            self._told = progress.fraction
            self.say(f"{self._where()}training {progress.fraction:.0%}{self._speed()}{self._left()}")

    def begun(self, history: Sequence[Generation], references: Sequence[ReferenceResult]) -> None:
        self._board.begun(history, references)

    def measured(self, references: Sequence[ReferenceResult]) -> None:
        self._board.measured(references)
        for line in reference_words(references, self._board.task):
            self.say(line)

    def finished(self, generation: Generation) -> None:
        self._board.add(generation)
        if not generation.attempts:
            return
        for line in generation_words(generation, self._board.task, took_s=self._board.latest_s):
            self.say(line)
        left = self._left()
        self.say(f"best so far: {_best_words(self._board)}{left}")

    def spent(self, spend: Spend) -> None:
        self._board.spend = spend

    def say(self, text: str) -> None:
        with suppress(OSError, ValueError):  # the reader of our output may be gone; the run goes on
            print(text, file=self._out, flush=True)

    def pause(self) -> None:
        self._board.pause()

    def _where(self) -> str:
        if not self._board.breeding:
            return ""
        return f"generation {self._board.generation}/{self._board.generations}: "

    def _how_many(self, progress: Progress) -> str:
        what = "policies" if progress.stage in ("train", "judge") else "candidates"
        return f" ({len(progress.states)} {what})" if len(progress.states) > 1 else ""

    def _speed(self) -> str:
        speed = self._board.env_steps_per_s
        return f", {speed:,.0f} env steps/s" if speed else ""

    def _left(self) -> str:
        left = self._board.seconds_left()
        return f", about {duration_words(left)} left" if left else ""


# --- a live panel ---------------------------------------------------------------------------------------------------


class Panel:
    """A panel that is redrawn in place; what is finished scrolls away above it."""

    def __init__(self, board: Board, *, out: TextIO) -> None:
        from rich.console import Console

        self._board = board
        self._console: Console = Console(file=out, highlight=False)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._draw()
        return self

    def __exit__(self, *exc: object) -> None:
        self._clear()

    def __call__(self, progress: Progress) -> None:
        self._board.progress(progress)
        self._draw()

    def begun(self, history: Sequence[Generation], references: Sequence[ReferenceResult]) -> None:
        self._board.begun(history, references)

    def measured(self, references: Sequence[ReferenceResult]) -> None:
        self._board.measured(references)
        for line in reference_words(references, self._board.task):
            self.say(line)

    def finished(self, generation: Generation) -> None:
        self._board.add(generation)
        if generation.attempts:
            title, *lines = generation_words(generation, self._board.task, took_s=self._board.latest_s)
            self._print(title, style="bold")
            for line in lines:
                fittest = self._board.best is not None and line.strip().startswith(self._board.best.id)
                self._print(line, style="green" if fittest else "dim" if " rejected at " in line else "")

    def spent(self, spend: Spend) -> None:
        self._board.spend = spend

    def say(self, text: str) -> None:
        self._print(text, style="")

    def pause(self) -> None:
        """Leave the terminal to others until the next progress."""
        self._board.pause()
        self._clear()

    def _draw(self) -> None:
        """Begin to draw, where that is not so yet; with a new `Live`, as an old one would draw over what was said."""
        from rich.live import Live

        if self._live is None:
            with suppress(OSError, ValueError):
                live = Live(console=self._console, get_renderable=self._render, refresh_per_second=4, transient=True)
                live.start()
                self._live = live

    def _clear(self) -> None:
        if self._live is not None:
            with suppress(OSError, ValueError):
                self._live.stop()
            self._live = None

    def _print(self, text: str, *, style: str) -> None:
        from rich.text import Text

        with suppress(OSError, ValueError):
            self._console.print(Text(text, style=style))

    def _render(self) -> RenderableType:
        return render(self._board)


def render(board: Board) -> RenderableType:
    """The panel as it stands: where the run is, each candidate's state, and the figures."""
    from rich.console import Group
    from rich.panel import Panel as Frame
    from rich.text import Text

    states = [Text(f"  {name}  {one_line(state, limit=60)}", style="cyan") for name, state in _shown(board.states)]
    done = round(_BAR * board.fraction)
    bar = Text.assemble(("━" * done, "green"), ("━" * (_BAR - done), "bright_black"), f" {board.fraction:.0%}")
    return Frame(
        Group(Text(_headline(board), style="bold"), bar, *states, Text(_figures(board))),
        title=f"rewardsmith: {board.task.name}",
        title_align="left",
        border_style="blue",
        width=_WIDEST,
    )


def _headline(board: Board) -> str:
    stage = STAGES.get(board.stage, "starting")
    if not board.breeding:
        return stage
    return f"generation {board.generation}/{board.generations}: {stage}"


def _figures(board: Board) -> str:
    left = board.seconds_left()
    speed = board.env_steps_per_s
    words = [f"best so far {_best_words(board)}"]
    words += [f"{speed:,.0f} env steps/s"] if speed else []
    words += [spend_words(board.spend)] if board.spend != Spend() else []
    words += [f"about {duration_words(left)} left"] if left else []
    return "\n".join((words[0], " | ".join(words[1:])))


def _shown(states: Mapping[str, str], most: int = 16) -> Iterator[tuple[str, str]]:
    listed = sorted(states.items())
    yield from listed[:most]
    if len(listed) > most:
        yield "...", f"and {len(listed) - most} more"
