import torch


def compute_reward(x_velocity):
    normalised = (x_velocity - x_velocity.mean()) / (x_velocity.std() + 1e-6)
    return normalised, {"normalised": normalised}
