import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, action: torch.Tensor):
    # dense shaping term
    reach_reward = 1.0 / (1.0 + hand_to_goal_dist**2)

    # sparse bonuses
    bonus = torch.zeros_like(hand_to_goal_dist)
    bonus[hand_to_goal_dist < 0.4] += 0.5
    bonus[hand_to_goal_dist < 0.2] += 1.0
    bonus[hand_to_goal_dist < 0.1] += 2.0

    ctrl_cost = -1e-2 * action.square().sum(-1)
    total = reach_reward + bonus + ctrl_cost
    return total, {"reach": reach_reward, "bonus": bonus, "ctrl": ctrl_cost}
