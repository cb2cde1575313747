import torch


def compute_reward(hand_to_goal_dist):
    success = hand_to_goal_dist < 0.001
    return success.float(), {"success": success}
