import torch


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor):
    """The environment's own: forward speed less the effort."""
    forward = x_velocity
    effort = -0.1 * (action**2).sum(dim=-1)
    return forward + effort, {"forward": forward, "effort": effort}
