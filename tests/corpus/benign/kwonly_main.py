import torch
from typing import Dict, Tuple


def compute_reward(
    *,
    x_velocity: torch.Tensor,
    torso_height: torch.Tensor,
    prev_action: torch.Tensor,
    action: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    lin_vel = torch.exp(-torch.square(x_velocity - 1.0) / 0.25)
    base_height = -2.0 * torch.square(torso_height - 1.2)
    action_rate = -0.01 * torch.sum(torch.square(action - prev_action), dim=1)
    rew = lin_vel + base_height + action_rate
    return rew, dict(lin_vel=lin_vel, base_height=base_height, action_rate=action_rate)
