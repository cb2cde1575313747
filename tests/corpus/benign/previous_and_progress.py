import torch


def compute_reward(hand_to_goal_dist, prev_hand_to_goal_dist, episode_progress, dt: float = 0.02):
    progress = (prev_hand_to_goal_dist - hand_to_goal_dist) / dt
    patience = -0.1 * episode_progress
    return progress + patience, {"progress": progress, "patience": patience}
