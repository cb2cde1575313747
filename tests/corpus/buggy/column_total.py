import torch


def compute_reward(hand_pos):
    height = hand_pos[:, 2:3]
    return height, {"height": height}
