import torch


def compute_reward(
    hand_position: torch.Tensor,
    handle_position: torch.Tensor,
    goal_position: torch.Tensor,
):
    """A little for the hand at the handle, much for the drawer that comes out."""
    reach = 0.1 * torch.exp(-torch.norm(hand_position - handle_position, dim=-1) / 0.1)
    left = torch.abs(handle_position[:, 1] - goal_position[:, 1])
    pull = 1.0 - left / 0.19
    there = 2.0 * (left < 0.03).float()
    return reach + pull + there, {"reach": reach, "pull": pull, "there": there}
