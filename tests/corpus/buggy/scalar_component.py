import torch


def compute_reward(x_velocity, action):
    effort = action.abs().mean()
    return x_velocity - action.abs().mean(dim=-1), {"effort": effort}
