"""Trajectory feedback: the best and the worst judged episode as named quantities at a few telling moments.

The idea is CARD's (Sun et al. 2024, arXiv:2410.14660), which prints every hundredth step. Here the moments are chosen:
the start, where the reward jumps, where the fitness quantity is at its highest, where two things came closest, the end.
The kept episodes are a sample of the judged ones; the score above is of all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import episodes
from rewardsmith.feedback.episodes import Episode
from rewardsmith.feedback.wording import NEGLIGIBLE, SHOWN_WHOLE, g, in_unit, label, plain, table, title, vector
from rewardsmith.graph import RewardGraph
from rewardsmith.interfaces import Scene
from rewardsmith.sources import measured_signals
from rewardsmith.types import PREVIOUS, Attempt, Feedback, Signal, Task

SIGNALS = 5  # columns of a table; what the reward reads comes first
PARTS = 6  # components shown, the largest first
ROWS = 4
ALIKE = 0.05  # episodes that differ in fitness by no more than this share of it are told once
JUMP = 5.0  # times the change of an ordinary step
APART = 0.05  # moments nearer to one another than this share of the episode, or than two steps, are one
PLACES = (2, 3)  # sizes of vectors that may be a place in metres


def from_settings(settings: FeedbackSettings) -> Trajectories:  # noqa: ARG001 - nothing here is a matter of taste
    """The source; it has no settings."""
    return Trajectories()


class Trajectories:
    """The best and the worst kept episode, step by telling step."""

    name = "trajectory"

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        graph, played = episodes.graph_of(attempt), episodes.own(attempt, scene.task)
        if graph is None or not played:
            return None
        signals = columns(scene.task, graph)
        shown = _shown(played)
        told = [(name, e, moments(e, scene.task)) for name, e in shown]
        return Feedback(
            source=self.name,
            text="\n\n".join(_text(name, e, when, scene.task, signals) for name, e, when in told),
            data={"episodes": [_data(name, e, when) for name, e, when in told]},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A transition worth looking at: `step` counts from 0, `why` in few words."""

    step: int
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Approach:
    """How near one thing came to another: `distance` after every step, `(T,)`, in `unit`."""

    what: str
    distance: Tensor
    unit: str

    @property
    def closest(self) -> int:
        return int(self.distance.argmin())

    def words(self) -> str:
        least, last = _beside(self.distance, self.closest), _beside(self.distance, -1)
        return f"{self.what}: {least}{in_unit(self.unit)} at step {self.closest + 1}, {last} at the end"


def columns(task: Task, graph: RewardGraph) -> list[Signal]:
    """The signals shown, five in all, in the task's order: those the reward reads come before others, and of either
    those that the task is measured by."""
    read = {name.removeprefix(PREVIOUS) for name in graph.inputs} | set(graph.inputs)
    measured = measured_signals(task)
    ranked = sorted(task.signals, key=lambda s: (s.name not in read, s.name not in measured))
    chosen = {s.name for s in ranked[:SIGNALS]}
    return [s for s in task.signals if s.name in chosen]


def moments(episode: Episode, task: Task) -> list[Moment]:
    """The start, the end and what is most telling between them, in order; those close together are told as one."""
    if episode.steps == 1:
        return [Moment(step=0, why="start and end")]
    found = [Moment(step=0, why="start"), Moment(step=episode.steps - 1, why="end")]
    for moment in _between(episode, task):
        if len(found) < ROWS and all(abs(m.step - moment.step) > max(1, APART * episode.steps) for m in found):
            found.append(moment)
    return sorted(found, key=lambda m: m.step)


def approaches(episode: Episode, task: Task) -> list[Approach]:
    """Places in metres two by two, and signals called a distance or an error; those that never change are left out."""
    played = episode.played.signals
    found = [
        Approach(what=s.name, distance=_size(played[s.name][1:]), unit=s.unit)
        for s in task.signals
        if s.name in played and _is_difference(s)
    ]
    places = [
        s
        for s in task.signals
        if s.unit == "m" and s.shape in [(n,) for n in PLACES] and s.name in played and not _is_difference(s)
    ]
    found += [
        Approach(what=f"{a.name} to {b.name}", distance=_size(played[a.name][1:] - played[b.name][1:]), unit="m")
        for a, b in itertools.combinations(places, 2)
        if a.shape == b.shape
    ]
    return [a for a in found if bool(a.distance.isfinite().all()) and float(a.distance.max() - a.distance.min()) > 0]


def _is_difference(signal: Signal) -> bool:
    """Whether it is named as what lies between two things."""
    return any(word in signal.name for word in ("distance", "error", "to_"))


def _between(episode: Episode, task: Task) -> Iterator[Moment]:
    """Most telling first."""
    if episode.steps < 3:
        return
    fitness = episode.played.fitness_steps
    if bool(fitness.isfinite().all()) and float(fitness.max() - fitness.min()) > 0:
        yield Moment(step=int(fitness.argmax()), why="fitness highest")
    jump = (episode.reward[1:] - episode.reward[:-1]).abs()
    if bool(jump.isfinite().all()) and float(jump.max()) > JUMP * float(jump.median()):
        at = int(jump.argmax())
        yield Moment(step=at + 1, why=f"reward jumps from {g(float(episode.reward[at]))}")
    for approach in approaches(episode, task)[:2]:
        yield Moment(step=approach.closest, why=f"{approach.what} closest")
    yield Moment(step=episode.steps // 2, why="half-way")


def _shown(played: Sequence[Episode]) -> list[tuple[str, Episode]]:
    """The best and the worst, or the best alone where they are as good as each other."""
    best, worst = played[-1].played.fitness, played[0].played.fitness
    alike = abs(best - worst) <= ALIKE * max(abs(best), abs(worst))
    return [("Best", played[-1])] if alike else [("Best", played[-1]), ("Worst", played[0])]


def _size(values: Tensor) -> Tensor:
    """The length of each row."""
    return values.reshape(len(values), -1).double().square().sum(dim=1).sqrt()


# --- wording --------------------------------------------------------------------------------------------------------


def _text(name: str, episode: Episode, when: Sequence[Moment], task: Task, signals: Sequence[Signal]) -> str:
    parts, moving = _largest(episode), [s for s in signals if _moves(episode, s)]
    head = ["step", *(title(s) for s in moving), "FITNESS now", "your reward", *(f"`{label(n)}`" for n in parts)]
    rows = [_row(episode, moment, moving, parts) for moment in when]
    if episode.steps > len(rows):
        rows.append(_means(episode, moving, parts))
    lines = [_opening(name, episode, task), table(head, rows)]
    still = [f"{title(s)} {vector(episode.played.signals[s.name][1])}" for s in signals if s not in moving]
    if still:
        lines.append(f"The same all the time: {', '.join(still)}.")
    near = approaches(episode, task)
    if near:
        lines.append(f"Closest: {'; '.join(a.words() for a in near[:3])}.")
    return "\n".join(lines)


def _moves(episode: Episode, signal: Signal) -> bool:
    values = episode.played.signals[signal.name][1:]
    return bool((values != values[0]).any())


def _opening(name: str, episode: Episode, task: Task) -> str:
    played = episode.played
    solved = {True: ", solved", False: ", not solved", None: ""}[played.success]
    end = "ended early by the environment" if played.terminated else "it lasted its whole time"
    sums = ", ".join(f"`{label(n)}` {g(episode.sums()[n])}" for n in _largest(episode))
    return (
        f"{name} of the kept episodes: fitness {g(played.fitness)}{in_unit(task.fitness.unit)}{solved}; {end}, "
        f"{episode.steps} of {task.episode_steps} steps. Your reward summed to {g(episode.total)}"
        f"{f' ({sums})' if sums else ''}."
    )


def _row(episode: Episode, moment: Moment, signals: Sequence[Signal], parts: Sequence[str]) -> list[str]:
    t = moment.step
    seen = [vector(episode.played.signals[s.name][t + 1], size=_most(episode, s)) for s in signals]
    given = [vector(episode.components[name][t], size=_counts(episode, name)) for name in parts]
    fitness, reward = _beside(episode.played.fitness_steps, t), _beside(episode.reward, t)
    return [f"{t + 1} ({moment.why})", *seen, fitness, reward, *given]


def _means(episode: Episode, signals: Sequence[Signal], parts: Sequence[str]) -> list[str]:
    """Over all steps, of a long vector the mean of its norm: a few moments of a gait say little of the whole."""
    seen = [_mean(episode.played.signals[s.name][1:], size=_most(episode, s)) for s in signals]
    given = [vector(episode.components[name].mean(), size=_counts(episode, name)) for name in parts]
    fitness, reward = g(float(episode.played.fitness_steps.mean())), g(float(episode.reward.mean()))
    return ["mean of all", *seen, fitness, reward, *given]


def _mean(values: Tensor, *, size: float) -> str:
    flat = values.reshape(len(values), -1).double()
    if flat.shape[1] > SHOWN_WHOLE:
        return f"norm {g(float(_size(values).mean()))}"
    return vector(flat.mean(dim=0), size=size)


def _beside(values: Tensor, t: int) -> str:
    """The number of step `t`, 0 where the others make it nothing."""
    return vector(values[t], size=float(values.abs().max()))


def _most(episode: Episode, signal: Signal) -> float:
    """The largest number of a signal in the episode."""
    return float(episode.played.signals[signal.name].abs().max())


def _counts(episode: Episode, name: str) -> float:
    """How large a component gets, or a thousandth of the reward where it gets less."""
    return max(float(episode.components[name].abs().max()), NEGLIGIBLE * float(episode.reward.abs().max()))


def _largest(episode: Episode) -> list[str]:
    """Names of the components with the largest sums, as the candidate ordered them."""
    ranked = sorted(episode.components, key=lambda n: -float(episode.components[n].abs().sum().nan_to_num()))[:PARTS]
    return [name for name in episode.components if name in ranked]


def _data(name: str, episode: Episode, when: Sequence[Moment]) -> dict[str, object]:
    return {
        "which": name.lower(),
        "steps": episode.steps,
        "fitness": plain(episode.played.fitness),
        "success": episode.played.success,
        "terminated": episode.played.terminated,
        "reward": plain(episode.total),
        "moments": [{"step": m.step + 1, "why": m.why} for m in when],
    }
