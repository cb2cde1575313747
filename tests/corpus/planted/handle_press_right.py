import torch


def compute_reward(
    hand_position: torch.Tensor,
    handle_position: torch.Tensor,
    goal_position: torch.Tensor,
):
    """A little for the hand near the bar, much for the bar near its goal."""
    reach = 0.1 * torch.exp(-torch.norm(hand_position - handle_position, dim=-1) / 0.1)
    left = torch.abs(handle_position[:, 2] - goal_position[:, 2])
    press = torch.exp(-left / 0.05)
    there = 2.0 * (left < 0.02).float()
    return reach + press + there, {"reach": reach, "press": press, "there": there}
