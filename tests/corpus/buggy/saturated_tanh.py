import torch


def compute_reward(torso_height: torch.Tensor, hand_to_goal_dist: torch.Tensor):
    height_temp = 100.0
    height = torch.tanh(height_temp * torso_height)
    reach = torch.exp(-4.0 * hand_to_goal_dist)

    total = height + reach
    return total, {"height": height, "reach": reach}
