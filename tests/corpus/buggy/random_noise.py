import torch


def compute_reward(x_velocity):
    return x_velocity + 0.1 * torch.randn_like(x_velocity), {}
