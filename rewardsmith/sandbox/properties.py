"""Does a graph behave on data? It is run on states a random policy reached, and on edges of them.

Runs in a locked worker of its own, where a graph that stalls or crashes harms nobody. A fault on real states, or on
edges a policy may well reach, is a rejection. On edges it will hardly reach it is a warning, and so is what merely
looks wrong, such as a component that never changes. The words stand in `faults.SENTENCES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from rewardsmith.graph import RewardGraph
from rewardsmith.sandbox.faults import Fault, FaultFound
from rewardsmith.types import PREVIOUS

MOST = 1e6
"""The largest reward per step that can be trained with."""

NEGLIGIBLE = 1e-3
"""A component that varies by less than this share of the total is told of."""

_EXTREME = 1e6  # far outside any state: a fault there is only a warning
_SAME = 1e-4  # relative difference that rows may show when computed alone; kernels sum in different orders

_DIVISIONS = ("div", "reciprocal")
_CAUSES: Mapping[str, str] = {
    "div": "division by zero",
    "reciprocal": "division by zero",
    "log": "log of 0 or of a negative number",
    "log2": "log2 of 0 or of a negative number",
    "log10": "log10 of 0 or of a negative number",
    "log1p": "log1p of -1 or less",
    "exp": "exp of a large number",
    "exp2": "exp2 of a large number",
    "expm1": "expm1 of a large number",
    "sinh": "sinh of a large number",
    "cosh": "cosh of a large number",
    "sqrt": "sqrt of a negative number",
    "rsqrt": "rsqrt of 0 or of a negative number",
    "pow": "a fractional power of a negative number, or a negative one of 0",
    "acos": "acos of a number outside -1 to 1",
    "asin": "asin of a number outside -1 to 1",
    "acosh": "acosh of a number below 1",
    "atanh": "atanh of a number that is not between -1 and 1",
}
_MOST_CAUSES = 2  # named in one sentence

States = Mapping[str, Tensor]


def examine(graph: RewardGraph, states: States, units: Mapping[str, str]) -> Fault | tuple[Fault, ...]:
    """What is wrong with the graph, or what to warn of.

    `states`: every input of the graph as `(R, *shape)` float32 rows, R >= 2; `units` of the signals, for the words.
    """
    try:
        return tuple(_Examination(graph, states, units).warnings())
    except FaultFound as found:
        return found.fault


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Total `(R,)` and components `(R,)` of one call."""

    total: Tensor
    components: Mapping[str, Tensor]

    def named(self) -> Iterator[tuple[str, Tensor]]:
        """The components, then the total: a fault is traced to the term it comes from."""
        yield from ((f"Component '{name}'", value) for name, value in self.components.items())
        yield "Reward", self.total


class _Breaks(TorchDispatchMode):
    """Notes in `found` the operations of `_CAUSES` that give what is not finite from what is, each with its operand."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: dict[str, Tensor] = {}

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::").rstrip("_")
        if name in _CAUSES and _finite(args) and not _finite([result]):
            self.found[name] = [arg for arg in args if isinstance(arg, Tensor)][-1]
        return result


def _finite(values: Iterable[object]) -> bool:
    return all(bool(value.isfinite().all()) for value in values if isinstance(value, Tensor))


class _Examination:
    """All checks of one graph, cheapest first."""

    def __init__(self, graph: RewardGraph, states: States, units: Mapping[str, str]) -> None:
        self._graph, self._units = graph, units
        self._rows = {name: states[name] for name in graph.inputs}
        self._count = next(iter(self._rows.values())).shape[0]

    def warnings(self) -> Iterator[Fault]:
        """Check everything; yields warnings. Raises: FaultFound."""
        real = self._run(self._rows)
        self._check_finite(real)
        self._check_bounded(real)
        self._check_repeatable(real)
        self._check_rows_apart(self._rows, real)
        for far in self._far_states():  # a term that random actions never reach may mix rows, too
            self._check_rows_apart(far, self._run(far))
        self._check_plausible_edges()
        yield from self._check_varies(real)
        yield from _idle_components(real, self._count)
        yield from _unaccounted(real)
        yield from self._extreme_edges()

    def _run(self, rows: States) -> _Outputs:
        try:
            total, components = self._graph(rows)
        except (RuntimeError, IndexError) as error:
            detail = " ".join(str(error).split())[:150].rstrip(".")
            raise FaultFound("cannot_run", detail=detail) from None
        return _Outputs(total, components)

    def _check_finite(self, real: _Outputs) -> None:
        for what, value in real.named():
            bad = int((~value.isfinite()).sum())
            if bad:
                raise FaultFound(
                    "not_finite", what=what, bad=str(bad), count=str(self._count), cause=self._cause(self._rows)
                )

    def _cause(self, rows: States) -> str:
        """The operations that gave what is not finite, or what it usually comes of where none is known for it."""
        with _Breaks() as breaks:
            self._run(rows)
        causes = [self._division(given) if op in _DIVISIONS else _CAUSES[op] for op, given in breaks.found.items()]
        if not causes:
            return " Usual causes: division by zero, log or sqrt of a negative number."
        return f" Cause: {' and '.join(causes[:_MOST_CAUSES])}."

    def _division(self, by: Tensor) -> str:
        """A division by zero in words; where a signal itself is divided by, with its name and unit."""
        for name, value in self._rows.items():
            if torch.equal(value, by):
                return f"division by '{name}' at 0 {self._units.get(name.removeprefix(PREVIOUS), '')}".rstrip()
        return _CAUSES["div"]

    def _check_bounded(self, real: _Outputs) -> None:
        largest = float(real.total.abs().max())
        if largest > MOST:
            raise FaultFound("too_large", largest=f"{largest:.3g}", most=f"{MOST:g}")

    def _check_repeatable(self, real: _Outputs) -> None:
        if not torch.equal(self._run(self._rows).total, real.total):
            raise FaultFound("not_repeatable")

    def _check_rows_apart(self, rows: States, whole: _Outputs) -> None:
        """Row i of the result must not change when other rows move or go."""
        order = torch.randperm(self._count, generator=torch.Generator().manual_seed(0))
        half = order[: max(1, self._count // 2)]
        for chosen in (order, half, order[:1], order[-1:]):
            alone = self._run({name: value[chosen] for name, value in rows.items()})
            pairs = zip(alone.named(), whole.named(), strict=True)
            for (what, value), (_, expected) in pairs:
                if not _alike(value, expected[chosen]):
                    raise FaultFound("rows_mixed", what=what)

    # --- edges ---

    def _check_plausible_edges(self) -> None:
        """Where inputs are zero that come near it, and at the ends of what was seen; unit vectors stay."""
        near_zero = [name for name, value in self._rows.items() if _comes_near_zero(value)]
        for zeroed in [*([near_zero] if near_zero else []), *([name] for name in near_zero)]:
            self._check_edge(
                self._with(zeroed, 0.0), f"where {_and(zeroed)} {'is' if len(zeroed) == 1 else 'are'} zero"
            )
        first = {name: rows[:1] for name, rows in self._rows.items()}
        free = {name: rows for name, rows in self._rows.items() if not _has_unit_length(rows)}
        lowest = {name: rows.amin(dim=0, keepdim=True) for name, rows in free.items()}
        highest = {name: rows.amax(dim=0, keepdim=True) for name, rows in free.items()}
        self._check_edge(first | lowest, "at the lowest values of its inputs")
        self._check_edge(first | highest, "at the highest values of its inputs")

    def _check_edge(self, rows: States, where: str) -> None:
        for what, value in self._run(rows).named():
            if not value.isfinite().all():
                raise FaultFound("not_finite_edge", what=what, where=where, cause=self._cause(rows))

    def _with(self, names: Sequence[str], value: float) -> dict[str, Tensor]:
        """The first state with some inputs set to one value."""
        first = {name: rows[:1] for name, rows in self._rows.items()}
        return first | {name: torch.full_like(first[name], value) for name in names}

    def _extreme_edges(self) -> Iterator[Fault]:
        for value, words in ((_EXTREME, "very large"), (-_EXTREME, "very large and negative"), (0.0, "all zero")):
            outputs = self._run(self._far_to(value))
            broken = next((what for what, result in outputs.named() if not result.isfinite().all()), None)
            if broken is not None:
                yield Fault("extreme", words={"what": broken, "where": words})

    def _far_to(self, value: float) -> dict[str, Tensor]:
        """The first state with its inputs at `value`, as far as they can be: unit vectors stay, and what was never
        negative is not."""
        found = self._with(self._graph.inputs, value)
        for name, rows in self._rows.items():
            if _has_unit_length(rows):
                found[name] = rows[:1]
            elif bool((rows >= 0).all()):
                found[name] = found[name].abs()
        return found

    # --- does it say anything? ---

    def _check_varies(self, real: _Outputs) -> Iterator[Fault]:
        if not _constant(real.total):
            return
        if _constant(torch.cat([real.total, *(self._run(rows).total for rows in self._far_states())])):
            raise FaultFound("constant", value=_number(real.total))
        yield Fault("flat", words={"value": _number(real.total), "count": str(self._count)})

    def _far_states(self) -> Iterator[States]:
        """States a random policy does not reach: scaled, spread, zero and extreme ones."""
        generator = torch.Generator().manual_seed(0)
        for scale in (-10.0, -1.0, 0.0, 0.1, 10.0):
            yield {name: scale * value for name, value in self._rows.items()}
        for spread in (1.0, 10.0):
            yield {
                name: value + spread * (1.0 + value.std()) * torch.randn(value.shape, generator=generator)
                for name, value in self._rows.items()
            }


def _alike(value: Tensor, expected: Tensor) -> bool:
    """Whether two results are the same but for rounding, wherever both are finite."""
    both = value.isfinite() & expected.isfinite()
    value, expected = value[both], expected[both]
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    return torch.allclose(value, expected, rtol=_SAME, atol=_SAME * max(scale, 1e-3) * 1e-1)


def _comes_near_zero(value: Tensor) -> bool:
    """Whether a policy may well bring the whole input to zero: not a height, not a quaternion, but a velocity."""
    size = value.flatten(start_dim=1).norm(dim=-1) if value.dim() > 1 else value.abs()
    return bool(size.min() <= 0.5 * size.max())


def _has_unit_length(value: Tensor) -> bool:
    """Whether the input is a direction or a quaternion in every state."""
    return value.dim() == 2 and value.shape[1] > 1 and bool((value.norm(dim=-1) - 1).abs().max() < 1e-3)


def _constant(value: Tensor) -> bool:
    finite = value[value.isfinite()]
    spread = float(finite.max() - finite.min()) if finite.numel() else 0.0
    return spread <= 1e-7 * max(1.0, float(finite.abs().max()) if finite.numel() else 0.0)


def _number(value: Tensor) -> str:
    return f"{float(value[0]) + 0.0:.4g}"


def _idle_components(real: _Outputs, count: int) -> Iterator[Fault]:
    """Components that did not change at all, or by next to nothing beside the total."""
    whole = _spread(real.total)
    for name, value in real.components.items():
        if _constant(value):
            yield Fault("still", words={"name": name, "value": _number(value), "count": str(count)})
        elif _spread(value) < NEGLIGIBLE * whole:
            yield Fault("negligible", words={"name": name, "own": f"{_spread(value):.2g}", "whole": f"{whole:.2g}"})


def _spread(value: Tensor) -> float:
    return float(value.max() - value.min())


def _unaccounted(real: _Outputs) -> Iterator[Fault]:
    if real.components and not _alike(torch.stack([*real.components.values()]).sum(dim=0), real.total):
        yield Fault("unaccounted")


def _and(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
