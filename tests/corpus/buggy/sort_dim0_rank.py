import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, action: torch.Tensor):
    order = torch.argsort(hand_to_goal_dist, dim=0)
    rank = torch.argsort(order, dim=0).float()
    ranked = 1.0 - rank / hand_to_goal_dist.shape[0]
    ctrl = -0.01 * action.pow(2).sum(dim=-1)

    total = ranked + ctrl
    return total, {"ranked": ranked, "ctrl": ctrl}
