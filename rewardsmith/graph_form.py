"""One form for all equal programs: what does nothing is left out, what is equal is shared, the order is fixed.

Only steps that change no bit of any result are taken, so that renaming, reordering, dead code, comments and empty moves
change nothing and everything else does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from rewardsmith import graph_program
from rewardsmith.graph_check import Kinds, Names, kinds_of
from rewardsmith.graph_program import Constant, GraphError, Node, Program, Ref, Value

_SAME_VALUES = frozenset({"alias", "clone", "positive"})
_MOVES = _SAME_VALUES | frozenset(
    ["_to_copy", "copy", "expand", "squeeze", "squeeze.dim", "squeeze.dims", "slice.Tensor", "view", "_unsafe_view"]
)
"""Operations that do nothing where type and shape stay as they were."""

_MAX_ROUNDS = 8  # honest programs need two


def canonical(program: Program, signals: Names) -> tuple[Program, Kinds]:
    """The one form of `program`, with the kind of its every value. Raises: GraphError: it may not run."""
    for _ in range(_MAX_ROUNDS):
        program = _pruned(program)
        kinds = kinds_of(program, signals)
        shorter = _without_aliases(program, kinds)
        if shorter is program:
            return program, kinds
        program = shorter
    raise GraphError("the graph is a tangle of moves that do nothing")


# --- moves that do nothing --------------------------------------------------------------------------------------------


def _without_aliases(program: Program, kinds: Kinds) -> Program:
    """What reads the result of a move that does nothing reads its source instead."""
    first = len(program.inputs) + len(program.constants)
    stands_for: dict[Ref, Ref] = {}
    nodes: list[Node] = []
    for index, node in enumerate(program.nodes, start=first):
        nodes.append(_with_refs(node, stands_for))
        source = _source_of_move(nodes, first=first)
        if source is not None and kinds[source] == kinds.get(Ref(index)):
            stands_for[Ref(index)] = source
    if not stands_for:
        return program
    total = stands_for.get(program.total, program.total)
    components = tuple((name, stands_for.get(ref, ref)) for name, ref in program.components)
    return replace(program, nodes=tuple(nodes), total=total, components=components)


def _source_of_move(nodes: list[Node], *, first: int) -> Ref | None:
    """What the last node moves without changing a value; it does nothing where the kind stays the same as well."""
    node = nodes[-1]
    source = node.args[1] if node.op == "copy" else node.args[0]
    if not isinstance(source, Ref):
        return None
    match node.op:
        case "slice_scatter":  # an operation in place on a slice ends with writing the slice into itself
            written = node.args[1]
            at = written.index - first if isinstance(written, Ref) else -1
            return source if at >= 0 and nodes[at] == Node("slice.Tensor", (source, *node.args[2:])) else None
        case "permute":
            order = node.args[1]
            return source if isinstance(order, tuple) and order == tuple(range(len(order))) else None
    return source if node.op in _MOVES else None


def _with_refs(node: Node, instead: Mapping[Ref, Ref]) -> Node:
    def put(value: Value) -> Value:
        if isinstance(value, Ref):
            return instead.get(value, value)
        return tuple(put(item) for item in value) if isinstance(value, tuple) else value

    return Node(node.op, tuple(map(put, node.args)), tuple((name, put(value)) for name, value in node.kwargs))


# --- dead and equal nodes ---------------------------------------------------------------------------------------------


def _pruned(program: Program) -> Program:
    """The same results from the fewest nodes in a fixed order: dead ones dropped, equal ones shared."""
    order = _live(program)
    first = len(program.inputs) + len(program.constants)
    live_inputs = {program.inputs[i] for i in order if i < len(program.inputs)}
    inputs = tuple(sorted(live_inputs))
    new: dict[int, int] = {i: inputs.index(program.inputs[i]) for i in order if i < len(program.inputs)}
    constants: dict[str, tuple[int, Constant]] = {}
    for i in (i for i in order if len(program.inputs) <= i < first):
        constant = program.constants[i - len(program.inputs)]
        key = json.dumps(graph_program.constant_json(constant))  # as text, 0.0 is not -0.0
        new[i], _ = constants.setdefault(key, (len(inputs) + len(constants), constant))
    nodes: dict[str, tuple[int, Node]] = {}
    for i in (i for i in order if i >= first):
        node = program.nodes[i - first]
        node = _with_refs(node, {ref: Ref(new[ref.index], ref.out) for ref in node.refs()})
        source = node.args[0] if node.op in _SAME_VALUES else None
        if isinstance(source, Ref) and source.out is None:
            new[i] = source.index
            continue
        key = json.dumps(graph_program.node_json(node))
        new[i], _ = nodes.setdefault(key, (len(inputs) + len(constants) + len(nodes), node))
    return Program(
        inputs=inputs,
        unused=tuple(sorted({*program.unused, *program.inputs} - live_inputs)),
        constants=tuple(constant for _, constant in constants.values()),
        nodes=tuple(node for _, node in nodes.values()),
        total=Ref(new[program.total.index], program.total.out),
        components=tuple((name, Ref(new[ref.index], ref.out)) for name, ref in program.components),
    )


def _live(program: Program) -> list[int]:
    """Indices of the values the results depend on, each after what it reads."""
    first = len(program.inputs) + len(program.constants)
    ends = [program.total, *(ref for _, ref in sorted(program.components, key=lambda pair: pair[0]))]
    order: dict[int, None] = {}
    waiting = [(ref.index, False) for ref in reversed(ends)]
    while waiting:
        index, ready = waiting.pop()
        if index in order:
            continue
        reads = program.nodes[index - first].refs() if index >= first else []
        if ready or not reads:
            order[index] = None
        else:
            waiting.append((index, True))
            waiting.extend((ref.index, False) for ref in reversed(reads))
    return list(order)
