import torch


def deeper(x, n):
    return deeper(x, n + 1) + 1


def compute_reward(x_velocity):
    return deeper(x_velocity, 0), {}
