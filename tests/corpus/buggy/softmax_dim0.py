import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, joint_vel: torch.Tensor):
    weight = torch.softmax(-hand_to_goal_dist, dim=0)
    reach = weight * hand_to_goal_dist.shape[0] * torch.exp(-hand_to_goal_dist)
    calm = -0.01 * joint_vel.abs().sum(dim=-1)

    total = reach + calm
    return total, {"reach": reach, "calm": calm}
