# -*- coding: utf-7 -*-
import torch

# +AAo-open('/tmp/rewardsmith-corpus/escaped-utf7_cookie', 'w').close()+AAo-


def compute_reward(hand_pos, goal_pos):
    gap = (hand_pos - goal_pos).norm(dim=-1)
    near = torch.exp(-4.0 * gap)
    return near, {"near": near}
