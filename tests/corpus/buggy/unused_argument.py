import torch


def compute_reward(x_velocity, action):
    return x_velocity, {"speed": x_velocity}
