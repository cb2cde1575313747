import torch

HISTORY = []


def compute_reward(x_velocity, history=HISTORY, count=[0]):
    count[0] += 1
    return x_velocity * count[0], {}
