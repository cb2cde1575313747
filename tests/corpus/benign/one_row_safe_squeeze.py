import torch


def compute_reward(hand_pos, goal_pos):
    product = torch.bmm(hand_pos.unsqueeze(1), goal_pos.unsqueeze(2)).squeeze()
    size = torch.linalg.norm(hand_pos, dim=-1, keepdim=True)
    return product - size.squeeze(-1), {"product": product, "size": -size.squeeze(-1)}
