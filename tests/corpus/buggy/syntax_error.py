import torch


def compute_reward(x_velocity):
    return (x_velocity, {"speed": x_velocity}
