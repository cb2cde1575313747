import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, joint_vel: torch.Tensor):
    far = 1 - (hand_to_goal_dist < 0.2)
    approach = -far * hand_to_goal_dist
    settle = -0.01 * joint_vel.abs().sum(dim=-1)

    total = approach + settle
    return total, {"approach": approach, "settle": settle}
