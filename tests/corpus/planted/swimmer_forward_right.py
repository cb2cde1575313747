import torch


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor):
    """The environment's own: forward speed less a little effort."""
    forward = x_velocity
    effort = -0.0001 * (action**2).sum(dim=-1)
    return forward + effort, {"forward": forward, "effort": effort}
