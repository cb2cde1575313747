import torch


def compute_reward(x_velocity):
    alive = torch.ones_like(x_velocity)
    return x_velocity + alive, {"speed": x_velocity, "alive": alive}
