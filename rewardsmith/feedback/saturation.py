"""Exponentials and their like that are flat wherever the policy goes, and the temperature that would wake them.

Found in the candidate's graph: `exp`, `tanh` and `sigmoid` on the way from a component back to its inputs; what goes
into them is computed on known episodes by a graph of its own. An `exp(-x / t)` with x far above t is 0 and teaches
nothing; with x far below t it is 1 and teaches nothing either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from rewardsmith import graph_program, pool
from rewardsmith.feedback.episodes import share
from rewardsmith.graph import RewardGraph, allowed_inputs
from rewardsmith.graph_check import Kind, Kinds, kinds_of
from rewardsmith.graph_program import MAX_COMPONENTS, Node, Program, Ref
from rewardsmith.types import Task, Trajectory

Shape = Literal["exp", "tanh", "sigmoid"]
State = Literal["faded", "full"]

FADED = -4.0  # below it an exp and a sigmoid are under 0.02; above its opposite a sigmoid is over 0.98
FULL = 3.0  # beyond it, on either side, tanh is within 0.005 of its limit
NEAR_ZERO = 0.02  # nearer to 0 than this, an exp is within 0.02 of 1
NEARLY_ALL = 0.95  # of the steps
COLUMNS = 6  # of an argument with several numbers a row


@dataclass(frozen=True, kw_only=True, slots=True)
class Squash:
    """A function in a component, and its argument: `scale` is t in x / t, and x enters with `power`.

    `scale` is None where the argument is not plainly something over a number. `factor`: something else that depends on
    the inputs is multiplied by it.
    """

    component: str
    shape: Shape
    argument: Ref
    scale: float | None
    power: float
    factor: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Saturation:
    """A squash that is flat: `flat` is the share of steps, `median` that of the argument, `better` the scale that would
    bring the median's size to 1."""

    squash: Squash
    state: State
    flat: float
    median: float
    better: float | None


def saturated(
    graph: RewardGraph, own: Sequence[Trajectory], start: Sequence[Trajectory], task: Task
) -> list[Saturation]:
    """The functions that are flat at nearly all steps of `own`, each once, as the components are ordered.

    An `exp` must be flat in `start`, the episodes learning sets out from, as well: one that the policy has left, or
    has reached, was of use.
    """
    signals = allowed_inputs(task)
    program = graph_program.read(graph.to_json())
    kinds = kinds_of(program, signals)
    every = [s for name, ref in program.components for s in squashes(program, name, ref)]
    once = {(s.shape, s.argument): s for s in reversed(every)}  # of the first component it is in
    asked = [s for s in every if once[s.shape, s.argument] is s and _fits(kinds[s.argument])]
    if not asked or not own:
        return []
    refs = [s.argument for s in asked]
    mine = _arguments(program, refs, kinds, own, task)
    first = _arguments(program, refs, kinds, start, task) if start else {}
    return [
        found
        for squash in asked
        if (found := _judge(squash, mine[squash.argument]))
        and (squash.shape != "exp" or not first or _state(squash, first[squash.argument])[0] == found.state)
    ]


def squashes(program: Program, component: str, ref: Ref) -> list[Squash]:
    """The nearest `exp`, `tanh` or `sigmoid` on every way back from a component's value."""
    first = len(program.inputs) + len(program.constants)
    found: list[Squash] = []
    waiting, seen = [(ref, False)], set[int]()
    while waiting:
        at, factor = waiting.pop()
        if at.index in seen or at.index < first:
            continue
        seen.add(at.index)
        node = program.nodes[at.index - first]
        argument = node.args[0] if node.args else None
        if node.op in ("exp", "tanh", "sigmoid") and isinstance(argument, Ref):
            scale, power = _scale(program, argument)
            shape: Shape = "exp" if node.op == "exp" else "tanh" if node.op == "tanh" else "sigmoid"
            found.append(
                Squash(component=component, shape=shape, argument=argument, scale=scale, power=power, factor=factor)
            )
        else:
            inner = factor or _is_product(program, node)
            waiting.extend((ref, inner) for ref in reversed(node.refs()))
    return found


def _is_product(program: Program, node: Node) -> bool:
    """Whether two values that depend on the inputs are multiplied."""
    made = len(program.inputs) + len(program.constants)
    fixed = range(len(program.inputs), made)
    return node.op == "mul.Tensor" and sum(ref.index not in fixed for ref in node.refs()) > 1


# --- the temperature ------------------------------------------------------------------------------------------------


def _scale(program: Program, ref: Ref) -> tuple[float | None, float]:
    """t and n of an argument (x / t) ** n, up to its sign; t is None where no number divides or multiplies x."""
    first = len(program.inputs) + len(program.constants)
    scale, power = 1.0, 1.0
    while ref.index >= first:
        node = program.nodes[ref.index - first]
        source, number = _by_number(node)
        if source is None:
            break
        if node.op in ("div.Tensor", "div.Scalar") and number:
            scale *= abs(number)
        elif node.op in ("mul.Tensor", "mul.Scalar") and number:
            scale /= abs(number)
        elif node.op in ("pow.Tensor_Scalar", "square") and (number or 2.0) > 0:
            power *= number or 2.0
            scale **= 1 / (number or 2.0)
        elif node.op != "neg":
            break
        ref = source
    return (scale if scale != 1.0 else None), power


def _by_number(node: Node) -> tuple[Ref | None, float | None]:
    """A node's one tensor argument and its one number; an operation between two tensors has none of either."""
    refs = node.refs()
    numbers = [float(a) for a in node.args if isinstance(a, (int, float)) and not isinstance(a, bool)]
    if len(refs) != 1 or refs[0] != node.args[0]:
        return None, None
    return refs[0], numbers[0] if len(numbers) == 1 else None


# --- on known episodes ----------------------------------------------------------------------------------------------


def _fits(kind: Kind) -> bool:
    """One number an environment, or a few."""
    sizes = kind.shape
    rows = bool(sizes) and sizes[0].per_row and sizes[0].count == 1
    few = len(sizes) == 1 or (len(sizes) == 2 and not sizes[1].per_row and sizes[1].count <= COLUMNS)
    return kind.dtype == torch.float32 and rows and few


def _arguments(
    program: Program, refs: Sequence[Ref], kinds: Kinds, played: Sequence[Trajectory], task: Task
) -> dict[Ref, Tensor]:
    """What each of `refs` is on all steps, from graphs whose components they are."""
    nodes, asked = list(program.nodes), list[tuple[Ref, Ref]]()
    first = len(program.inputs) + len(program.constants)
    for ref in dict.fromkeys(refs):
        for column in _columns(ref, kinds[ref]):
            if isinstance(column, Node):
                nodes.append(column)
            asked.append((ref, Ref(first + len(nodes) - 1) if isinstance(column, Node) else column))
    found: dict[Ref, list[Tensor]] = {}
    for start in range(0, len(asked), MAX_COMPONENTS):
        some = asked[start : start + MAX_COMPONENTS]
        probe = replace(program, nodes=tuple(nodes), components=tuple((f"a{i}", at) for i, (_, at) in enumerate(some)))
        graph = RewardGraph(probe, signals=allowed_inputs(task))
        for _, components in pool.rewards(graph, played, episode_steps=task.episode_steps):
            for i, (ref, _) in enumerate(some):
                found.setdefault(ref, []).append(components[f"a{i}"])
    return {ref: torch.cat(values).double() for ref, values in found.items()}


def _columns(ref: Ref, kind: Kind) -> Iterator[Ref | Node]:
    """A value of one number a row as it is; of several, a node for each."""
    if len(kind.shape) == 1:
        yield ref
        return
    for k in range(kind.shape[1].count):
        yield Node("select.int", (ref, 1, k))


def _judge(squash: Squash, argument: Tensor) -> Saturation | None:
    """The squash as saturated, where nearly all of its argument lies where it is flat."""
    state, flat = _state(squash, argument)
    median = share(argument[argument.isfinite()], 0.5) if state else 0.0
    if state is None or not median:  # an argument of exactly 0 is a condition that holds, not a temperature gone wrong
        return None
    better = None if squash.scale is None else squash.scale * abs(median) ** (1 / squash.power)
    return Saturation(squash=squash, state=state, flat=flat, median=median, better=better)


def _state(squash: Squash, argument: Tensor) -> tuple[State | None, float]:
    """Where the function is flat at nearly all steps, and at what share of them."""
    argument = argument[argument.isfinite()]
    for state, flat in _flat(squash.shape, argument) if len(argument) else ():
        at = float(flat.double().mean())
        if at >= NEARLY_ALL:
            return state, at
    return None, 0.0


def _flat(shape: Shape, argument: Tensor) -> list[tuple[State, Tensor]]:
    """Each way of being flat, and the steps it holds at."""
    match shape:
        case "exp":
            return [("faded", argument < FADED), ("full", argument.abs() < NEAR_ZERO)]
        case "tanh":
            return [("full", argument.abs() > FULL)]
        case "sigmoid":
            return [("faded", argument < FADED), ("full", argument > -FADED)]
