import time

import torch


def compute_reward(x_velocity):
    noise = torch.rand_like(x_velocity)
    clock = float(time.time() % 7.0)
    return x_velocity + noise + clock, {"noise": noise}
