import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, action: torch.Tensor):
    prev = getattr(compute_reward, "prev_dist", hand_to_goal_dist)
    progress = prev - hand_to_goal_dist
    compute_reward.prev_dist = hand_to_goal_dist.clone()
    reach = torch.exp(-hand_to_goal_dist)
    ctrl = -0.01 * action.pow(2).sum(dim=-1)
    total = 10.0 * progress + reach + ctrl
    return total, {"progress": 10.0 * progress, "reach": reach, "ctrl": ctrl}
