"""Programs by chance, from all allowed operations and odd arguments: each is refused, or runs on any data.

They run in a process of their own, so that a crash of torch's is seen as one. By hand, for longer:
`python tests/test_graph_fuzz.py SEED SECONDS`.
"""

from __future__ import annotations

import faulthandler
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor

from rewardsmith import graph_ops, graph_program
from rewardsmith.graph import GraphError, RewardGraph
from rewardsmith.graph_check import Kinds, Size, kinds_of

Json = dict[str, Any]

SIGNALS: dict[str, tuple[int, ...]] = {
    "speed": (),
    "hand": (3,),
    "foot": (4, 3),
    "one": (1,),
    "none": (0,),
    "mat": (3, 4),
}
CONSTANTS: list[Json] = [
    {"dtype": "int64", "shape": [2], "values": [0, 1]},
    {"dtype": "int64", "shape": [], "values": [-1]},
    {"dtype": "int32", "shape": [3], "values": [-(2**31), 0, -1]},
    {"dtype": "float32", "shape": [], "values": [-0.5]},
    {"dtype": "float32", "shape": [3, 2], "values": [1, 2, 3, -1, 0.5, 0]},
    {"dtype": "float32", "shape": [3], "values": [1, 2, 3]},
    {"dtype": "bool", "shape": [3], "values": [1, 0, 1]},
    {"dtype": "uint8", "shape": [3], "values": [1, 0, 1]},
]
FIRST = len(SIGNALS) + len(CONSTANTS)
NUMBERS = [0, 1, -1, 2, 3, 0.5, -0.5, 1e-30, 1e30, 1e300, -1e300, torch.inf, torch.nan, 2**31, -(2**31), 7, True, 100]
SIZES = [0, 1, -1, 2, -2, 3, -3, 4, 5, 7, 9, 100, 4096, 5000, 2**31, -(2**31), 2**63 - 1]
_DANGEROUS = """
    mm bmm baddbmm addmm mv addmv dot gather index.Tensor index_put index_select split_with_sizes slice_scatter
    select_scatter select.int view expand repeat constant_pad_nd cat where.self floor_divide remainder.Tensor
    fmod.Scalar div.Tensor_mode pow.Tensor_Tensor
"""
EXTREMES = [0.0, -0.0, torch.nan, torch.inf, -torch.inf, -9.3e18, 1e-45, 3e38]


class Author:
    """Writes one program after another."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._several: dict[int, int] = {}
        self.nodes: list[Json] = []

    def write(self, length: int) -> tuple[str, Kinds]:
        """A program of what was not refused of so many operations, each result brought to one value a row."""
        self.nodes, self._several = [], {}
        kinds = self._kinds([])
        for _ in range(length):
            node = self._node()
            try:
                kinds = self._kinds([*self.nodes, node])
            except GraphError:
                continue
            index = FIRST + len(self.nodes)
            self.nodes.append(node)
            if graph_program.has_several_results(node["op"]):
                self._several[index] = max(1, sum(ref.index == index for ref in kinds))
        ends = list(self._ends(kinds))
        return self._text(self.nodes, ends), kinds

    def _ends(self, kinds: Kinds) -> Iterator[int]:
        for ref, kind in kinds.items():
            if not kind.shape or kind.shape[0] != Size(1, per_row=True):
                continue
            whole = {"t": ref.index} if ref.out is None else {"t": ref.index, "out": ref.out}
            self.nodes.append({"op": "_to_copy", "args": [whole], "kwargs": {"dtype": {"dtype": "float32"}}})
            if len(kind.shape) > 1:
                inner = list(range(1, len(kind.shape)))
                last = {"t": FIRST + len(self.nodes) - 1}
                self.nodes.append({"op": "sum.dim_IntList", "args": [last, inner], "kwargs": {}})
            yield FIRST + len(self.nodes) - 1

    def _kinds(self, nodes: list[Json]) -> Kinds:
        return kinds_of(graph_program.read(self._text(nodes, [0])), SIGNALS)

    def _text(self, nodes: list[Json], ends: list[int]) -> str:
        program = {"version": 1, "inputs": list(SIGNALS), "unused": [], "constants": CONSTANTS, "nodes": nodes}
        parts = [[f"c{end}", {"t": end}] for end in ends[-30:]]
        return json.dumps(program | {"total": {"t": ends[-1]}, "components": parts})

    def _node(self) -> Json:
        draw = self._random
        op = "_to_copy" if draw.random() < 0.12 else draw.choice(_RISKY if draw.random() < 0.3 else _NAMES)
        takes = graph_program._takes(op)
        given = takes.positional[: draw.randint(takes.required, len(takes.positional))]
        chosen = {name: kind for name, kind in takes.by_name.items() if draw.random() < 0.6}
        kwargs = {name: self._argument(kind) for name, kind in chosen.items()}
        return {"op": op, "args": [self._argument(kind) for kind in given], "kwargs": kwargs}

    def _argument(self, kind: str) -> object:
        draw = self._random
        if kind.startswith("Optional["):
            return None if draw.random() < 0.5 else self._argument(kind[9:-1])
        if kind.startswith("List["):
            return [self._argument(kind[5:-1]) for _ in range(draw.choice([0, 1, 1, 1, 2, 2, 3]))]
        match kind:
            case "Tensor":
                return self._number() if draw.random() < 0.06 else self._ref()
            case "size" | "count" if draw.random() < 0.3:
                return {"rows": draw.choice([1, 1, 1, 2])}
            case "int" | "size":
                return draw.choice(SIZES) if draw.random() < 0.4 else draw.choice([0, 1, -1, 2, 3])
            case "bool":
                return draw.random() < 0.5
            case "ScalarType":
                return {"dtype": draw.choice(list(graph_program.DTYPES))}
            case "str":
                return draw.choice(["floor", "trunc", "none", "tanh"])
        return self._number()

    def _number(self) -> object:
        value = self._random.choice(NUMBERS)
        return {"float": str(value)} if value in (torch.inf, -torch.inf) or value != value else value

    def _ref(self) -> Json:
        count = FIRST + len(self.nodes)
        recent = max(0, count - 1 - int(self._random.expovariate(0.5)))
        index = self._random.choice([self._random.randrange(count), recent])
        outs = self._several.get(index)
        return {"t": index, "out": self._random.randrange(outs)} if outs else {"t": index}


_NAMES = sorted(graph_ops.NAMES)
_RISKY = _DANGEROUS.split()


def _rows(count: int, random: Random) -> dict[str, Tensor]:
    """Numbers of one size a signal, a share of them extreme, some with gaps in memory."""
    rows = {}
    for name, shape in SIGNALS.items():
        value = torch.randn((count, *shape)) * random.choice([0, 1e-38, 1, 1e6, 1e30, 1e38])
        value = torch.where(torch.rand(value.shape) < 0.3, random.choice(EXTREMES), value)
        rows[name] = torch.stack([value, value], dim=-1)[..., 0] if random.random() < 0.3 else value
    return rows


def fuzz(seed: int, seconds: float) -> int:
    """How many programs of chance ran. Raises: AssertionError, or what torch raises: one should have been refused."""
    random = Random(seed)
    torch.manual_seed(seed)
    author, ran, until = Author(random), 0, time.monotonic() + seconds
    while time.monotonic() < until:
        text, _ = author.write(40)
        try:
            graph = RewardGraph.from_json(text, signals=SIGNALS)
        except GraphError:
            continue
        again = RewardGraph.from_json(graph.to_json(), signals=SIGNALS)
        assert (again.sha256, again.to_json()) == (graph.sha256, graph.to_json()), text
        for count in (1, 7, 64):
            try:
                total, components = graph(_rows(count, random))
            except Exception:
                print(text, file=sys.stderr)
                raise
            for value in (total, *components.values()):
                assert (value.shape, value.dtype) == ((count,), torch.float32), text
        ran += 1
    return ran


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_programs_by_chance_are_refused_or_run_on_any_data(seed: int) -> None:
    command = [sys.executable, str(Path(__file__)), str(seed), "15"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    assert int(done.stdout) > 0


if __name__ == "__main__":
    faulthandler.enable()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(fuzz(int(sys.argv[1]), float(sys.argv[2])))
