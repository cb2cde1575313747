import torch


def compute_reward(x_velocity):
    steps = 0
    while True:
        steps += 1
    return x_velocity, {}
