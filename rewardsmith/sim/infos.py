"""Info entries as floats: a batch of Gymnasium's takes an entry's type from the first environment that reports it.

An int there cuts the fraction off another's float, and NumPy's bools are not taken for numbers at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import gymnasium
import numpy as np

NUMBERS: Final = (float, int, np.floating, np.integer, np.bool_)


class FloatInfo(gymnasium.Wrapper[Any, Any, Any, Any]):
    """The environment, every number of whose info is a float and every array of numbers float64."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, _floats(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        *others, info = self.env.step(action)
        return *others, _floats(info)


def _floats(info: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _float(value) for key, value in info.items()}


def _float(value: Any) -> Any:
    if isinstance(value, NUMBERS):
        return float(value)
    if isinstance(value, dict):
        return _floats(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return value.astype(np.float64, copy=False)
    return value
