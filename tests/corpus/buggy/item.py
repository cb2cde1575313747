import torch


def compute_reward(x_velocity, torso_height):
    best = x_velocity.item()
    return torso_height * best, {}
