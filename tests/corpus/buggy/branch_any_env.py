import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor):
    """Run forward without falling."""
    forward = torch.clamp(x_velocity, -1.0, 2.0)
    fall = torch.zeros_like(forward)
    if (torso_height < 1.0).any():
        fall = fall - 1.0
    total = forward + fall
    return total, {"forward": forward, "fall": fall}
