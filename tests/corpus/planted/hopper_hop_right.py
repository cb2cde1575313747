import torch


def compute_reward(
    x_velocity: torch.Tensor, torso_height: torch.Tensor, action: torch.Tensor
):
    """The environment's own: one for standing, the forward speed, a little off for effort."""
    forward = x_velocity
    upright = (torso_height > 0.7).float()
    effort = -0.001 * (action**2).sum(dim=-1)
    return forward + upright + effort, {
        "forward": forward,
        "upright": upright,
        "effort": effort,
    }
