import torch
import typing as t

TensorDict = t.Dict[str, "torch.Tensor"]


def compute_reward(
    hand_to_goal_dist: "torch.Tensor",
    prev_hand_to_goal_dist: "torch.Tensor",
    action: "torch.Tensor",
) -> "t.Tuple[torch.Tensor, TensorDict]":
    """
    Reward for the reaching task.

    Args:
        hand_to_goal_dist: distance from hand to goal, shape (num_envs,).
        prev_hand_to_goal_dist: the same one step before.
        action: action tensor, shape (num_envs, 6).

    Returns:
        The total reward and a dictionary with each term.
    """
    distance_term = torch.div(1.0, 1.0 + 10.0 * hand_to_goal_dist)
    improved = hand_to_goal_dist < prev_hand_to_goal_dist
    progress_term = torch.where(
        improved,
        torch.tensor(0.2, device=action.device),
        torch.tensor(-0.1, device=action.device),
    )
    effort_term = torch.mul(action.norm(p=2, dim=-1), -0.02)
    reward: "torch.Tensor" = distance_term + progress_term + effort_term
    terms: TensorDict = {
        "distance": distance_term,
        "progress": progress_term,
        "effort": effort_term,
    }
    return reward, terms
