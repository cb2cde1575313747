import torch


def compute_reward(foot_pos, hand_pos):
    nearest = torch.norm(foot_pos - hand_pos.unsqueeze(1), dim=-1).argmin(dim=-1)
    chosen = foot_pos.index(1, nearest)
    return -torch.norm(chosen - hand_pos, dim=-1), {}
