# Written by a language model in answer to the first prompt for push.

import torch


def compute_reward(
    hand_position: torch.Tensor,  # (num_envs, 3)
    puck_position: torch.Tensor,  # (num_envs, 3)
    goal_position: torch.Tensor,  # (num_envs, 3)
    action: torch.Tensor,  # (num_envs, 4)
    prev_action: torch.Tensor,  # (num_envs, 4)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    close_temperature = 0.1  # m
    goal_temperature = 0.05  # m

    hand_to_puck = puck_position[:, :2] - hand_position[:, :2]
    puck_to_goal = goal_position[:, :2] - puck_position[:, :2]
    hand_planar = torch.linalg.norm(hand_to_puck, dim=-1)
    puck_planar = torch.linalg.norm(puck_to_goal, dim=-1)

    cosine = (hand_to_puck * puck_to_goal).sum(dim=-1) / (hand_planar * puck_planar + 1e-6)
    close = torch.exp(-hand_planar / close_temperature)

    height_error = torch.clamp(torch.abs(hand_position[:, 2] - 0.065), max=1.0)
    hand_distance = torch.sqrt(hand_planar.square() + height_error.square() + 1e-6)

    components = {
        "hand_distance": -1.0 * torch.clamp(hand_distance, max=2.0),
        "puck_distance": -5.0 * torch.clamp(puck_planar, max=2.0),
        "align": 0.1 * close * cosine,
        "goal": 2.0 * torch.exp(-puck_planar / goal_temperature),
        "jerk": -0.005 * (action - prev_action).square().sum(dim=-1),
    }
    total = (
        components["hand_distance"]
        + components["puck_distance"]
        + components["align"]
        + components["goal"]
        + components["jerk"]
    )
    return total, components
