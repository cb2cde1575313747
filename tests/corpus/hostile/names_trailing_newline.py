import torch


def compute_reward(x_velocity):
    return x_velocity, {"forward\n": x_velocity, "INJECTED\n": x_velocity}
