"""How low and how high a reward's components get on states that no episode came to: whether they can pay at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rewardsmith import pool
from rewardsmith.graph import PROGRESS, RewardGraph
from rewardsmith.types import Task, Trajectory

SCALES = (-10.0, -1.0, 0.0, 0.1, 10.0)
SPREADS = (1.0, 10.0)  # of the noise, in deviations of an input
ROWS = 256  # known states that others are made from


def reach(graph: RewardGraph, played: Sequence[Trajectory], task: Task) -> Mapping[str, tuple[float, float]]:
    """Each component's least and greatest finite value on known states, on these scaled and on these with noise."""
    apart = [pool.rows(t, graph.inputs, episode_steps=task.episode_steps) for t in played]
    known = {name: torch.cat([one[name] for one in apart]) for name in graph.inputs}
    few = {name: rows[:: -(-len(rows) // ROWS)] for name, rows in known.items()}
    found = [parts for states in (few, *_far(few)) if (parts := _components(graph, states)) is not None]
    return {name: _ends(torch.cat([parts[name] for parts in found])) for name in graph.components}


def _far(known: Mapping[str, Tensor]) -> Iterator[Mapping[str, Tensor]]:
    for scale in SCALES:
        yield {name: _kept_in(name, rows, scale * rows) for name, rows in known.items()}
    draw = torch.Generator().manual_seed(0)
    for spread in SPREADS:
        yield {
            name: _kept_in(name, rows, rows + spread * (1.0 + rows.std()) * torch.randn(rows.shape, generator=draw))
            for name, rows in known.items()
        }


def _kept_in(name: str, known: Tensor, far: Tensor) -> Tensor:
    """`far` as such an input can be: unit vectors keep their length, and what was never negative stays so."""
    if name == PROGRESS:
        return known
    if known.dim() == 2 and known.shape[1] > 1 and bool((known.norm(dim=-1) - 1).abs().max() < 1e-3):
        return normalize(far, dim=-1)
    return far.abs() if bool((known >= 0).all()) else far


def _components(graph: RewardGraph, states: Mapping[str, Tensor]) -> Mapping[str, Tensor] | None:
    try:
        return graph(states)[1]
    except (RuntimeError, IndexError):  # a table that is looked up beyond its end
        return None


def _ends(values: Tensor) -> tuple[float, float]:
    finite = values[values.isfinite()]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
