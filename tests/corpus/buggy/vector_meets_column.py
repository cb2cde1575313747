import torch


def compute_reward(hand_pos, x_velocity):
    height = hand_pos[:, 2:3]
    reward = x_velocity + height
    return reward, {}
