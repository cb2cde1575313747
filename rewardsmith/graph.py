"""RewardGraph: a reward that has left Python behind, checked as hostile and run as straight-line tensor code.

`RewardGraph.from_json` is the only door between a candidate and the training process: the text is read
(`graph_program.read`), the kind of every value is worked out (`graph_check`), the program is brought into the one form
that all equal ones share (`graph_form`), and only then is code generated (`graph_code`), from templates of ours over a
fixed list of operations, and tried on rows of zeros. No text of a candidate's becomes part of that code.

It does not prove that rows are independent or results finite; that is tested on data.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from rewardsmith import graph_program
from rewardsmith.errors import RewardsmithError
from rewardsmith.graph_check import TORCH_REFUSES, row_bytes
from rewardsmith.graph_code import Run, generate
from rewardsmith.graph_form import canonical
from rewardsmith.graph_program import MAX_COMPONENTS, GraphError, Program, Ref
from rewardsmith.types import Task

__all__ = ["MAX_COMPONENTS", "CannotCompile", "GraphError", "RewardGraph", "allowed_inputs"]

PREVIOUS = "prev_"
PROGRESS = "episode_progress"

MOST_MIB = 256
"""What the values of a graph take at most while it runs; more rows than that holds are computed in blocks."""

_TRIAL_ROWS = (1, 97)  # the second is a prime, so that no size of a signal happens to be the same
_COMPILED_FOR = (7, 64)  # numbers of rows compiled code is made with; the same code runs for any other


class CannotCompile(RewardsmithError):
    """torch cannot make machine code of a graph here."""


def allowed_inputs(task: Task) -> dict[str, tuple[int, ...]]:
    """Every argument reward code may ask for, with its shape per environment.

    These are the declared signals, `prev_<signal>` (the step before) and `episode_progress` in [0, 1].
    """
    declared = {signal.name: signal.shape for signal in task.signals}
    return declared | {PREVIOUS + name: shape for name, shape in declared.items()} | {PROGRESS: ()}


class RewardGraph:
    """A checked reward: `inputs` it reads, `components` it reports, `unused` arguments it asks for in vain.

    Two graphs are equal when their `sha256` is: renaming variables, reordering arguments or adding comments does not
    change it. What it returns is to be read, not written to: results may share memory with one another.
    """

    def __init__(self, program: Program, *, signals: Mapping[str, tuple[int, ...]]) -> None:
        """Use `from_json`. Raises: GraphError: the program may not run."""
        self._program, kinds = canonical(program, signals)
        self._shapes = {name: signals[name] for name in self._program.inputs}
        self._make_once, self._run = generate(self._program, kinds)
        self._once: dict[torch.device, tuple[Tensor, ...]] = {}
        self._block = _block(row_bytes(kinds))
        self.inputs = self._program.inputs
        self.unused = self._program.unused
        self.components = tuple(name for name, _ in self._program.components)
        self.sha256 = _sha256(self._program)
        for rows in _TRIAL_ROWS:
            self._try(rows)

    @classmethod
    def from_json(cls, text: str, *, signals: Mapping[str, tuple[int, ...]]) -> RewardGraph:
        """Check a text that nobody vouches for. `signals`: every allowed input with its shape per environment.

        Raises: GraphError: it is not a graph, or not one that may run; the message says why.
        """
        return cls(graph_program.read(text), signals=signals)

    def to_json(self) -> str:
        """The graph as text, for a run folder; `from_json` gives an equal graph."""
        return graph_program.write(self._program)

    def __call__(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Rewards of N rows: total `(N,)` and components `(N,)` each, float32.

        `inputs`: each `(N, *shape)` float32, all on one device; names the graph does not read are ignored.
        """
        given = [inputs[name] for name in self.inputs]
        run = self._run if len(given[0]) <= self._block else self._in_blocks
        with torch.no_grad():
            total, parts = run(self._once_on(given[0].device), *given)
        return total, dict(zip(self.components, parts, strict=True))

    def compiled(self, *, device: str = "cpu") -> RewardGraph:
        """An equal graph that runs machine code made by `torch.compile` for any number of rows.

        Making it takes seconds, so it pays in long trainings; results may differ in the last bits.

        Raises: CannotCompile: there is no C++ compiler (on a GPU: no Triton), or torch cannot compile this graph.
        """
        faster = copy.copy(self)
        faster._run = _compile(self._run)
        try:
            for rows in _COMPILED_FOR:
                faster({name: torch.zeros((rows, *shape), device=device) for name, shape in self._shapes.items()})
        except RuntimeError as error:  # whatever is missing or fails in torch's compiler is one of these
            reason = next(iter(str(error).strip().splitlines()), "no reason given")[:200]
            raise CannotCompile(
                f"torch.compile could not make code of this reward graph: {reason.rstrip('.')}. "
                "It needs a C++ compiler (g++ or clang++), on a GPU Triton. Without one, use the graph as it is."
            ) from error
        return faster

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RewardGraph) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __repr__(self) -> str:
        nodes = len(self._program.nodes)
        return f"RewardGraph({self.sha256[:12]}, {nodes} operations, components: {', '.join(self.components)})"

    def _in_blocks(self, once: tuple[Tensor, ...], *given: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What `_run` gives, from a block of rows at a time."""
        results = given[0].new_empty((1 + len(self.components), len(given[0])), dtype=torch.float32)
        blocks = (value.split(self._block) for value in given)
        for columns, *block in zip(results.split(self._block, dim=1), *blocks, strict=True):
            self._fill(columns, once, *block)
        total, *parts = results
        return total, tuple(parts)

    def _fill(self, columns: Tensor, once: tuple[Tensor, ...], *given: Tensor) -> None:
        """Copy one block's results, `(1 + components, rows)`: kept as they are, they could keep all it computed."""
        total, parts = self._run(once, *given)
        torch.stack((total, *parts), out=columns)

    def _once_on(self, device: torch.device) -> tuple[Tensor, ...]:
        if device not in self._once:
            self._once[device] = self._make_once(device)
        return self._once[device]

    def _try(self, rows: int) -> None:
        """Run it on rows of zeros: torch may have no kernel for a type that fits. Raises: GraphError."""
        try:
            total, parts = self({name: torch.zeros((rows, *shape)) for name, shape in self._shapes.items()})
        except TORCH_REFUSES as error:
            raise GraphError(f"the graph does not run: {' '.join(str(error).split())[:160]}") from None
        for result in (total, *parts.values()):
            if result.shape != (rows,) or result.dtype != torch.float32:
                raise GraphError(f"the graph gives {tuple(result.shape)} {result.dtype} for {rows} environments")


def _block(bytes_a_row: int) -> int:
    """The rows of a block: a power of two, 512 or more, as a kernel's last bits may depend on a row's place in 32."""
    return 1 << (MOST_MIB * 2**20 // bytes_a_row).bit_length() - 1


def _compile(run: Run) -> Run:
    """Machine code for two rows or more; for a single one torch would compile anew, which is never worth it."""
    compiled: Run = torch.compile(run, dynamic=True, fullgraph=True)
    return lambda once, *inputs: (compiled if inputs[0].shape[0] > 1 else run)(once, *inputs)


def _sha256(program: Program) -> str:
    text = graph_program.write(replace(program, unused=(), components=tuple(sorted(program.components, key=_name))))
    return hashlib.sha256(text.encode()).hexdigest()


def _name(component: tuple[str, Ref]) -> str:
    return component[0]
