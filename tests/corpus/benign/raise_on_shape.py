import torch
from typing import Dict, Tuple


def compute_reward(
    hand_pos: torch.Tensor, goal_pos: torch.Tensor, action: torch.Tensor
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    if hand_pos.shape[-1] != 3 or goal_pos.shape[-1] != 3:
        raise ValueError(f"positions must have 3 coordinates, got {hand_pos.shape[-1]}")
    delta = goal_pos - hand_pos
    planar = torch.hypot(delta[:, 0], delta[:, 1])
    vertical = delta[:, 2].abs()
    planar_reward = torch.exp(-planar)
    vertical_reward = 0.5 * torch.exp(-2.0 * vertical)
    effort = -0.01 * torch.sum(action * action, dim=1)
    total_reward = planar_reward + vertical_reward + effort
    return total_reward, {"planar": planar_reward, "vertical": vertical_reward, "effort": effort}
