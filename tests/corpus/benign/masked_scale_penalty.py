import torch
from torch import Tensor


def compute_reward(torso_height: Tensor, x_velocity: Tensor, joint_vel: Tensor):
    speed = torch.clamp(x_velocity, -2.0, 2.0)
    fallen = torso_height < 1.1
    forward = speed.clone()
    forward[fallen] *= 0.25
    backwards = x_velocity < 0
    forward[backwards] -= 0.1

    jv = joint_vel.clone()
    jv[jv.abs() < 0.2] = 0.0
    smooth = -0.02 * (jv**2).sum(dim=1)

    posture = torch.ones_like(torso_height)
    posture[fallen] = -0.5

    total = forward + smooth + posture
    return total, {"forward": forward, "smooth": smooth, "posture": posture}
