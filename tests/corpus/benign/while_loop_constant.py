import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, x_velocity: torch.Tensor):
    radius = 0.4
    level = 1
    bonus = torch.zeros_like(hand_to_goal_dist)
    while radius > 0.06:
        bonus = bonus + level * torch.where(hand_to_goal_dist < radius, 0.1, 0.0)
        radius *= 0.5
        level += 1
    dense = -hand_to_goal_dist
    still = -0.1 * torch.abs(x_velocity)
    total = dense + bonus + still
    return total, {"dense": dense, "bonus": bonus, "still": still}
