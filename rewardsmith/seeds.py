"""Random streams: one per run, generation, stage and item, so that a new draw in one stage shifts no other."""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np

Stream = Literal[
    "select", "propose", "probe", "screen", "train", "judge", "references", "finals", "random", "noised", "simplify"
]  # fmt: skip


def stream(seed: int, generation: int, stage: Stream, item: int = 0) -> int:
    """A 63-bit seed that depends on all four arguments and on nothing else."""
    words = np.random.SeedSequence([seed, generation, zlib.crc32(stage.encode()), item]).generate_state(2, np.uint64)
    return int(words[0] >> np.uint64(1))


def spawn(seed: int, count: int) -> list[int]:
    """`count` seeds that share nothing but their origin (63 bits)."""
    return [int(s >> np.uint64(1)) for s in np.random.SeedSequence(seed).generate_state(count, np.uint64)]


def env_seeds(seed: int, count: int) -> list[int]:
    """`count` seeds for environments; environment i's seed depends on `seed` and i alone (31 bits, as EnvPool asks)."""
    return [int(s >> 1) for s in np.random.SeedSequence(seed).generate_state(count, np.uint32)]


def child(seed: int, index: int) -> int:
    """The `index`-th seed under `seed` (63 bits); depends on these two alone, however many there are."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))
