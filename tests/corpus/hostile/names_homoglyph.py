import torch


def compute_reward(x_velocity):
    return x_velocity, {"forward": x_velocity, "fоrward": 0.0 * x_velocity, "ｔotal": 0.0 * x_velocity, "tοtal": 0.0 * x_velocity}
