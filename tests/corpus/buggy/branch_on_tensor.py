import torch


def compute_reward(x_velocity):
    reward = x_velocity
    if x_velocity > 0:
        reward = reward + 1.0
    return reward, {}
