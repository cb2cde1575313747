import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, x_velocity: torch.Tensor):
    torch.manual_seed(0)
    target = 0.5 + torch.rand(x_velocity.shape[0], device=x_velocity.device)
    track = torch.exp(-((x_velocity - target) ** 2))
    reach = -hand_to_goal_dist
    total = track + reach
    return total, {"track": track, "reach": reach}
