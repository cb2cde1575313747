"""Tests of `rewardsmith.graph`: what may become a graph, when two are equal, and what running one gives."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewardsmith import graph_check, graph_ops
from rewardsmith.graph import MOST_MIB, GraphError, RewardGraph, _block, allowed_inputs
from rewardsmith.types import EnvSpec, Measure, References, Signal, Task

SIGNALS: dict[str, tuple[int, ...]] = {"speed": (), "hand": (3,), "goal": (3,), "foot": (4, 3)}

Json = dict[str, Any]


def _node(op: str, *args: object, **kwargs: object) -> Json:
    return {"op": op, "args": list(args), "kwargs": kwargs}


def _t(index: int, out: int | None = None) -> Json:
    return {"t": index} if out is None else {"t": index, "out": out}


def _program(**changes: object) -> Json:
    """-0.5 * |hand - goal| + speed, with the first term as a component."""
    whole: Json = {
        "version": 1,
        "inputs": ["hand", "goal", "speed"],
        "unused": [],
        "constants": [{"dtype": "float32", "shape": [], "values": [-0.5]}],
        "nodes": [
            _node("sub.Tensor", _t(0), _t(1)),
            _node("linalg_vector_norm", _t(4), 2, [-1]),
            _node("mul.Tensor", _t(5), _t(3)),
            _node("add.Tensor", _t(6), _t(2)),
        ],
        "total": _t(7),
        "components": [["near", _t(6)]],
    }
    return whole | changes


def _graph(program: Json) -> RewardGraph:
    return RewardGraph.from_json(json.dumps(program), signals=SIGNALS)


def _rows(count: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(count)
    return {name: torch.randn((count, *shape), generator=generator) for name, shape in SIGNALS.items()}


def test_a_graph_computes_what_it_says() -> None:
    # |(3, 0, 0) - (0, 4, 0)| = 5, so near = -2.5; with speed 1 the total is -1.5
    rows = {
        "hand": torch.tensor([[3.0, 0.0, 0.0]]),
        "goal": torch.tensor([[0.0, 4.0, 0.0]]),
        "speed": torch.tensor([1.0]),
    }
    total, components = _graph(_program())(rows)
    assert total.tolist() == [-1.5]
    assert {name: value.tolist() for name, value in components.items()} == {"near": [-2.5]}


@given(count=st.integers(min_value=1, max_value=70))
@settings(max_examples=25, deadline=None)
def test_any_number_of_rows_gives_one_value_each(count: int) -> None:
    rows = _rows(count)
    total, components = _graph(_program())(rows)
    expected = -0.5 * (rows["hand"] - rows["goal"]).norm(dim=-1) + rows["speed"]
    assert total.shape == components["near"].shape == (count,)
    assert torch.allclose(total, expected, atol=1e-6)


def _wide() -> RewardGraph:
    """The sum of sigmoid(-(speed - 0.1 i)^2) over i up to 2047, and the fifth once more."""
    nodes = [
        _node("arange", 2048, dtype={"dtype": "float32"}),  # v1
        _node("mul.Scalar", _t(1), 0.1),
        _node("unsqueeze", _t(0), -1),  # v3
        _node("sub.Tensor", _t(3), _t(2)),
        _node("square", _t(4)),
        _node("neg", _t(5)),
        _node("sigmoid", _t(6)),
        _node("sum.dim_IntList", _t(7), [-1]),  # v8
        _node("select.int", _t(7), -1, 5),  # v9, which shares the memory of v7
        _node("add.Tensor", _t(8), _t(9)),
    ]
    program = _program(inputs=["speed"], constants=[], nodes=nodes, total=_t(10), components=[["fifth", _t(9)]])
    return _graph(program)


def test_more_rows_than_memory_is_granted_for_are_computed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _wide()
    monkeypatch.setattr("rewardsmith.graph.MOST_MIB", 32)  # 4 * 2048 + 5 values a row, 1023 rows: blocks of 512
    blocks = _wide()
    seen: list[int] = []
    run = blocks._run
    monkeypatch.setattr(blocks, "_run", lambda once, speed: seen.append(len(speed)) or run(once, speed))
    for rows, expected in ((512, [512]), (513, [512, 1]), (1500, [512, 512, 476])):
        seen.clear()
        total, components = blocks(_rows(rows))
        as_whole, parts = whole(_rows(rows))
        assert seen == expected
        assert torch.equal(total, as_whole)
        assert torch.equal(components["fifth"], parts["fifth"])
        if rows > 512:  # 12 bytes a row, and not all that the blocks computed
            assert components["fifth"].untyped_storage().nbytes() <= 12 * rows


def test_no_graph_is_too_wide_for_blocks_in_which_rows_keep_their_places() -> None:
    most = graph_check.MAX_WORK * 8  # bytes a row, if all were float64
    assert _block(most) == 512
    assert _block(most // 3) == 1024
    assert _block(4) * 4 == MOST_MIB * 2**20


def test_attributes_name_what_is_read_reported_and_unused() -> None:
    graph = _graph(_program(inputs=["hand", "goal", "speed"], total=_t(6)))
    assert (graph.inputs, graph.components, graph.unused) == (("goal", "hand"), ("near",), ("speed",))


def test_a_graph_survives_its_own_text() -> None:
    graph = _graph(_program())
    again = RewardGraph.from_json(graph.to_json(), signals=SIGNALS)
    assert again == graph
    assert hash(again) == hash(graph)
    assert again.to_json() == graph.to_json()


def test_order_of_arguments_and_dead_code_do_not_change_the_hash() -> None:
    other = _program(
        inputs=["speed", "foot", "goal", "hand"],
        constants=[
            {"dtype": "float32", "shape": [1], "values": [9.0]},
            {"dtype": "float32", "shape": [], "values": [-0.5]},
        ],
        nodes=[
            _node("exp", _t(0)),
            _node("sub.Tensor", _t(3), _t(2)),
            _node("sub.Tensor", _t(3), _t(2)),
            _node("linalg_vector_norm", _t(8), 2, [-1]),
            _node("mul.Tensor", _t(9), _t(5)),
            _node("clone", _t(10)),
            _node("add.Tensor", _t(11), _t(0)),
        ],
        total=_t(12),
        components=[["near", _t(10)]],
    )
    assert _graph(other).sha256 == _graph(_program()).sha256


@pytest.mark.parametrize(
    "change",
    [
        {"components": [["close", _t(6)]]},
        {"constants": [{"dtype": "float32", "shape": [], "values": [-0.25]}]},
        {"total": _t(6)},
    ],
)
def test_another_meaning_is_another_hash(change: Json) -> None:
    assert _graph(_program(**change)) != _graph(_program())


_NODES = _program()["nodes"]

DOCTORED: dict[str, Json] = {
    "another version": _program(version=2),
    "a field too many": _program(extra=1),
    "an input nobody declared": _program(inputs=["hand", "goal", "secret"]),
    "an input twice": _program(inputs=["hand", "hand", "speed"]),
    "an operation off the list": _program(nodes=[_node("rand_like", _t(0)), *_NODES[1:]]),
    "a Python name as operation": _program(nodes=[_node("__class__", _t(0)), *_NODES[1:]]),
    "a reference forwards": _program(nodes=[_node("sub.Tensor", _t(0), _t(7)), *_NODES[1:]]),
    "a reference to itself": _program(nodes=[_node("sub.Tensor", _t(0), _t(4)), *_NODES[1:]]),
    "a negative reference": _program(total=_t(-1)),
    "a boolean reference": _program(total={"t": True}),
    "a result picked where there is one": _program(total=_t(7, 0)),
    "no result picked where there are two": _program(nodes=[*_NODES, _node("max.dim", _t(0), 1)], total=_t(8)),
    "a result that is not there": _program(nodes=[*_NODES, _node("max.dim", _t(0), 1)], total=_t(8, 5)),
    "an argument too many": _program(nodes=[_node("sub.Tensor", _t(0), _t(1), 3), *_NODES[1:]]),
    "an argument missing": _program(nodes=[_node("sub.Tensor", _t(0)), *_NODES[1:]]),
    "an unknown keyword": _program(nodes=[_node("sub.Tensor", _t(0), _t(1), out=_t(0)), *_NODES[1:]]),
    "a device": _program(nodes=[*_NODES, _node("zeros", [{"rows": 1}], device="cuda:0")]),
    "a word as a number": _program(nodes=[_node("sub.Tensor", _t(0), "__import__('os')"), *_NODES[1:]]),
    "a whole number too large": _program(nodes=[_node("select.int", _t(0), 1, 2**70), *_NODES[1:]]),
    "shapes that do not fit": _program(inputs=["foot", "speed", "hand"]),
    "a total per joint": _program(total=_t(4)),
    "a total for all": _program(nodes=[*_NODES, _node("sum", _t(7))], total=_t(8)),
    "a double total": _program(nodes=[*_NODES, _node("_to_copy", _t(7), dtype={"dtype": "float64"})], total=_t(8)),
    "the number of rows as a value": _program(nodes=[*_NODES, _node("mul.Scalar", _t(7), {"rows": 1})], total=_t(8)),
    "a million values a row": _program(
        nodes=[*_NODES, _node("expand", _t(0), [2000, {"rows": 1}, 3]), _node("sum.dim_IntList", _t(8), [0, 2])],
        total=_t(9),
    ),
    "more operations than allowed": _program(nodes=_NODES[:1] * 2001),
    "a component called by an expression": _program(components=[["x': open('f')", _t(6)]]),
    "a component called by a keyword": _program(components=[["lambda", _t(6)]]),
    "a component with a newline": _program(components=[["near\n", _t(6)]]),
    "a component twice": _program(components=[["near", _t(6)], ["near", _t(7)]]),
    "a constant of another size": _program(constants=[{"dtype": "float32", "shape": [2], "values": [1.0]}]),
    "a constant of a complex type": _program(constants=[{"dtype": "complex64", "shape": [], "values": [1.0]}]),
    "a constant index outside": _program(
        constants=[{"dtype": "int64", "shape": [1], "values": [7]}],
        nodes=[_node("index_select", _t(0), 1, _t(3)), _node("sum.dim_IntList", _t(4), [-1])],
        total=_t(5),
        components=[],
    ),
    "nothing read": _program(
        inputs=["hand"],
        constants=[],
        nodes=[_node("full", [{"rows": 1}], 1.0, dtype={"dtype": "float32"})],
        total=_t(1),
        components=[],
    ),
}  # fmt: skip


@pytest.mark.parametrize("program", DOCTORED.values(), ids=DOCTORED.keys())
def test_a_doctored_graph_is_refused(program: Json) -> None:
    with pytest.raises(GraphError):
        _graph(program)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "NaN", '{"version": NaN}', "[" * 100_000, '"x"' * 400_000])
def test_text_that_is_no_graph_is_refused(text: str) -> None:
    with pytest.raises(GraphError):
        RewardGraph.from_json(text, signals=SIGNALS)


# --- mutations of real graphs -----------------------------------------------------------------------------------------

GOLDEN = sorted((Path(__file__).parent / "golden" / "graphs").glob("*/*.json"))
CORPUS_SIGNALS: dict[str, tuple[int, ...]] = {
    "torso_height": (),
    "x_velocity": (),
    "torso_quat": (4,),
    "hand_pos": (3,),
    "goal_pos": (3,),
    "hand_to_goal_dist": (),
    "prev_hand_to_goal_dist": (),
    "joint_vel": (6,),
    "foot_pos": (4, 3),
    "action": (6,),
    "prev_action": (6,),
}

_INTS = st.sampled_from([0, 1, -1, 2, 3, 7, 4096, 2**31, -(2**31), 2**63 - 1, 2**64, 10**30])
_FLOATS = st.sampled_from([0.5, -0.0, 1e-45, 1e300, -1e300])
_WORDS = st.sampled_from(["t", "out", "rows", "inf", "nan", "floor", "float32", "int64", "bool", "\x00", "x" * 99])
_LEAVES = st.none() | st.booleans() | _INTS | _FLOATS | _WORDS
_OPS = st.sampled_from(sorted(graph_ops.NAMES)) | st.sampled_from(["empty", "rand", "__class__", "add.out", "abs_"])
_SCRAPS = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["t", "out", "rows"]), inner, max_size=2)
    ),
    max_leaves=6,
)
_KNOWN = (
    st.builds(lambda t: {"t": t}, st.integers(0, 70))
    | st.builds(lambda t, out: {"t": t, "out": out}, st.integers(0, 70), st.integers(0, 2))
    | st.builds(lambda rows: {"rows": rows}, st.sampled_from([1, 2, 5000]))
    | st.builds(lambda name: {"dtype": name}, st.sampled_from(["float16", "float64", "int64", "uint8", "bool"]))
    | st.builds(lambda word: {"float": word}, st.sampled_from(["inf", "-inf", "nan", "1"]))
)
_DEEP = st.integers(2, 900).map(lambda depth: json.loads("[" * depth + "]" * depth))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a JSON value."""
    if path:
        yield path
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield from _places(value[key], (*path, key))


def _mutate(program: Json, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Change one place: delete, repeat or swap it with another, or put something else there."""
    places = sorted(_places(program), key=repr)
    path = draw(st.sampled_from(places))
    where: Any = program
    for key in path[:-1]:
        where = where[key]
    key = path[-1]
    match draw(st.sampled_from(["delete", "repeat", "swap", "op", "known", "scrap", "deep", "number"])):
        case "delete":
            del where[key]
        case "repeat" if isinstance(where, list):
            where.insert(key, copy.deepcopy(where[key]))
        case "swap" if isinstance(where, list):
            other = draw(st.integers(0, len(where) - 1))
            where[key], where[other] = where[other], where[key]
        case "op" if key == "op":
            where[key] = draw(_OPS)
        case "number" if type(where[key]) in (int, float):
            where[key] = draw(st.integers(-3, 12) | _INTS | _FLOATS)
        case "deep":
            where[key] = draw(_DEEP)
        case "scrap":
            where[key] = draw(_SCRAPS)
        case _:
            where[key] = draw(_KNOWN)


def _hostile_rows(count: int) -> dict[str, torch.Tensor]:
    """Rows of zeros, ones, infinities, numbers that are none, and the extremes of float32, by turns."""
    values = torch.tensor([0.0, -0.0, 1.0, -1.0, torch.inf, -torch.inf, torch.nan, 1e-45, 3e38, -3e38, 9.3e18])
    rows = {}
    for k, (name, shape) in enumerate(CORPUS_SIGNALS.items()):
        flat = torch.arange(count * math.prod(shape)) * (k + 1) + k
        rows[name] = values[flat % len(values)].reshape((count, *shape))
    return rows


@pytest.mark.filterwarnings("ignore")  # torch warns of what it will refuse some day
@pytest.mark.parametrize("mutations", [1, 3])
@given(data=st.data())
@settings(max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_mutated_graph_is_refused_or_runs_on_any_data(mutations: int, data: st.DataObject) -> None:
    program = json.loads(data.draw(st.sampled_from(GOLDEN)).read_text())
    for _ in range(mutations):
        _mutate(program, data.draw)
    try:
        graph = RewardGraph.from_json(json.dumps(program), signals=CORPUS_SIGNALS)
    except GraphError:
        return
    for count in (1, 7):
        total, components = graph(_hostile_rows(count))
        for value in (total, *components.values()):
            assert (value.shape, value.dtype) == ((count,), torch.float32)


def test_an_index_that_is_computed_cannot_leave_its_dimension() -> None:
    program = _program(
        nodes=[
            _node("_to_copy", _t(2), dtype={"dtype": "int64"}),
            _node("unsqueeze", _t(4), -1),
            _node("gather", _t(0), 1, _t(5)),
            _node("squeeze.dims", _t(6), [1]),
        ],
        total=_t(7),
        components=[],
    )
    rows = {"hand": torch.tensor([[1.0, 2.0, 3.0]] * 3), "speed": torch.tensor([-50.0, 1.0, 1e6])}
    total, _ = _graph(program)(rows)
    assert total.tolist() == [1.0, 2.0, 3.0]


def test_running_keeps_no_gradients() -> None:
    rows = _rows(4)
    rows["speed"].requires_grad_()
    total, _ = _graph(_program())(rows)
    assert not total.requires_grad


def test_allowed_inputs_are_signals_their_past_and_progress() -> None:
    signal = Signal(name="hand", shape=(3,), unit="m", doc="", source="obs[0:3]")
    task = Task(
        name="t",
        goal="",
        env=EnvSpec(backend="envpool", id="T-v0"),
        signals=(signal,),
        fitness=Measure(source="hand", reduce="mean"),
        success=None,
        references=References(),
        episode_steps=10,
        control_dt_s=0.1,
    )
    assert allowed_inputs(task) == {"hand": (3,), "prev_hand": (3,), "episode_progress": ()}
