import torch


def compute_reward(hand_to_goal_dist):
    near = 1.0 / hand_to_goal_dist
    return near, {"near": near}
