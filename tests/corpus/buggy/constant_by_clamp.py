import torch


def compute_reward(hand_to_goal_dist: torch.Tensor, torso_height: torch.Tensor):
    # closer is better
    reach = torch.clamp(-hand_to_goal_dist, min=0.0, max=1.0)
    # stay below the ceiling
    ceiling = -torch.relu(torso_height - 10.0)

    total = reach + ceiling
    return total, {"reach": reach, "ceiling": ceiling}
