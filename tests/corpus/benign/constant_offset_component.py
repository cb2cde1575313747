import torch
from math import exp, log

BASELINE = exp(-1.0)
HALF = log(2.0)


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor, action: torch.Tensor):
    alive = torch.full_like(torso_height, 0.25)
    speed = torch.exp(-(x_velocity - 1.0).abs()) - BASELINE
    height = torch.exp2(-((torso_height - 1.2) / 0.1).abs()) * HALF
    ctrl = -0.005 * torch.sum(torch.pow(action, 2), -1)
    total = alive + speed + height + ctrl
    return total, {"alive": alive, "speed": speed, "height": height, "ctrl": ctrl}
