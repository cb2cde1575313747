import torch


def compute_reward(hand_pos: torch.Tensor, goal_pos: torch.Tensor, action: torch.Tensor):
    hp = hand_pos.double()
    gp = goal_pos.to(torch.float64)
    d2 = ((hp - gp) ** 2).sum(dim=-1)
    reach = torch.rsqrt(1.0 + d2).to(hand_pos.dtype)
    log_term = (-0.1 * torch.log1p(d2)).float()
    ctrl = -0.01 * action.pow(2).sum(dim=-1)
    total = reach + log_term + ctrl
    return total, {"reach": reach, "log_term": log_term, "ctrl": ctrl}
