import torch


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    """Bounded forward progress plus posture."""
    forward = torch.clamp(x_velocity, min=2.0, max=-1.0)
    posture = torch.exp(-5.0 * torch.abs(torso_height - 1.2))

    total = forward + posture
    return total, {"forward": forward, "posture": posture}
