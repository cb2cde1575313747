import torch


def compute_reward(x_velocity):
    wide = x_velocity.unsqueeze(-1).expand(-1, 1 << 40).unsqueeze(-1).expand(-1, -1, 1 << 30)
    return wide.sum((-1, -2)), {"wide": wide.sum((-1, -2))}
