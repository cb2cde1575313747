import torch
from typing import Callable

GAMMA = 0.99


def compute_reward(
    hand_to_goal_dist: torch.Tensor,
    prev_hand_to_goal_dist: torch.Tensor,
    torso_height: torch.Tensor,
    prev_torso_height: torch.Tensor,
):
    """r = base + gamma * Phi(s') - Phi(s), after Ng et al. 1999."""
    phi: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = lambda d, h: -4.0 * d + 0.5 * torch.clamp(h, max=1.3)

    shaping = GAMMA * phi(hand_to_goal_dist, torso_height) - phi(prev_hand_to_goal_dist, prev_torso_height)
    success = (hand_to_goal_dist <= 0.15).to(hand_to_goal_dist.dtype)
    total = shaping + success
    return total, {"shaping": shaping, "success": success}
