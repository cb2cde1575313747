import torch


def compute_reward(puck_position: torch.Tensor, goal_position: torch.Tensor):
    """The puck far from the goal is paid for."""
    distance = torch.norm(puck_position - goal_position, dim=-1)
    return distance, {"distance": distance}
