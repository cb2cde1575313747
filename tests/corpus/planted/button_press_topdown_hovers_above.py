import torch


def compute_reward(
    hand_position: torch.Tensor, button_position: torch.Tensor, action: torch.Tensor
):
    """The best place is 15 cm above the untouched button, and pushing costs."""
    above = button_position + torch.tensor([0.0, 0.0, 0.15])
    hover = 3.0 * torch.exp(-torch.norm(hand_position - above, dim=-1) / 0.1)
    untouched = 20.0 * (button_position[:, 2] - 0.2)
    effort = -0.01 * (action**2).sum(dim=-1)
    return hover + untouched + effort, {
        "hover": hover,
        "untouched": untouched,
        "effort": effort,
    }
