"""What is wrong with single components of a reward, by rule, from training curves and known episodes.

Constant, never active, dominating, at odds with fitness, saturated, and a reward that makes it pay to fail. The text
names faults only; a reward without any gets none. What the whole reward is exploited for is `hacking.py`'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import episodes
from rewardsmith.feedback.curves import COMPONENT, DOMINANT, FLAT
from rewardsmith.feedback.episodes import RANDOM, Episode, correlation, joined
from rewardsmith.feedback.reach import reach
from rewardsmith.feedback.saturation import Saturation, saturated
from rewardsmith.feedback.summary import ends
from rewardsmith.feedback.wording import g, label
from rewardsmith.interfaces import Scene
from rewardsmith.measures.correlation import side_by_side
from rewardsmith.types import Attempt, Feedback, Judged, Trained

Kind = Literal["never", "constant", "dominant", "opposed", "faded", "full", "ending_pays"]

OPPOSED = -0.5  # correlation with fitness
AGREES = 0.7  # from here on a component may be as large as it likes: it stands for the goal
EPISODES = 8  # the fewest known episodes that a correlation is made of
POINTS = 10  # the fewest points of a curve that one is made of, where there are too few episodes
SMALL = 0.2  # of the component that gets largest: a smaller one cannot be what misleads
SMALL_COST = 0.3  # the same of a penalty: one that grows with fitness is the price of moving
MANY = 1000  # times: beyond, the number says no more
MOVES = 0.1  # of the most it gets to: how far a component moves at nine steps in ten that is no flat one
SHORT, LONGER = 0.5, 1.1  # of their time, episodes are short; of their length at first, they have become longer
SOLVED = 0.9  # success rate from which on a function that is at its limit has done its work


def from_settings(settings: FeedbackSettings) -> Diagnosis:  # noqa: ARG001 - the thresholds are one table, above
    """The source; it has no settings."""
    return Diagnosis()


class Diagnosis:
    """Names faults of components; says nothing where there are none."""

    name = "diagnosis"

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        if not isinstance(attempt.outcome, Judged):
            return None
        found = diagnose(attempt, attempt.outcome, scene)
        if not found:
            return None
        lines = "\n".join(f"- {f.text}" for f in found)
        return Feedback(
            source=self.name,
            text=f"Faults of single components:\n{lines}",
            data={"findings": [{"kind": f.kind, "component": f.component, "text": f.text} for f in found]},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One fault: `kind` for programs, `text` for readers; `component` is None where it is of the whole."""

    kind: Kind
    text: str
    component: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """What is known of one attempt: its own episodes, others under its reward, and its training's component curves."""

    trained: Trained
    own: tuple[Episode, ...] = ()
    others: tuple[Episode, ...] = ()
    curves: Mapping[str, Tensor] = field(default_factory=dict)  # finite means per step
    names: tuple[str, ...] = ()
    episode_steps: int = 0
    lasting: bool = False  # whether episodes can end early, as far as is known

    def lived(self, name: str) -> Tensor:
        """A component under the trained policy: at every step of its own episodes or, for want of any, its curve."""
        mine = joined(self.own, name)
        return mine if len(mine) else self.curves.get(name, torch.zeros(0, dtype=torch.float64))

    def ever(self, name: str) -> Tensor:
        """A component wherever it is known: own episodes, others' and the training."""
        known = (joined(self.own, name), joined(self.others, name), self.curves.get(name, torch.zeros(0)).double())
        return torch.cat(known)

    def size(self, name: str) -> float:
        values = self.lived(name)
        return float(values.abs().mean()) if len(values) else 0.0

    def mean(self, name: str) -> float:
        values = self.lived(name)
        return float(values.mean()) if len(values) else 0.0

    def peak(self, name: str) -> float:
        values = self.ever(name)
        return float(values.abs().max()) if len(values) else 0.0

    def largest(self, name: str) -> float:
        """How large a component gets, as a share of the one that gets largest."""
        return _share(self.peak, name, self.names)

    def typical(self, name: str) -> float:
        """How large it is on average under the policy, as a share of the one that is largest."""
        return _share(self.size, name, self.names)

    def uneven(self) -> bool:
        """Whether correlations are of the sums of episodes that differ in length."""
        played = (*self.own, *self.others)
        return len(played) >= EPISODES and len({e.steps for e in played}) > 1


def _share(size: Callable[[str], float], name: str, names: Sequence[str]) -> float:
    most = max(size(n) for n in names)
    return size(name) / most if most else 0.0


def diagnose(attempt: Attempt, judged: Judged, scene: Scene) -> list[Finding]:
    """Every fault found, the same component once a kind, most telling first."""
    known = _material(attempt, judged, scene)
    agrees = agreements(known)
    flat = _saturated(attempt, judged, known, scene)
    asleep = {f.component for f in flat}
    return [
        *_ending_pays(known),
        *_opposed(known, agrees),
        *_dominant(known, agrees),
        *flat,
        *(f for f in _still(known, _signs(attempt, known, scene)) if f.component not in asleep),
    ]


def agreements(known: Material) -> dict[str, float]:
    """Each component's correlation with fitness, where it has one: of known episodes' sums, else over the training."""
    found = {name: _over_episodes(known, name) for name in known.names}
    if len(known.own) + len(known.others) < EPISODES:
        found = {name: _in_training(known.trained, name) for name in known.names}
    return {name: r for name, r in found.items() if r is not None}


def _over_episodes(known: Material, name: str, reduce: Callable[[Tensor], Tensor] = Tensor.sum) -> float | None:
    pairs = [(float(reduce(e.components[name].double())), e.played.fitness) for e in (*known.own, *known.others)]
    return _correlation(pairs, least=EPISODES)


def _in_training(trained: Trained, name: str) -> float | None:
    fitness, curve = trained.curve("fitness"), trained.curve(COMPONENT + name)
    if fitness is None or curve is None:
        return None
    return _correlation(side_by_side(curve, fitness), least=POINTS)


def _correlation(pairs: Sequence[tuple[float, float]], *, least: int) -> float | None:
    finite = [pair for pair in pairs if all(map(math.isfinite, pair))]
    return correlation([a for a, _ in finite], [b for _, b in finite]) if len(finite) >= least else None


def _material(attempt: Attempt, judged: Judged, scene: Scene) -> Material:
    curves = {
        c.name.removeprefix(COMPONENT): values[values.isfinite()]
        for c in judged.trained.curves
        if c.name.startswith(COMPONENT)
        for values in (torch.tensor(c.values, dtype=torch.float64),)
    }
    graph = episodes.graph_of(attempt)
    own, others = episodes.own(attempt, scene.task), episodes.others(attempt, scene)
    lengths = judged.trained.curve("episode_length")
    shortest = min(lengths.values, default=math.inf) if lengths else math.inf
    return Material(
        trained=judged.trained,
        own=own,
        others=others,
        episode_steps=scene.task.episode_steps,
        lasting=shortest < scene.task.episode_steps or any(e.played.terminated for e in (*own, *others)),
        curves=curves,
        names=graph.components if graph else tuple(curves),
    )


# --- the faults -----------------------------------------------------------------------------------------------------


def _ending_pays(known: Material) -> Iterator[Finding]:
    """Nearly every step costs, and episodes end early without success: ending soon is the best there is."""
    failed = [e for e in known.own if e.played.terminated and not e.played.success]
    if not known.own or len(failed) < len(known.own) / 2:
        yield from _ending_pays_in_training(known)
        return
    steps = torch.cat([e.reward for e in failed]).double()
    if float((steps < 0).double().mean()) > 0.9:
        yield Finding(
            kind="ending_pays",
            text=f"Your reward is negative at nearly every step (mean {g(float(steps.mean()))}) and episodes can end "
            "early: to fail at once loses least. Make an ordinary step worth more than none.",
        )


def _ending_pays_in_training(known: Material) -> Iterator[Finding]:
    """The same of a policy whose mean actions last: while it explores, episodes end early and a step costs."""
    reward, length, success = (known.trained.curve(name) for name in ("reward", "episode_length", "success"))
    if reward is None or length is None or (success is not None and ends(success.values)[1] >= 0.5):
        return
    pays, (before, lasts) = ends(reward.values)[1], ends(length.values)
    if pays < 0 and lasts < SHORT * known.episode_steps and lasts <= LONGER * before:
        yield Finding(
            kind="ending_pays",
            text=f"In training, where the policy explores, episodes last {g(lasts, digits=3)} of {known.episode_steps} "
            f"steps and your reward is {g(pays)} a step: to fail at once loses least. Make an ordinary step worth more "
            "than none.",
        )


def _opposed(known: Material, agrees: Mapping[str, float]) -> Iterator[Finding]:
    """A component that is higher where fitness is lower, and gets large enough to matter."""
    for name, r in agrees.items():
        if r < OPPOSED and _misleads(known, name):
            yield Finding(
                kind="opposed",
                component=name,
                text=f"`{label(name)}` is higher where fitness is lower (correlation {r:.2f}): it pulls against the "
                "goal. Turn its sign, gate it with progress, or drop it.",
            )


def _misleads(known: Material, name: str) -> bool:
    """Whether a component that goes against fitness is large enough to mislead.

    A penalty's sum grows with an episode's length, and an early end makes a peak of it: where lengths differ, its mean
    size counts, and its means per step must go against fitness too.
    """
    if known.mean(name) >= 0:
        return known.largest(name) > SMALL
    if not known.uneven():
        return known.largest(name) > SMALL_COST
    r = _over_episodes(known, name, Tensor.mean)
    return known.typical(name) > SMALL_COST and r is not None and r < OPPOSED


def _dominant(known: Material, agrees: Mapping[str, float]) -> Iterator[Finding]:
    """One component over ten times the next that pays, unless it plainly stands for the goal."""
    ranked = sorted(known.names, key=known.size, reverse=True)
    paying = [name for name in ranked[1:] if known.mean(name) > 0]
    if not paying or known.size(ranked[0]) <= DOMINANT * known.size(paying[0]):
        return
    first, second = ranked[0], paying[0]
    r = agrees.get(first)
    if r is not None and r > AGREES:
        return
    text = (
        f"`{label(first)}` is {_times(known.size(first), known.size(second))} as large as `{label(second)}`, the next "
        f"that pays (mean per step {g(known.mean(first))} against {g(known.mean(second))}): the policy works for "
        f"`{label(first)}` alone. "
        f"{'It does not go with fitness either. ' if r is not None and r < AGREES / 2 else ''}"
        "Make it smaller unless it stands for the goal itself."
    )
    yield Finding(kind="dominant", component=first, text=text)


def _times(large: float, small: float) -> str:
    """How many times, as far as that says anything."""
    return f"{g(large / small, digits=2)} times" if large < MANY * small else f"over {MANY} times"


def _signs(attempt: Attempt, known: Material, scene: Scene) -> Mapping[str, int]:
    """Of components that were 0 at every known step: 1 where other states are paid, -1 where they only cost."""
    graph, played = episodes.graph_of(attempt), [e.played for e in (*known.own, *known.others)]
    if graph is None or not played or all(known.peak(name) for name in known.names):
        return {}
    found = reach(graph, played, scene.task)
    return {name: 1 if high > 0 else -1 for name, (low, high) in found.items() if low or high}


def _still(known: Material, signs: Mapping[str, int]) -> Iterator[Finding]:
    """Components that are 0, or the same, at every step that is known, or 0 wherever the policy goes."""
    most = max((known.size(name) for name in known.names), default=0.0)
    for name in known.names:
        values = known.ever(name)
        size, spread = known.peak(name), float(values.max() - values.min()) if len(values) else 0.0
        if len(values) and size == 0:
            if (sign := signs.get(name, 0)) >= 0:
                yield Finding(kind="never", component=name, text=_never(name, sign))
        elif known.own and known.size(name) == 0 and _unreached(known, name):
            text = (
                f"`{label(name)}` was 0 wherever this policy went, though a known episode of another gets up to "
                f"{g(size)}: it shows no way to where it pays."
            )
            yield Finding(kind="never", component=name, text=text)
        elif len(values) and spread <= FLAT * size and not (known.lasting and 0 < known.mean(name) < most):
            always = g(float(values.mean()))
            text = f"`{label(name)}` was the same at every step ({always}): {_taught(known, name)}."
            yield Finding(kind="constant", component=name, text=text)


def _never(name: str, sign: int) -> str:
    if sign > 0:
        return (
            f"`{label(name)}` was 0 at every step: what it rewards never happened. Ease its condition, drop "
            "it, or, if it stands for success, let another component lead there."
        )
    return (
        f"`{label(name)}` was 0 at every step. If it is meant to pay, ease its condition or let another component lead "
        "there; a penalty for what never happened is no fault."
    )


def _taught(known: Material, name: str) -> str:
    """What a constant teaches."""
    if not known.lasting:
        return "it can teach nothing"
    return "it can teach nothing but how long to last" if known.mean(name) > 0 else "it pays for ending episodes early"


def _unreached(known: Material, name: str) -> bool:
    """Whether a component that pays was 0 in training as well as in the judged episodes."""
    curve = known.curves.get(name)
    return float(known.ever(name).max()) > 0 and (curve is None or float(curve.abs().max()) == 0)


def _saturated(attempt: Attempt, judged: Judged, known: Material, scene: Scene) -> list[Finding]:
    graph, rate = episodes.graph_of(attempt), judged.score.success_rate
    if graph is None or (rate is not None and rate >= SOLVED):
        return []
    own = [e.played for e in known.own]
    start = [e.played for e in known.others if e.played.source == RANDOM]
    found = saturated(graph, own, start, scene.task)
    return [
        Finding(kind=s.state, component=s.squash.component, text=_asleep(s)) for s in found if not _is_gate(s, known)
    ]


def _is_gate(s: Saturation, known: Material) -> bool:
    """Whether a tanh or sigmoid at its limit is a factor of something that moves all the same."""
    values = known.lived(s.squash.component)
    if s.squash.shape == "exp" or s.state != "full" or not s.squash.factor or not len(values):
        return False
    low, high = (episodes.share(values, at) for at in (0.05, 0.95))
    return high - low > MOVES * float(values.abs().max())


def _asleep(s: Saturation) -> str:
    name, share = f"`{label(s.squash.component)}`", f"{math.floor(100 * s.flat)}% of the steps"
    formula = _formula(s)
    match s.squash.shape, s.state:
        case shape, "faded":
            what = "exponent" if shape == "exp" else "argument"
            seen = f"{name}: {formula} has faded to 0 at {share} (median {what} {g(s.median)}), so it shows no way"
        case "exp", "full":
            seen = f"{name}: {formula} is 1 at {share} (median exponent {g(s.median)}), so it tells nothing apart"
        case _:
            flat = f"{name}: {formula} is flat at {share} (median argument {g(s.median)})"
            seen = f"{flat}: a change there changes nothing"
    return f"{seen}. {_remedy(s)}"


def _formula(s: Saturation) -> str:
    inner = "x" if s.squash.scale is None else f"x / {g(s.squash.scale)}"
    if s.squash.power != 1:
        inner = f"({inner})^{g(s.squash.power)}"
    return f"{s.squash.shape}({'-' if s.squash.shape == 'exp' and s.median < 0 else ''}{inner})"


def _remedy(s: Saturation) -> str:
    if s.better is None or s.squash.scale is None or s.squash.power != 1:  # then the code has another number
        way = f"divide its argument by {g(abs(s.median), digits=2)}"
        return f"To bring the median argument to about 1, {way}."
    return (
        f"A temperature of about {g(s.better, digits=2)} in place of {g(s.squash.scale)} brings the median to about 1."
    )
