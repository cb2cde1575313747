"""Random numbers that depend on an environment's seed, its episode, the step and what they are for, on nothing else.

No state is carried, so any row can be drawn alone or with all others, on the CPU and on a GPU alike: the same bits.

Reference: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators" (SplitMix64), whose streams are
split here by seed, by episode, and by step and purpose.
"""

from __future__ import annotations

from typing import Final, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

Purpose = Literal["start", "push", "code", "command"]
PURPOSES: Final[tuple[Purpose, ...]] = ("start", "push", "code", "command")

Array = TypeVar("Array", np.ndarray, Tensor)
"""64-bit integers, on the CPU or on a device; overflows wrap around on both."""


def _signed(word: int) -> int:
    return word - (1 << 64) if word >= 1 << 63 else word


GOLDEN: Final = _signed(0x9E3779B97F4A7C15)
FIRST: Final = _signed(0xBF58476D1CE4E5B9)
SECOND: Final = _signed(0x94D049BB133111EB)


def uniform(purpose: Purpose, seeds: Array, episodes: Array, steps: Array, count: int) -> Array:
    """`(n, count)` float64 in [0, 1); `seeds`, `episodes` and `steps` are `(n,)` int64."""
    stream = _mixed(_mixed(seeds) + (episodes + 1) * GOLDEN)
    stream = _mixed(stream + (steps * len(PURPOSES) + PURPOSES.index(purpose) + 1) * GOLDEN)
    numbers = _shifted(_mixed(stream[:, None] + _counters(count, stream) * GOLDEN), 11)
    return (numbers.astype(np.float64) if isinstance(numbers, np.ndarray) else numbers.double()) * 2.0**-53


def _counters(count: int, like: Array) -> Array:
    if isinstance(like, np.ndarray):
        found: np.ndarray = np.arange(1, count + 1)
        return found
    return torch.arange(1, count + 1, device=like.device)


def _mixed(z: Array) -> Array:
    z = (z ^ _shifted(z, 30)) * FIRST
    z = (z ^ _shifted(z, 27)) * SECOND
    mixed: Array = z ^ _shifted(z, 31)
    return mixed


def _shifted(z: Array, by: int) -> Array:
    """To the right, zeros coming in."""
    return (z >> by) & ((1 << (64 - by)) - 1)
