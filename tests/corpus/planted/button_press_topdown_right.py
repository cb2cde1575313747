import torch


def compute_reward(
    hand_position: torch.Tensor,
    button_position: torch.Tensor,
    goal_position: torch.Tensor,
):
    """A little for the hand near the button, much for the button pressed."""
    reach = 0.1 * torch.exp(-torch.norm(hand_position - button_position, dim=-1) / 0.15)
    left = torch.abs(button_position[:, 2] - goal_position[:, 2])
    press = 1.0 - left / 0.0934
    there = 2.0 * (left < 0.024).float()
    return reach + press + there, {"reach": reach, "press": press, "there": there}
