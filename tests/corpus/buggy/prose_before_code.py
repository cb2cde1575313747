Here is an improved reward function that adds a smoothness term:

import torch


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor):
    forward = torch.tanh(x_velocity)
    ctrl = -0.01 * action.pow(2).sum(dim=-1)
    total = forward + ctrl
    return total, {"forward": forward, "ctrl": ctrl}
