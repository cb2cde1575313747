import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor):
    """Track the nominal height."""
    height_error = torso_height - 1.2
    height = -2.0 * torch.pow(height_error, 1.5)
    forward = torch.tanh(x_velocity)
    total = height + forward
    return total, {"height": height, "forward": forward}
