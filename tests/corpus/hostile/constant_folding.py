import torch

a = (((((1 << 100) ** 9) ** 9) ** 9) % 7)
b = ("x" * 4096) * 0
c = 1 ** 2 ** 3 ** 4 if 0 else 0


def compute_reward(hand_pos, goal_pos):
    gap = (hand_pos - goal_pos).norm(dim=-1)
    near = torch.exp(-4.0 * gap)
    return near, {"near": near}
