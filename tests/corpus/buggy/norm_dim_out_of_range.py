import torch


def compute_reward(hand_pos: torch.Tensor, goal_pos: torch.Tensor, action: torch.Tensor):
    dist = torch.norm(hand_pos - goal_pos, dim=2)
    reach = torch.exp(-dist)
    ctrl = -0.01 * action.pow(2).sum(dim=-1)

    total = reach + ctrl
    return total, {"reach": reach, "ctrl": ctrl}
