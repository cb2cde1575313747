import torch


def compute_reward(x_velocity):
    leader = torch.flip(x_velocity, dims=[0])
    return x_velocity - leader, {"ahead": x_velocity - leader}
