"""Random numbers for candidates that learn together: those with the same seed share them, and draw them once.

Shapes: K candidates; C = 1 where all have the same seed, so that what is drawn broadcasts, else C = K.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class Draws:
    """Fresh streams on `device`, one a seed; `seeds` names each candidate's."""

    def __init__(self, seeds: Sequence[int], *, device: torch.device) -> None:
        self._streams = {seed: torch.Generator(device).manual_seed(seed) for seed in seeds}
        self._of = tuple(self._streams) if len(self._streams) == 1 else tuple(seeds)

    def each(self, make: Callable[[torch.Generator], Tensor]) -> Tensor:
        """What `make` draws from each stream, `(C, ...)`; every stream goes on from where it was."""
        drawn = {seed: make(stream) for seed, stream in self._streams.items()}
        return torch.stack([drawn[seed] for seed in self._of])


def rows_at(x: Tensor, places: Tensor) -> Tensor:
    """The rows of `x (K, R, ...)` at `places (C, B)`: `(K, B, ...)`, each candidate's own."""
    if len(places) == 1:
        return x.index_select(1, places[0])
    return x[torch.arange(len(x), device=x.device)[:, None], places]
