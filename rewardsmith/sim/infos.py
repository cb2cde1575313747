"""Info entries as floats: a batch of Gymnasium's takes an entry's type from the first environment that reports it.

An int there cuts the fraction off another's float, a None makes objects of all, an array of another length does not
fit, and NumPy's bools are not taken for numbers at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import gymnasium
import numpy as np
from numpy.typing import NDArray

from rewardsmith.errors import ConfigError

NUMBERS: Final = (float, int, np.floating, np.integer, np.bool_)
Shapes = dict[str, tuple[int, ...]]


class FloatInfo(gymnasium.Wrapper[Any, Any, Any, Any]):
    """The environment with an info of numbers, as floats, and of arrays of numbers, as float64; `a.b` was `b` in `a`.

    All else is left out, so that it counts as not reported: None, keys that are no strings or begin with `_`, and what
    has another shape than it had at first. `shapes` holds those, and is one for all environments of a batch.

    Raises: ConfigError: one of the fields `asked` for has another shape than before.
    """

    def __init__(self, env: Any, *, asked: Collection[str], shapes: Shapes) -> None:
        super().__init__(env)
        self._asked, self._shapes = frozenset(asked), shapes

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, self._fitting(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        *others, info = self.env.step(action)
        return *others, self._fitting(info)

    def _fitting(self, info: Mapping[Any, Any]) -> dict[str, Any]:
        return {name: value for name, value in _floats(info) if self._keeps_shape(name, np.shape(value))}

    def _keeps_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        first = self._shapes.setdefault(name, shape)
        if shape != first and name in self._asked:
            raise ConfigError(
                f"info field '{name}' has shape {shape}; it had {first} before. A field that a task reads keeps its "
                "shape: fill it up, e.g. with zeros, or read another one."
            )
        return shape == first


def _floats(info: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, float | NDArray[np.float64]]]:
    for key, value in info.items():
        if not isinstance(key, str) or key.startswith("_"):
            continue
        if isinstance(value, NUMBERS):
            yield prefix + key, float(value)
        elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            yield prefix + key, value.astype(np.float64, copy=False)
        elif isinstance(value, Mapping):
            yield from _floats(value, f"{prefix}{key}.")
