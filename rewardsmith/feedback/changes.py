"""What an attempt changed against the reward it was bred from, and what became of that.

Told by what the programs compute, not by how the code reads: components added, dropped, renamed, rewritten, or the same
but for their numbers. What known episodes give tells a formula that was rewritten from one that gives the same
as before, or so many times as much. `data["what"]` is the same in one line, for the list of a generation's other
attempts, whose code nobody is shown; `data["lines"]` are the formulas that are new where components were added or
rewritten.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import torch
from torch import Tensor

from rewardsmith import graph_ops, graph_program
from rewardsmith.codetext import formulas, named_numbers, parsed, value_of
from rewardsmith.config import FeedbackSettings
from rewardsmith.feedback import episodes
from rewardsmith.feedback.episodes import Episode
from rewardsmith.feedback.wording import g, in_unit, label, named
from rewardsmith.graph import RewardGraph
from rewardsmith.graph_program import Program, Ref, Value
from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Feedback, Judged, Task, Trajectory

NUMBERS = 4  # changed numbers told of a component
LINES = 6  # new formulas told of an attempt
ASKED = 16  # known episodes that say whether two formulas give the same
SAME = 1e-5  # of the largest value

Pair = tuple[float, float]
"""A number as it was and as it is."""


def from_settings(settings: FeedbackSettings) -> Changes:  # noqa: ARG001 - nothing here is a matter of taste
    """The source; it has no settings."""
    return Changes()


class Changes:
    """Compares a judged attempt with its own parent in the lineage; says nothing of one without a judged parent."""

    name = "changes"

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        parent = next((turn for turn in scene.turns if turn.id in attempt.candidate.parents), None)
        if parent is None or not isinstance(parent.outcome, Judged):
            return None
        before, after = episodes.graph_of(parent), episodes.graph_of(attempt)
        if not isinstance(attempt.outcome, Judged) or before is None or after is None:
            return None
        found = by_values(compared(before, after), before, after, _asked(scene), scene.task)
        what = found.words(renumbered(parent.candidate.code, attempt.candidate.code))
        other = found.added or found.rewritten or found.total
        lines = new_formulas(parent.candidate.code, attempt.candidate.code) if other else []
        result = _result(parent.outcome, attempt.outcome, scene.task)
        return Feedback(
            source=self.name,
            text=f"Against its parent {parent.id}: {what}. {result}",
            data={"parent": parent.id, "what": what, "lines": lines},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Names of components; `renamed` from old to new, `tuned` with each number as it was and as it is.

    Of those rewritten, `alike` give what they gave, and `scaled` so many times that; `rewritten` are the others.
    `total`: the total is made of the components in another way than before, as far as that can be told.
    """

    added: tuple[str, ...]
    dropped: tuple[str, ...]
    renamed: Mapping[str, str]
    rewritten: tuple[str, ...]
    tuned: Mapping[str, tuple[Pair, ...]]
    kept: tuple[str, ...]
    alike: tuple[str, ...] = ()
    scaled: Mapping[str, float] = field(default_factory=dict)
    total: bool = False

    def words(self, names: Mapping[Pair, str] | None = None) -> str:
        """One line; `names` are what the code calls numbers that were changed, by how they were and are."""
        return "; ".join(self._parts(names or {})) or "it computes the same"

    def _parts(self, names: Mapping[Pair, str]) -> Iterator[str]:
        if self.added:
            yield f"added {named(self.added)}"
        if self.dropped:
            yield f"dropped {named(self.dropped)}"
        for old, new in self.renamed.items():
            yield f"`{label(old)}` is now called `{label(new)}`"
        if self.rewritten:
            yield f"rewrote {named(self.rewritten)}"
        for name, pairs in self.tuned.items():
            told = ", ".join(
                f"{_called(names, pair)}{_number(pair[0])} -> {_number(pair[1])}" for pair in pairs[:NUMBERS]
            )
            more = f" and {len(pairs) - NUMBERS} more" if len(pairs) > NUMBERS else ""
            yield f"numbers of `{label(name)}`: {told}{more}"
        if self.alike:
            yield f"rewrote {named(self.alike)} to the same effect"
        for name, factor in self.scaled.items():
            yield f"`{label(name)}` is {_number(factor)} times what it was"
        if self.total:
            yield "the total is made of the components in another way"
        others = self.added or self.dropped or self.rewritten or self.tuned or self.alike or self.scaled or self.total
        if self.kept and others:
            yield f"{named(self.kept)} unchanged"


def _called(names: Mapping[Pair, str], pair: Pair) -> str:
    return f"`{label(names[pair])}` " if pair in names else ""


def compared(before: RewardGraph, after: RewardGraph) -> Comparison:
    """What became of each component."""
    old, new = _parts(before), _parts(after)
    gone = [name for name in old if name not in new]
    renamed: dict[str, str] = {}
    for name in (n for n in new if n not in old):
        same = next((n for n in gone if old[n] == new[name] and n not in renamed), None)
        if same is not None:
            renamed[same] = name
    both = [name for name in new if name in old]
    added = tuple(n for n in new if n not in old and n not in renamed.values())
    dropped = tuple(n for n in gone if n not in renamed)
    alike = all(old[n] == new.get(renamed.get(n, n)) for n in old)
    return Comparison(
        added=added,
        dropped=dropped,
        renamed=renamed,
        rewritten=tuple(n for n in both if old[n].form != new[n].form),
        tuned={
            n: _differences(old[n].numbers, new[n].numbers)
            for n in both
            if old[n].form == new[n].form and old[n].numbers != new[n].numbers
        },
        kept=tuple(n for n in both if old[n] == new[n]),
        total=not added and not dropped and _reweighed(before, after, renamed, same=alike),
    )


# --- what the episodes say ------------------------------------------------------------------------------------------


def by_values(
    found: Comparison, before: RewardGraph, after: RewardGraph, known: Sequence[Trajectory], task: Task
) -> Comparison:
    """The comparison after a look at what either gives at every step of `known` episodes."""
    if not found.rewritten and not found.total:
        return found
    old, new = (episodes.under(graph, known, task) for graph in (before, after))
    factors = {n: _factor(episodes.joined(old, n), episodes.joined(new, n)) for n in found.rewritten}
    return replace(
        found,
        rewritten=tuple(n for n, factor in factors.items() if factor is None),
        alike=tuple(n for n, factor in factors.items() if factor == 1.0),
        scaled={n: factor for n, factor in factors.items() if factor not in (None, 1.0)},
        total=found.total and not (known and (_paid_alike(old, new) or (_sums(old) and _sums(new)))),
    )


def _sums(played: Sequence[Episode]) -> bool:
    """Whether a reward is the sum of its components, at every step."""
    return all(_close(sum(e.components.values(), torch.zeros(e.steps)), e.reward) for e in played)


def _paid_alike(old: Sequence[Episode], new: Sequence[Episode]) -> bool:
    """Whether two rewards pay the same at every step."""
    return all(_close(a.reward, b.reward) for a, b in zip(old, new, strict=True))


def _close(one: Tensor, two: Tensor) -> bool:
    return bool((one - two).abs().max() <= SAME * one.abs().max())


def _asked(scene: Scene) -> list[Trajectory]:
    """Some of the known episodes, spread over all of them."""
    apart = -(-len(scene.trajectories) // ASKED)
    return list(scene.trajectories[:: max(1, apart)])


def _factor(old: Tensor, new: Tensor) -> float | None:
    """By which number `old` is to be multiplied to give `new` at every step; None: none, or nothing that varies."""
    if len(old) != len(new) or len(old) < 2 or bool(old.min() == old.max()):
        return None
    factor = float(old @ new / (old @ old))
    if abs(factor - 1.0) < SAME:
        factor = 1.0
    close = bool((new - factor * old).abs().max() <= SAME * new.abs().max())
    return factor if close and factor != 0.0 else None


# --- how the code reads ---------------------------------------------------------------------------------------------


def new_formulas(before: str, after: str) -> list[str]:
    """The formulas of the code `after` that are not in `before`, a line each: at most six, single numbers last."""
    known = set(formulas(before))
    found = dict.fromkeys([*entries_first(formulas(after, numbers=False)), *formulas(after)])
    return [line for line in found if line not in known][:LINES]


def renumbered(before: str, after: str) -> dict[Pair, str]:
    """Numbers that both codes call alike and give another value each, where no second name stands for the pair."""
    old, new = _numbers_of(before), _numbers_of(after)
    pairs = {name: (old[name], new[name]) for name in old if name in new and old[name] != new[name]}
    found = list(pairs.values())
    return {pair: name for name, pair in pairs.items() if found.count(pair) == 1}


def _numbers_of(code: str) -> dict[str, float]:
    """Every literal number by its name, the last one of a name."""
    tree = parsed(code)
    told = [] if tree is None else [(name, value_of(node)) for name, node in named_numbers(tree)]
    return {name: float(value) for name, value in told if value is not None}


def entries_first(lines: Sequence[str]) -> list[str]:
    """Formulas with a dict's entries before names: what is paid before what it is made of."""
    return sorted(lines, key=lambda line: not line.startswith(("'", '"')))


# --- what a component computes --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A component as the operations it takes, `#` for every number, and those numbers in order."""

    form: str
    numbers: tuple[float, ...]


def _parts(graph: RewardGraph) -> dict[str, _Part]:
    program = graph_program.read(graph.to_json())
    return {name: _part(program, ref) for name, ref in program.components}


def _reweighed(before: RewardGraph, after: RewardGraph, renamed: Mapping[str, str], *, same: bool) -> bool:
    """Whether the totals are made of the components in two ways.

    One that is not made of the components alone tells it only where those are the `same`.
    """
    programs = [graph_program.read(graph.to_json()) for graph in (before, after)]
    leaves = [{ref.index: f"component {renamed.get(n, n)}" for n, ref in p.components} for p in programs]
    old, new = (_part(p, p.total, known) for p, known in zip(programs, leaves, strict=True))
    return old != new and (same or not any(_reads_inputs(p, k) for p, k in zip(programs, leaves, strict=True)))


def _reads_inputs(program: Program, leaves: Mapping[int, str]) -> bool:
    """Whether the total reads an input other than through the components."""
    return any(index < len(program.inputs) and index not in leaves for index in _order(program, program.total, leaves))


def _part(program: Program, end: Ref, leaves: Mapping[int, str] = MappingProxyType({})) -> _Part:
    """Every value on the way to `end` once, each after what it reads; `leaves` stand for themselves, by index."""
    first = len(program.inputs) + len(program.constants)
    order = _order(program, end, leaves)
    place = {index: i for i, index in enumerate(order)}
    lines: list[str] = []
    numbers: list[float] = []
    for index in order:
        if index in leaves:
            lines.append(leaves[index])
        elif index < len(program.inputs):
            lines.append(program.inputs[index])
        elif index < first:
            constant = program.constants[index - len(program.inputs)]
            lines.append(f"constant {constant.shape}")
            numbers.extend(constant.values)
        else:
            node = program.nodes[index - first]
            given = [_shown(v, place, numbers, node.op in graph_ops.POINTWISE) for v in node.args]
            given += [f"{name}={_shown(v, place, numbers, False)}" for name, v in node.kwargs]
            lines.append(f"{node.op}({', '.join(given)})")
    return _Part("\n".join(lines), tuple(numbers))


def _order(program: Program, end: Ref, leaves: Mapping[int, str]) -> list[int]:
    first = len(program.inputs) + len(program.constants)
    order: dict[int, None] = {}
    waiting = [(end.index, False)]
    while waiting:
        index, ready = waiting.pop()
        if index in order:
            continue
        reads = program.nodes[index - first].refs() if index >= first and index not in leaves else []
        if ready or not reads:
            order[index] = None
        else:
            waiting.append((index, True))
            waiting.extend((ref.index, False) for ref in reversed(reads))
    return list(order)


def _shown(value: Value, place: Mapping[int, int], numbers: list[float], tunable: bool) -> str:
    """An argument in the form; a number that can be tuned is noted in `numbers` instead."""
    if isinstance(value, Ref):
        return f"v{place[value.index]}.{value.out}"
    if tunable and isinstance(value, (int, float)) and not isinstance(value, bool):
        numbers.append(float(value))
        return "#"
    return repr(value)


def _differences(old: Sequence[float], new: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Each change once, however often the code that makes it is called."""
    return tuple(dict.fromkeys(pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]))


def _number(value: float) -> str:
    return g(value, digits=4)


# --- what became of it ----------------------------------------------------------------------------------------------


def _result(parent: Judged, child: Judged, task: Task) -> str:
    before, after = parent.score, child.score
    unit, change = in_unit(task.fitness.unit), after.mean - before.mean
    clear = abs(change) > math.hypot(before.ci95, after.ci95)
    verdict = (
        f"{'higher' if change > 0 else 'lower'}, beyond the judge's noise" if clear else "within the judge's noise"
    )
    if child.trained.env_steps < parent.trained.env_steps and change < 0:
        verdict = f"after {child.trained.env_steps} env steps, the parent's after {parent.trained.env_steps}"
    return f"Fitness went from {g(before.mean, digits=4)} to {g(after.mean, digits=4)}{unit}: {verdict}."
