import math
import torch
from torch import Tensor
from typing import Tuple, Dict


@torch.jit.script
def compute_reward(
    hand_pos: Tensor, goal_pos: Tensor, joint_vel: Tensor
) -> Tuple[Tensor, Dict[str, Tensor]]:
    """Reach the goal with the hand while moving smoothly."""
    dist_temp: float = 0.1
    vel_scale: float = 0.005

    dist = torch.norm(hand_pos - goal_pos, p=2, dim=-1)
    reach = 1.0 - torch.tanh(dist / dist_temp * 0.2)
    near = torch.where(dist < 1.5, torch.ones_like(dist), torch.zeros_like(dist))
    bonus = 0.5 * near
    vel_penalty = -vel_scale * torch.sum(torch.square(joint_vel), dim=-1)

    total = reach + bonus + vel_penalty
    components: Dict[str, Tensor] = {
        "reach": reach,
        "bonus": bonus,
        "vel_penalty": vel_penalty,
    }
    return total, components
