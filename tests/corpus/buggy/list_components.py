import torch


def compute_reward(hand_pos: torch.Tensor, goal_pos: torch.Tensor, action: torch.Tensor):
    dist = torch.linalg.norm(hand_pos - goal_pos, dim=-1)
    terms = []
    terms.append(torch.exp(-dist))
    terms.append(-0.01 * action.pow(2).sum(dim=-1))
    total = torch.stack(terms, dim=0).sum(dim=0)
    return total, terms
