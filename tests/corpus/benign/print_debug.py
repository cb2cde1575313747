import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, action: torch.Tensor):
    reach = torch.exp(-4.0 * hand_to_goal_dist)
    ctrl = -0.01 * action.pow(2).sum(dim=-1)
    print("mean distance:", hand_to_goal_dist.mean())
    total = reach + ctrl

    return total, {"reach": reach, "ctrl": ctrl}
