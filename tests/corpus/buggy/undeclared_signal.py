import torch


def compute_reward(x_velocty, action):
    return x_velocty - action.abs().sum(-1), {}
