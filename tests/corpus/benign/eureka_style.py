import torch
from torch import Tensor
from typing import Dict, Tuple


@torch.jit.script
def compute_reward(
    torso_height: torch.Tensor, x_velocity: torch.Tensor, action: torch.Tensor
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    velocity_temp: float = 2.0
    height_temp: float = 0.25
    velocity_reward = 1.0 - torch.exp(-torch.relu(x_velocity) / velocity_temp)
    height_reward = torch.exp(-torch.abs(torso_height - 1.25) / height_temp)
    action_penalty = 0.01 * torch.norm(action, p=2, dim=1)
    total_reward = velocity_reward + height_reward - action_penalty
    reward_components: Dict[str, torch.Tensor] = {
        "velocity_reward": velocity_reward,
        "height_reward": height_reward,
        "action_penalty": -action_penalty,
    }
    return total_reward, reward_components
