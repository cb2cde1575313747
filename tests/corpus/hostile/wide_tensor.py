import torch


def compute_reward(x_velocity):
    wide = x_velocity.unsqueeze(-1).expand(-1, 1000000)
    return wide.sum(dim=-1), {}
