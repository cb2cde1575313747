import torch


def compute_reward(hand_pos, goal_pos, hand_to_goal_dist, x_velocity):
    bonus = torch.zeros(hand_pos.shape[0], device=hand_pos.device)
    close = hand_to_goal_dist < 0.1
    bonus[close] = 1.0
    bonus[close] += 2.0 * x_velocity[close]
    bonus[~close] -= hand_to_goal_dist[~close]
    return bonus, {"bonus": bonus}
