import torch
from typing import Dict, Tuple


def compute_reward(joint_vel: torch.Tensor, x_velocity: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    speed = joint_vel.norm(dim=-1)
    scale = speed.max()
    while scale > 1.0:
        speed = speed / 2.0
        scale = speed.max()
    smooth = -0.1 * speed
    total = x_velocity + smooth
    return total, {"forward": x_velocity.clone(), "smooth": smooth}
