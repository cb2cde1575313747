import torch


def compute_reward_v3(
    hand_pos: torch.Tensor, goal_pos: torch.Tensor, prev_hand_pos: torch.Tensor, action: torch.Tensor
):
    """Version 3: rescale the distance reward and add a progress term."""
    dist = (hand_pos - goal_pos).norm(dim=-1)
    prev_dist = (prev_hand_pos - goal_pos).norm(dim=-1)

    distance_reward = torch.exp(-0.8 * dist)
    progress_reward = 5.0 * (prev_dist - dist)
    action_penalty = -0.03 * action.abs().sum(dim=-1)

    total_reward = distance_reward + progress_reward + action_penalty
    return total_reward, {
        "distance_reward": distance_reward,
        "progress_reward": progress_reward,
        "action_penalty": action_penalty,
    }
