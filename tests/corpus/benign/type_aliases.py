from collections.abc import Sequence
from typing import Callable, Dict, Optional, Tuple, TypeVar, Union, cast

import torch

Tensor = torch.Tensor
T = TypeVar("T")
Term = Callable[[Tensor], Tensor]
Reward = Tuple[Tensor, Dict[str, Tensor]]
Weight = Union[float, Optional[int]]
TERMS: Sequence[Term] = (torch.tanh, lambda v: -0.1 * v.square().clamp(max=9.0))
WEIGHTS: dict[str, Weight] = {"speed": 1.0, "height": 2}


def compute_reward(x_velocity: Tensor, torso_height: Tensor) -> Reward:
    speed = cast(Tensor, WEIGHTS["speed"] * sum(term(x_velocity) for term in TERMS))
    height = WEIGHTS["height"] * torso_height
    return speed + height, {"speed": speed, "height": height}
