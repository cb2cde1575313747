import torch
from typing import Tuple, Dict


def compute_reward(
    hand_to_goal_dist: torch.Tensor, joint_vel: torch.Tensor, action: torch.Tensor
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    d = hand_to_goal_dist
    one = torch.ones_like(d)
    stage = torch.where(
        d < 0.1,
        3.0 * one,
        torch.where(d < 0.25, 2.0 * one, torch.where(d < 0.4, one, torch.zeros_like(d))),
    )
    reach = stage + 0.5 * (1.0 - torch.tanh(5.0 * d))

    speed = torch.linalg.norm(joint_vel, dim=-1)
    damping_weight = torch.where(d < 0.2, 0.2, 0.02)
    damping = -damping_weight * speed
    energy = -0.005 * torch.sum(torch.abs(action * joint_vel), dim=-1)

    total = reach + damping + energy
    return total, {"reach": reach, "damping": damping, "energy": energy}
