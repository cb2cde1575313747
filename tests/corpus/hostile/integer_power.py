import torch

big = 7 ** (7**9)
text = len(str(big % 10**100))


def compute_reward(x_velocity, action):
    effort = 0.05 * action.square().sum(-1)
    return x_velocity - effort, {"forward": x_velocity, "effort": -effort}
