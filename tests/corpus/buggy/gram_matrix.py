import torch


def compute_reward(joint_vel: torch.Tensor, x_velocity: torch.Tensor):
    energy = (joint_vel @ joint_vel.T).sum(dim=1)
    smooth = -0.01 * energy
    forward = torch.clamp(x_velocity, -1.0, 2.0)

    total = forward + smooth
    return total, {"forward": forward, "smooth": smooth}
