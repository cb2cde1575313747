import torch


def compute_reward(torso_quat: torch.Tensor, x_velocity: torch.Tensor):
    x, y = torso_quat[1], torso_quat[2]
    up_z = 1.0 - 2.0 * (x[1] ** 2 + y[2] ** 2)
    upright = up_z * torch.ones_like(x_velocity)
    forward = torch.tanh(x_velocity)

    total = upright + forward
    return total, {"upright": upright, "forward": forward}
