import torch


def compute_reward(x_velocity, dt: float):
    decay = torch.exp(-dt)
    return x_velocity * decay, {"speed": x_velocity * decay}
