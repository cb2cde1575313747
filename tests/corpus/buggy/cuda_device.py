import torch


def compute_reward(x_velocity):
    return x_velocity + torch.zeros(x_velocity.shape[0], device="cuda:0"), {}
