import torch


def compute_reward(hand_pos: torch.Tensor, x_velocity: torch.Tensor):
    delta = goal_pos - hand_pos
    reach = torch.exp(-delta.norm(dim=-1))
    still = -0.1 * torch.abs(x_velocity)

    total = reach + still
    return total, {"reach": reach, "still": still}
