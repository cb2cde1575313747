import torch

HUGE = 10 ** (10**8)


def compute_reward(x_velocity):
    return x_velocity * (HUGE % 7), {}
