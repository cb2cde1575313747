import torch


def compute_reward(x_velocity):
    total = x_velocity
    for _ in range(3000):
        total = total + x_velocity
    return total, {}
