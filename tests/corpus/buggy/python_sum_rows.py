import torch


def compute_reward(action: torch.Tensor, x_velocity: torch.Tensor):
    effort = sum(action.pow(2).mean(dim=-1))
    forward = torch.tanh(x_velocity)
    cost = -0.01 * effort * torch.ones_like(forward)

    total = forward + cost
    return total, {"forward": forward, "cost": cost}
