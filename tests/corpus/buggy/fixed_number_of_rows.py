import torch


def compute_reward(x_velocity):
    bonus = torch.zeros(4096)
    return x_velocity + bonus, {}
