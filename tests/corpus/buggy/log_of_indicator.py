import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, action: torch.Tensor):
    success = (hand_to_goal_dist < 0.2).float()
    log_success = torch.log(success)
    dense = torch.exp(-3.0 * hand_to_goal_dist)
    ctrl = -0.01 * action.pow(2).sum(-1)
    total = log_success + dense + ctrl
    return total, {"log_success": log_success, "dense": dense, "ctrl": ctrl}
