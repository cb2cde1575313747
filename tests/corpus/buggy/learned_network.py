import torch
import torch.nn as nn

scorer = nn.Linear(6, 1)


def compute_reward(joint_vel: torch.Tensor, x_velocity: torch.Tensor):
    style = 0.1 * scorer(joint_vel).squeeze(-1).detach()
    forward = torch.tanh(x_velocity)
    total = style + forward
    return total, {"style": style, "forward": forward}
