import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, torso_height: torch.Tensor):
    """Sparse success reward."""
    reached = hand_to_goal_dist < 0.2
    standing = torso_height > 1.1
    success = torch.logical_and(reached, standing)

    components = {"success": success}
    return success, components
