import torch


def compute_reward(fingertip_position: torch.Tensor, goal_position: torch.Tensor):
    """The distance is rewarded, not its opposite."""
    distance = torch.norm(fingertip_position - goal_position, dim=-1)
    return distance, {"distance": distance}
