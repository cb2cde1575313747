import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, joint_vel: torch.Tensor):
    reach = torch.exp(-4.0 * hand_to_goal_dist)
    smooth = -0.02 * joint_vel.abs().sum(dim=-1)
    bonus = 2.0 * (hand_to_goal_dist < 0.2).float()

    total = reach + smooth + bonus
    return total, {"reach": reach, "smooth": smooth}
