import torch

BIG = torch.ones(100000, 100000).exp()


def compute_reward(x_velocity):
    return x_velocity + BIG.sum(), {}
