import torch


def compute_reward(
    hand_position: torch.Tensor,
    puck_position: torch.Tensor,
    goal_position: torch.Tensor,
):
    """A little for reaching the puck, much for the puck near the goal."""
    reach = 0.1 * torch.exp(-torch.norm(hand_position - puck_position, dim=-1) / 0.1)
    distance = torch.norm(puck_position - goal_position, dim=-1)
    push = torch.exp(-distance / 0.15)
    there = 2.0 * (distance < 0.05).float()
    return reach + push + there, {"reach": reach, "push": push, "there": there}
