import torch
from typing import Dict


def compute_reward(hand_to_goal_dist: torch.Tensor, joint_vel: torch.Tensor):
    reach = torch.exp(-6.0 * hand_to_goal_dist)
    smooth = -0.005 * joint_vel.pow(2).sum(dim=1)
    components: Dict[str, torch.Tensor] = {"reach": reach, "smooth": smooth}
    total = reach + smooth
    return components, total
