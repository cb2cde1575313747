import torch


def compute_reward(x_velocity):
    pile = [0] * 1000
    while True:
        pile = pile + pile
    return x_velocity, {}
