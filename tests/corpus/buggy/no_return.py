import torch


def compute_reward(x_velocity):
    reward = x_velocity
