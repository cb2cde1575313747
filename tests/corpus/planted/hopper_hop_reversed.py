import torch


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    """A wrong sign: it pays for hopping backwards and for falling."""
    forward = -x_velocity
    upright = -(torso_height > 0.7).float()
    return forward + upright, {"forward": forward, "upright": upright}
