import torch


def compute_reward(action):
    return action[:, 7], {}
