import torch


def compute_reward(
    hand_position: torch.Tensor,
    handle_position: torch.Tensor,
    goal_position: torch.Tensor,
):
    """A little for the hand at the handle, much for the pane that slides."""
    reach = 0.1 * torch.exp(-torch.norm(hand_position - handle_position, dim=-1) / 0.1)
    left = torch.abs(handle_position[:, 0] - goal_position[:, 0])
    slide = 1.0 - left / 0.24
    there = 2.0 * (left < 0.05).float()
    return reach + slide + there, {"reach": reach, "slide": slide, "there": there}
