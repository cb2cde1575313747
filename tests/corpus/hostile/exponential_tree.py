import torch


def compute_reward(x_velocity):
    value = torch.tanh(x_velocity)
    for _ in range(300):
        value = 0.5 * (value + value)
    return value, {"value": value}
