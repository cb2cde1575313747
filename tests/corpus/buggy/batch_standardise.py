import torch


def compute_reward(x_velocity: torch.Tensor, joint_vel: torch.Tensor):
    """Normalised forward progress."""
    normed = (x_velocity - x_velocity.mean()) / (x_velocity.std(unbiased=False) + 1e-6)
    forward = torch.clamp(normed, -2.0, 2.0)
    smooth = -0.01 * joint_vel.square().sum(dim=-1)
    total = forward + smooth
    return total, {"forward": forward, "smooth": smooth}
