import torch


def compute_reward(x_velocity, hand_pos):
    scaled = x_velocity * hand_pos
    return scaled.sum(dim=-1), {}
