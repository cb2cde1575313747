from typing import NamedTuple

import torch


class Terms(NamedTuple):
    speed: torch.Tensor


def compute_reward(x_velocity):
    terms = Terms(speed=x_velocity)
    return terms.speed, {"speed": terms.speed}
