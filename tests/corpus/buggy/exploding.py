import torch


def compute_reward(x_velocity, torso_height):
    return 1e9 * x_velocity + torso_height, {}
