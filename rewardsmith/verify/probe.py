"""The third gate: does the graph behave on data? It is run on states a random policy reached and on edges of them.

A fault on real states, or on edges a policy may well reach, is a rejection. On edges it will hardly reach it is a
warning, and so is what merely looks wrong, such as a component that never changes. Nothing is trained here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rewardsmith.graph import PREVIOUS, RewardGraph
from rewardsmith.types import Attempt, Rejected, Task, Verified

MOST = 1e6
"""The largest reward per step that can be trained with."""

_EXTREME = 1e6  # far outside any state: a fault there is only a warning
_SAME = 1e-4  # relative difference that rows may show when computed alone; kernels sum in different orders

States = Mapping[str, Tensor]


def probe(batch: Sequence[Attempt], task: Task, states: States) -> tuple[Attempt, ...]:
    """Reject verified attempts that misbehave, and add warnings to the others; ids and order kept.

    `states`: every allowed input as `(R, *shape)` float32 rows from a real rollout of a random policy, R >= 2.
    """
    units = {signal.name: signal.unit for signal in task.signals}
    return tuple(_probed(attempt, states, units) for attempt in batch)


def _probed(attempt: Attempt, states: States, units: Mapping[str, str]) -> Attempt:
    verified = attempt.outcome
    if not isinstance(verified, Verified):
        return attempt
    try:
        warnings = tuple(_Probe(verified.graph, states, units).warnings())
    except _Misbehaves as fault:
        return replace(attempt, outcome=fault.rejected)
    return replace(attempt, outcome=replace(verified, warnings=(*verified.warnings, *warnings)))


class _Misbehaves(Exception):
    """Carries a rejection out of the check that found it."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.rejected = Rejected(stage="probe", reason=reason, hint=hint)


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Total `(R,)` and components `(R,)` of one call."""

    total: Tensor
    components: Mapping[str, Tensor]

    def named(self) -> Iterator[tuple[str, Tensor]]:
        """The components, then the total: a fault is traced to the term it comes from."""
        yield from ((f"Component '{name}'", value) for name, value in self.components.items())
        yield "Reward", self.total


class _Probe:
    """All checks of one graph, cheapest first."""

    def __init__(self, graph: RewardGraph, states: States, units: Mapping[str, str]) -> None:
        self._graph, self._units = graph, units
        self._rows = {name: states[name] for name in graph.inputs}
        self._count = next(iter(self._rows.values())).shape[0]

    def warnings(self) -> Iterator[str]:
        """Check everything; yields warnings. Raises: _Misbehaves."""
        real = self._run(self._rows)
        self._check_finite(real)
        self._check_bounded(real)
        self._check_deterministic(real)
        self._check_rows_apart(real)
        self._check_plausible_edges()
        yield from self._check_varies(real)
        yield from _still_components(real, self._count)
        yield from _unaccounted(real)
        yield from self._extreme_edges()

    def _run(self, rows: States) -> _Outputs:
        try:
            total, components = self._graph(rows)
        except (RuntimeError, IndexError) as error:
            detail = " ".join(str(error).split())[:150].rstrip(".")
            raise _Misbehaves(f"The reward cannot be computed: {detail}.", "Use simpler torch operations.") from None
        return _Outputs(total, components)

    def _check_finite(self, real: _Outputs) -> None:
        for what, value in real.named():
            bad = int((~value.isfinite()).sum())
            if bad:
                raise _Misbehaves(
                    f"{what} is not finite in {bad} of {self._count} states of a random policy.{self._usual_cause()}",
                    "Add a small constant to denominators, and clamp arguments of sqrt, log, acos and exp.",
                )

    def _usual_cause(self) -> str:
        distances = [name for name in self._graph.inputs if "dist" in name]
        if not distances:
            return " Usual causes: division by zero, log or sqrt of a negative number."
        unit = self._units.get(distances[0].removeprefix(PREVIOUS), "")
        return f" Usual cause: division by '{distances[0]}' near 0 {unit}".rstrip() + "."

    def _check_bounded(self, real: _Outputs) -> None:
        largest = float(real.total.abs().max())
        if largest > MOST:
            raise _Misbehaves(
                f"Reward reaches {largest:.3g} in states of a random policy; at most {MOST:g} can be trained with.",
                "Scale the terms to about 1, and bound the open ones, e.g. with torch.tanh or torch.clamp.",
            )

    def _check_deterministic(self, real: _Outputs) -> None:
        if not torch.equal(self._run(self._rows).total, real.total):
            raise _Misbehaves("Two runs on the same states gave different rewards.", "Compute from the inputs alone.")

    def _check_rows_apart(self, real: _Outputs) -> None:
        """Row i of the result must not change when other rows move or go."""
        order = torch.randperm(self._count, generator=torch.Generator().manual_seed(0))
        half = order[: max(1, self._count // 2)]
        for chosen in (order, half, order[:1], order[-1:]):
            alone = self._run({name: value[chosen] for name, value in self._rows.items()})
            pairs = zip(alone.named(), real.named(), strict=True)
            for (what, value), (_, whole) in pairs:
                if not _alike(value, whole[chosen]):
                    raise _Misbehaves(
                        f"{what} of one environment changes with the other environments.",
                        "Row i of the result may depend on row i of the inputs alone: no mean, max or sorting over "
                        "dim 0, no index into rows.",
                    )

    # --- edges ---

    def _check_plausible_edges(self) -> None:
        """Where inputs are zero that come near it, and at the ends of what was seen."""
        near_zero = [name for name, value in self._rows.items() if _comes_near_zero(value)]
        for zeroed in [*([near_zero] if near_zero else []), *([name] for name in near_zero)]:
            self._check_edge(
                self._with(zeroed, 0.0), f"where {_and(zeroed)} {'is' if len(zeroed) == 1 else 'are'} zero"
            )
        lowest = {name: value.amin(dim=0, keepdim=True) for name, value in self._rows.items()}
        highest = {name: value.amax(dim=0, keepdim=True) for name, value in self._rows.items()}
        self._check_edge(lowest, "at the lowest values of its inputs")
        self._check_edge(highest, "at the highest values of its inputs")

    def _check_edge(self, rows: States, where: str) -> None:
        for what, value in self._run(rows).named():
            if not value.isfinite().all():
                raise _Misbehaves(
                    f"{what} is not finite {where}, which a policy may reach.",
                    "Add a small constant to denominators, and clamp arguments of sqrt, log, acos and exp.",
                )

    def _with(self, names: Sequence[str], value: float) -> dict[str, Tensor]:
        """The first state with some inputs set to one value."""
        first = {name: rows[:1] for name, rows in self._rows.items()}
        return first | {name: torch.full_like(first[name], value) for name in names}

    def _extreme_edges(self) -> Iterator[str]:
        for value, words in ((_EXTREME, "very large"), (-_EXTREME, "very large and negative"), (0.0, "all zero")):
            outputs = self._run(self._with(self._graph.inputs, value))
            if not all(result.isfinite().all() for _, result in outputs.named()):
                yield f"The reward is not finite where its inputs are {words}."

    # --- does it say anything? ---

    def _check_varies(self, real: _Outputs) -> Iterator[str]:
        if not _constant(real.total):
            return
        if _constant(torch.cat([real.total, *(self._run(rows).total for rows in self._far_states())])):
            raise _Misbehaves(
                f"Reward is the same ({_number(real.total)}) in every state.",
                "Make the total depend on the signals that describe the goal.",
            )
        yield (
            f"The reward was {_number(real.total)} in all {self._count} states of a random policy: "
            "learning has nothing to start from."
        )

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
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    return torch.allclose(value, expected, rtol=_SAME, atol=_SAME * max(scale, 1e-3) * 1e-1)


def _comes_near_zero(value: Tensor) -> bool:
    """Whether a policy may well bring the whole input to zero: not a height, not a quaternion, but a velocity."""
    size = value.flatten(start_dim=1).norm(dim=-1) if value.dim() > 1 else value.abs()
    return bool(size.min() <= 0.5 * size.max())


def _constant(value: Tensor) -> bool:
    finite = value[value.isfinite()]
    spread = float(finite.max() - finite.min()) if finite.numel() else 0.0
    return spread <= 1e-7 * max(1.0, float(finite.abs().max()) if finite.numel() else 0.0)


def _number(value: Tensor) -> str:
    return f"{float(value[0]) + 0.0:.4g}"


def _still_components(real: _Outputs, count: int) -> Iterator[str]:
    for name, value in real.components.items():
        if _constant(value):
            yield f"Component '{name}' was {_number(value)} in all {count} states of a random policy."


def _unaccounted(real: _Outputs) -> Iterator[str]:
    if real.components and not _alike(torch.stack([*real.components.values()]).sum(dim=0), real.total):
        yield "The components do not sum to the total, so feedback on them does not explain all of it."


def _and(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
