import torch


def compute_reward(hand_pos: torch.Tensor, goal_pos: torch.Tensor, action: torch.Tensor):
    dist = torch.norm(hand_pos - goal_pos, dim=-1, keepdim=True).squeeze()
    effort = action.pow(2).sum(dim=-1, keepdim=True).squeeze()
    reach = 1.0 / (1.0 + dist)
    ctrl = -0.01 * effort
    total = reach + ctrl
    return total, {"reach": reach, "ctrl": ctrl}
