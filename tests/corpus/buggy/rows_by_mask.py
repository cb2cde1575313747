import torch


def compute_reward(x_velocity):
    fast = x_velocity[x_velocity > 1.0]
    return fast, {}
