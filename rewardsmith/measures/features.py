"""States as numbers of which a linear function can be nearly any potential or value.

For each state: one, every signal's numbers, their squares and products, and waves in random directions, all of the
numbers standardised. The same states and seed give the same features.

Reference: Rahimi and Recht 2007, "Random features for large-scale kernel machines" (the waves).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rewardsmith.measures.transitions import Inputs, Transitions

PRODUCTS_UP_TO = 24
"""Products of numbers are features where a state has at most so many; beyond, squares alone."""


def of_transitions(transitions: Transitions) -> tuple[Tensor, Tensor]:
    """Features of the states before and after, `(N, F)` float64 each."""
    return of_states(transitions.before, transitions.after)


def of_states(first: Inputs, second: Inputs, *, waves: int = 128, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Features of two sets of states, `(N, F)` float64 each, standardised over both; names are those of `first`."""
    names = list(first)
    one, two = _flat(first, names), _flat(second, names)
    mean, spread = _scale(torch.cat([one, two]))
    draw = torch.Generator().manual_seed(seed)
    directions = torch.randn(one.shape[1], waves, generator=draw, dtype=torch.float64) / math.sqrt(one.shape[1])
    phases = 2 * math.pi * torch.rand(waves, generator=draw, dtype=torch.float64)
    return _features((one - mean) / spread, directions, phases), _features((two - mean) / spread, directions, phases)


def _features(states: Tensor, directions: Tensor, phases: Tensor) -> Tensor:
    ones = torch.ones(len(states), 1, dtype=torch.float64)
    waves = torch.cos(states @ directions + phases)
    return torch.cat([ones, states, _products(states), waves], dim=1)


def _products(states: Tensor) -> Tensor:
    """Every product of two numbers, or only their squares where there are many."""
    if states.shape[1] > PRODUCTS_UP_TO:
        return states.square()
    one, two = torch.triu_indices(states.shape[1], states.shape[1])
    return states[:, one] * states[:, two]


def _flat(inputs: Inputs, names: list[str]) -> Tensor:
    return torch.cat([inputs[name].double().reshape(len(inputs[name]), -1) for name in names], dim=1)


def _scale(states: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of each number; the spread of one that never changes is 1, so that it becomes 0."""
    spread = states.std(dim=0, correction=0)
    return states.mean(dim=0), torch.where(spread > 1e-6, spread, 1.0)
