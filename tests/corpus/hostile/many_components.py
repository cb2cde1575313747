import torch


def compute_reward(x_velocity):
    return x_velocity, {f"c{i}": x_velocity for i in range(100000)}
