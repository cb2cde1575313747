import torch


def compute_reward(pole_angle: torch.Tensor, cart_position: torch.Tensor):
    """One a step for a pole that stands, a little more for a quiet one in the middle."""
    upright = (torch.abs(pole_angle) < 0.2).float()
    middle = 0.2 * torch.exp(-torch.abs(cart_position) / 0.5)
    straight = 0.3 * torch.exp(-torch.abs(pole_angle) / 0.1)
    return upright + middle + straight, {
        "upright": upright,
        "middle": middle,
        "straight": straight,
    }
