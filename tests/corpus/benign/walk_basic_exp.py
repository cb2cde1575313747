import torch
from typing import Dict, Tuple


def compute_reward(
    x_velocity: torch.Tensor, torso_height: torch.Tensor, action: torch.Tensor
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Temperature parameters for the transformed rewards
    velocity_temp = 0.5
    height_temp = 10.0

    velocity_error = torch.abs(x_velocity - 1.5)
    velocity_reward = torch.exp(-velocity_temp * velocity_error)

    height_reward = torch.exp(-height_temp * (torso_height - 1.25) ** 2)

    action_penalty = -0.01 * torch.sum(action**2, dim=-1)

    total_reward = velocity_reward + height_reward + action_penalty
    reward_components = {
        "velocity_reward": velocity_reward,
        "height_reward": height_reward,
        "action_penalty": action_penalty,
    }
    return total_reward, reward_components
