"""What each knob of a reward does to its returns: which are weights, in front of a part, and which bend its shape.

A weight is a knob in which all returns are linear, alone and together with the other weights; any other knob that has
an effect is a temperature, whatever its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rewardsmith import pool
from rewardsmith.graph import RewardGraph
from rewardsmith.refit.knobs import Knob
from rewardsmith.refit.variants import Variants
from rewardsmith.types import Trajectory

_FAR = (32.0, 1 / 32, 1024.0, 1 / 1024)  # where a temperature that saturates everything may begin to matter


class Record:
    """The rows of all episodes, laid out once, so that a graph's returns are one call on them."""

    def __init__(
        self, episodes: Sequence[Trajectory], names: Sequence[str], *, episode_steps: int, gamma: float | None
    ) -> None:
        """`gamma`: the discount of returns; None: the mean over an episode's steps."""
        apart = [pool.rows(e, names, episode_steps=episode_steps) for e in episodes]
        self._inputs: Mapping[str, Tensor] = {name: torch.cat([one[name] for one in apart]) for name in names}
        lengths = np.array([len(e.fitness_steps) for e in episodes])
        self._starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(int)
        steps = [np.full(n, 1 / n) if gamma is None else gamma ** np.arange(n) for n in lengths]
        self._counts = np.concatenate(steps)

    def returns(self, graph: RewardGraph | None) -> np.ndarray | None:
        """The return of every episode `(E,)`; None where there is no graph, or a return that is not finite."""
        if graph is None or not set(graph.inputs) <= self._inputs.keys():
            return None
        total, _ = graph(self._inputs)
        found: np.ndarray = np.add.reduceat(total.double().numpy() * self._counts, self._starts)
        return found if np.isfinite(found).all() else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Returns taken apart: `parts (E, K)` under each present weight, and what no weight is in front of, `(E,)`."""

    parts: np.ndarray
    fixed: np.ndarray


class Model:
    """A reward's returns by its knobs; `weights` and `temperatures` are indices of knobs, others have no effect."""

    def __init__(self, knobs: Sequence[Knob], variants: Variants, record: Record) -> None:
        """Raises: ValueError: the reward as it stands has no finite return on the episodes."""
        self._knobs, self._variants, self._record = knobs, variants, record
        whole = self.returns({})
        if whole is None:
            raise ValueError("the reward is not finite on these episodes")
        self._whole = whole
        linear = self._linear(range(len(knobs)), {})
        bent = [k for k in range(len(knobs)) if k not in linear and self._matters(k)]
        self.temperatures = tuple(k for k in bent if knobs[k].value > 0)
        idle = [k for k in range(len(knobs)) if k not in linear and k not in bent]
        warm: dict[int, float] = {}
        for warmed in ({t: f} for t in self.temperatures for f in _FAR):  # what stands before a saturated term
            found = self._linear([k for k in idle if k not in linear], warmed)
            linear |= found
            warm |= warmed if found else {}
        self.weights = self._jointly_linear(self._linear(linear, warm) if warm else linear, warm)

    @property
    def quick(self) -> bool:
        """Whether many variants may be tried."""
        return self._variants.exact

    def returns(self, factors: Mapping[int, float]) -> np.ndarray | None:
        """The return of every episode with some knobs multiplied; None where one is not finite."""
        numbers = tuple(k.value * factors[i] if i in factors else k.value for i, k in enumerate(self._knobs))
        return self._record.returns(self._variants.graph(numbers))

    def apart(self, factors: Mapping[int, float]) -> Parts | None:
        """The returns with some temperatures multiplied, taken apart by the present weights."""
        whole = self.returns(factors)
        doubled = [self.returns({**factors, k: 2.0}) for k in self.weights] if whole is not None else [None]
        known = [d for d in doubled if d is not None]
        if whole is None or len(known) < len(doubled):
            return None
        parts = np.column_stack([d - whole for d in known]) if known else np.zeros((len(whole), 0))
        return Parts(parts=parts, fixed=whole - parts.sum(axis=1))

    def _linear(self, among: Iterable[int], warmed: Mapping[int, float]) -> dict[int, np.ndarray]:
        """The knobs in which the returns are linear, with the part of the returns that each is a factor of."""
        found = {k: self._linear_part(k, warmed) for k in among}
        return {k: part for k, part in found.items() if part is not None}

    def _linear_part(self, k: int, warmed: Mapping[int, float]) -> np.ndarray | None:
        once, twice, thrice = (self.returns({**warmed, k: f}) for f in (1.0, 2.0, 3.0))
        if once is None or twice is None or thrice is None:
            return None
        part: np.ndarray = twice - once
        return part if not self._nothing(part) and self._equal(thrice - once, 2 * part, part) else None

    def _jointly_linear(self, linear: Mapping[int, np.ndarray], warmed: Mapping[int, float]) -> tuple[int, ...]:
        """Those that do not multiply one another, small parts first: a scale on the whole reward stays out.

        `linear` are their parts at the temperatures `warmed`, where all of them have an effect.
        """
        whole = self.returns(warmed)
        if whole is None:
            return ()
        chosen: list[int] = []
        for k in sorted(linear, key=lambda k: float(np.abs(linear[k]).max())):
            factors = {j: (2.0, -1.0, 3.0)[i % 3] for i, j in enumerate([*chosen, k])}
            found = self.returns({**warmed, **factors})
            expected = whole + sum((f - 1) * linear[j] for j, f in factors.items())
            largest = max((linear[j] for j in factors), key=lambda part: float(np.abs(part).max()))
            if found is not None and self._equal(found, expected, largest):
                chosen.append(k)
        return tuple(sorted(chosen))

    def _matters(self, k: int) -> bool:
        """Whether any value of the knob, near or far, changes a return."""
        tried = (self.returns({k: f}) for f in (2.0, 0.5, *_FAR))
        return any(found is not None and not self._nothing(found - self._whole) for found in tried)

    def _equal(self, found: np.ndarray, expected: np.ndarray, part: np.ndarray) -> bool:
        """Up to what float32 sums leave."""
        error = float(np.abs(found - expected).max())
        return error <= 1e-3 * float(np.abs(part).max()) + 1e-6 * float(np.abs(self._whole).max())

    def _nothing(self, change: np.ndarray) -> bool:
        return float(np.abs(change).max()) <= 1e-6 * max(float(np.abs(self._whole).max()), 1e-30)
