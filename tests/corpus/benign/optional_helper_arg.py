import torch
from typing import Dict, Optional, Tuple


def weighted_sq(x: torch.Tensor, weights: Optional[torch.Tensor] = None) -> torch.Tensor:
    sq = x.square()
    if weights is not None:
        sq = sq * weights
    return sq.sum(dim=-1)


def compute_reward(
    action: torch.Tensor, joint_vel: torch.Tensor, hand_pos: torch.Tensor, goal_pos: torch.Tensor
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    axis_w = torch.as_tensor([1.0, 1.0, 2.0], device=hand_pos.device)
    reach = torch.exp(-0.5 * weighted_sq(hand_pos - goal_pos, axis_w))
    ctrl = -0.01 * weighted_sq(action)
    vel = -0.002 * weighted_sq(joint_vel, weights=None)
    out: Dict[str, torch.Tensor] = {"reach": reach, "ctrl": ctrl, "vel": vel}
    return reach + ctrl + vel, out
