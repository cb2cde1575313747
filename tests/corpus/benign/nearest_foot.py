import torch


def compute_reward(hand_pos, foot_pos, hand_to_goal_dist):
    dist = hand_to_goal_dist
    stages = torch.zeros_like(dist)
    stages = stages + 1.0 * (dist < 0.3) + 2.0 * (dist < 0.1)
    idx = torch.argmin((foot_pos - hand_pos.unsqueeze(1)).norm(dim=-1), dim=1)
    nearest = foot_pos[torch.arange(foot_pos.shape[0], device=foot_pos.device), idx]
    r = stages - nearest.norm(dim=-1)
    return r, {'stages': stages}
